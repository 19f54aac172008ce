"""How the providers without milliseconds write and read a time."""

from datetime import UTC, datetime


def rfc3339(seconds: float) -> str:
    """In whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def unix_seconds(given: str) -> int:
    """Of unix seconds, or of ISO 8601, which is UTC unless it says otherwise; ValueError for anything else."""
    if given.isdecimal():
        return int(given)
    instant = datetime.fromisoformat(given)
    return int((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp())
