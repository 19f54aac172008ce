"""How long a provider asks to wait."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# No wait is believed to be longer than a month.
LONGEST_WAIT_SECONDS = 31 * 86_400.0


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds, or an HTTP date (RFC 9110, 10.2.3); anything else counts as absent. One second of margin."""
    if not value:
        return None
    if value.strip().isdecimal():
        return min(float(value), LONGEST_WAIT_SECONDS) + 1
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    seconds = (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()
    return min(max(0.0, seconds), LONGEST_WAIT_SECONDS) + 1
