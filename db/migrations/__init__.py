"""Alembic migrations; run through `db.migrate`."""
