"""Instants as files write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from resolvers.errors import ApiError, Code


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """`pattern` is one of strptime; without one times are ISO 8601. `zone` is for times that name none."""

    pattern: str | None = None
    zone: tzinfo = UTC

    @classmethod
    def of(cls, pattern: str | None, zone: str | None) -> TimeFormat:
        """Raises ApiError for a pattern that reads nothing and a zone that nobody knows."""
        if pattern is not None:
            _check_pattern(pattern)
        try:
            return cls(pattern, ZoneInfo(zone) if zone else UTC)
        except (KeyError, ValueError, OSError) as error:
            text = f"there is no time zone {zone!r:.80} on this server; it is a name such as Europe/Berlin"
            raise ApiError(Code.BAD_INPUT, text, field=["mapping", "timeZone"]) from error

    def parse(self, text: str) -> datetime:
        """UTC. Raises ValueError, in words."""
        try:
            found = _strptime(text, self.pattern) if self.pattern else _parse_iso(text)
            return (found if found.tzinfo else found.replace(tzinfo=self.zone)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            form = f"{self.pattern!r:.80}" if self.pattern else "ISO 8601, such as 2026-11-20T12:00:00Z"
            raise ValueError(f"{text[:40]!r} is not a time of the form {form}") from error


def _parse_iso(text: str) -> datetime:
    """Also with ` UTC` behind it, as Coinbase writes it."""
    return datetime.fromisoformat(text.removesuffix(" UTC") + "Z" if text.endswith(" UTC") else text)


def _strptime(text: str, pattern: str) -> datetime:
    return datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone of times that name none is set by `parse`


def _check_pattern(pattern: str) -> None:
    try:
        sample = datetime(2026, 11, 20, 13, 14, 15, tzinfo=UTC).strftime(pattern)
        fits = "%" in pattern and _strptime(sample, pattern).date().isoformat() == "2026-11-20"
    except (ValueError, re.error):  # of one that has a part twice
        fits = False
    if not fits:
        text = f"{pattern!r:.80} cannot be read as a date; write it as %d.%m.%Y %H:%M"
        raise ApiError(Code.BAD_INPUT, text, field=["mapping", "timeFormat"])
