"""Syncs: reading an account from its source."""
