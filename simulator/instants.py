"""How the providers without milliseconds write and read a time."""

from datetime import UTC, datetime


def rfc3339(seconds: float) -> str:
    """In whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def unix_seconds(given: str) -> int:
    """Of unix seconds, or of ISO 8601; ValueError for anything else."""
    return int(given) if given.isdecimal() else int(utc(given).timestamp())


def utc(given: str) -> datetime:
    """Of ISO 8601, which is UTC unless it says otherwise; ValueError for anything else."""
    instant = datetime.fromisoformat(given)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
