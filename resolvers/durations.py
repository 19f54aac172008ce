"""Durations of fixed length, as clients write them: `90m`, `36h`, `7d`, `2w`."""

from __future__ import annotations

import re
from datetime import timedelta

_PATTERN = re.compile(r"(\d{1,10})([smhdw])", re.ASCII)
# A century: from now it stays within the calendar.
_LONGEST_SECONDS = 36_525 * 86_400
_UNITS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}


def parse_duration(text: object) -> timedelta:
    """Raises ValueError for anything else, zero and more than a century included."""
    match = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if match is None or int(match[1]) == 0:
        raise ValueError("a duration is a whole number with a unit: 90m, 36h, 7d or 2w")
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > _LONGEST_SECONDS:
        raise ValueError("a duration is at most 36525d")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """The largest unit that divides it."""
    seconds = int(duration.total_seconds())
    unit = next(unit for unit, size in _UNITS.items() if seconds % size == 0) if seconds else "s"
    return f"{seconds // _UNITS[unit]}{unit}"
