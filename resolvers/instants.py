"""Instants as clients write them: ISO 8601 with an offset, or relative to the request's own now."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from db.series import DAY, HOUR, floor
from resolvers.errors import ApiError, Code

_RELATIVE = re.compile(
    r"now(?:(?P<sign>[+-])(?P<count>\d{1,6})(?P<unit>mo|[smhdwy]))?(?:/(?P<floor>mo|[hdwy]))?", re.ASCII
)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
# The Monday that weeks are counted from.
_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Instant:
    """An instant as it was written; it becomes a time when the request's now is known."""

    text: str

    @classmethod
    def parse(cls, text: object) -> Instant:
        """Refuses what is no instant; raises ValueError."""
        if not isinstance(text, str) or len(text) > 64:
            raise ValueError(_HINT)
        if not _RELATIVE.fullmatch(text):
            _read_iso(text)
        return cls(text)

    def resolve(self, now: datetime) -> datetime:
        """UTC. Raises ApiError when the arithmetic leaves the calendar."""
        match = _RELATIVE.fullmatch(self.text)
        if match is None:
            return _read_iso(self.text)
        try:
            instant = _shift(now, match["sign"], match["count"], match["unit"])
            return _floor(instant, match["floor"])
        except (OverflowError, ValueError) as error:
            raise ApiError(Code.RANGE_INVALID, f"{self.text!r} is outside the calendar") from error


def write_instant(instant: datetime) -> str:
    """As it is written in answers and messages."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


_HINT = "an instant is ISO 8601 with an offset (2026-11-20T12:00:00Z) or relative (now, now-7d, now-1mo, now-1d/d)"


def _read_iso(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(_HINT) from error
    if instant.tzinfo is None:
        raise ValueError(f"{_HINT}; this one has no offset: append Z for UTC")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(_HINT) from error


def _shift(now: datetime, sign: str | None, count: str | None, unit: str | None) -> datetime:
    if sign is None or count is None or unit is None:
        return now
    steps = int(count) if sign == "+" else -int(count)
    if unit in _SECONDS:
        return now + timedelta(seconds=steps * _SECONDS[unit])
    return _add_months(now, steps * (12 if unit == "y" else 1))


def _add_months(instant: datetime, months: int) -> datetime:
    """The same day of another month, or that month's last day where it has no such day."""
    year, month = divmod(instant.year * 12 + instant.month - 1 + months, 12)
    day = min(instant.day, calendar.monthrange(year, month + 1)[1])
    return instant.replace(year=year, month=month + 1, day=day)


def _floor(instant: datetime, unit: str | None) -> datetime:
    match unit:
        case "h":
            return floor(instant, HOUR)
        case "d":
            return floor(instant, DAY)
        case "w":
            return instant - (instant - _MONDAY) % timedelta(weeks=1)
        case "mo":
            return floor(instant, DAY).replace(day=1)
        case "y":
            return floor(instant, DAY).replace(month=1, day=1)
    return instant
