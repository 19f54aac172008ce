"""Durations of fixed length, as clients write them: `90m`, `36h`, `7d`, `2w`."""

from __future__ import annotations

import re
from datetime import timedelta

_PATTERN = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}


def parse_duration(text: object) -> timedelta:
    """Raises ValueError for anything else, zero included."""
    match = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if match is None or int(match[1]) == 0:
        raise ValueError("a duration is a whole number with a unit: 90m, 36h, 7d or 2w")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def format_duration(duration: timedelta) -> str:
    """The largest unit that divides it."""
    seconds = int(duration.total_seconds())
    unit = next(unit for unit, size in _UNITS.items() if seconds % size == 0)
    return f"{seconds // _UNITS[unit]}{unit}"
