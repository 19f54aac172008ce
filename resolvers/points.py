"""From stored buckets to the points of an answer: what is missing, what is settled, and what stands in for holes.

Points are made column by column, and only those columns that somebody asks for: a long history costs a few list
operations, not a few steps a point.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import orjson

from db.candles import Candles
from db.reference import PROVIDER_CODES
from db.series import DAY, RECHECK, Granularity
from resolvers.errors import ApiError, Code
from resolvers.intervals import Interval
from resolvers.ranges import Asked


class GapPolicy(StrEnum):
    NULLS = "NULLS"
    OMIT = "OMIT"
    CARRY = "CARRY"
    ERROR = "ERROR"


class PointOrigin(StrEnum):
    OBSERVED = "OBSERVED"
    MANUAL = "MANUAL"
    DERIVED = "DERIVED"
    CARRIED = "CARRIED"
    MISSING = "MISSING"


class PointState(StrEnum):
    PARTIAL = "PARTIAL"
    PROVISIONAL = "PROVISIONAL"
    FINAL = "FINAL"


@dataclass(frozen=True, slots=True)
class Filling:
    """What stands for buckets that are not stored; `carry_limit` bounds the age of a carried price."""

    policy: GapPolicy = GapPolicy.NULLS
    carry_limit: timedelta | None = None
    final_only: bool = False

    def patience(self, granularity: Granularity) -> timedelta:
        """How old a carried price may be; none is carried under the other policies."""
        if self.policy is not GapPolicy.CARRY:
            return timedelta(0)
        return self.carry_limit or (DAY if granularity is Granularity.HOURLY else 7 * DAY)

    def lookback(self, granularity: Granularity) -> timedelta:
        """How far before the range a price may lie that is carried into it, in whole stored buckets."""
        patience = self.patience(granularity)
        return -(-patience // granularity.width) * granularity.width


class PointView(NamedTuple):
    """One point of an answer. Without values it is MISSING."""

    time: datetime
    origin: str
    state: str
    price: float | None = None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    close: float | None = None
    volume24h: float | None = None
    market_cap: float | None = None
    samples: int = 0
    provider: str | None = None
    observed_at: datetime | None = None
    revision: int = 0
    fx_rate: float | None = None
    fx_rate_at: datetime | None = None


# The stored column that each of these is, and the one that is carried into a hole.
_STORED = {
    "price": ("price", "close"),
    "open": ("price", "close"),
    "high": ("high", "close"),
    "low": ("low", "close"),
    "close": ("close", "close"),
    "volume24h": ("volume_24h", None),
    "market_cap": ("market_cap", None),
    "observed_at": ("observed_at", "closed_at"),
    "fx_rate": ("fx_rate", None),
    "fx_rate_at": ("fx_rate_at", None),
}
_CARRIED = ("close", "closed_at", "closed_by")


def stored_columns(fields: Collection[str], asked: Asked, filling: Filling, *, converted: bool) -> tuple[str, ...]:
    """What has to be read, of db.candle_query, to give these fields of the points."""
    wanted = {_STORED[name][0] for name in fields if name in _STORED}
    if "provider" in fields or ("origin" in fields and not converted):
        wanted.add("provider_id")
    if "revision" in fields:
        wanted.add("revision")
    if filling.policy is GapPolicy.CARRY:
        wanted.update(_CARRIED)
    if asked.combines:
        wanted.add("samples")
    return tuple(sorted(wanted))


@dataclass(frozen=True)
class Buckets:
    """Starts of buckets that follow each other: as times, as seconds since 1970, and as they are written."""

    times: Sequence[datetime]
    stamps: Sequence[float]
    texts: Sequence[str]


@lru_cache(maxsize=16)  # a dashboard asks for the same range again and again
def _list_buckets(interval: Interval, start: datetime, count: int) -> Buckets:
    times = interval.starts(start, count)
    texts: list[str] = orjson.loads(orjson.dumps(times, option=orjson.OPT_UTC_Z))
    return Buckets(times, [time.timestamp() for time in times], texts)


class Grid:
    """The buckets of a range that have begun by now; of many coins the same. `asked` may be a part of what was asked.

    The first `ended` of them have ended, and of those the first `settled` so long ago that nothing recent changes them.
    """

    def __init__(self, asked: Asked, now: datetime) -> None:
        self.asked = asked
        self.buckets = _list_buckets(asked.interval, asked.window.start, asked.count(now))
        self.times = self.buckets.times
        self.ended = self._count_ended(now)
        self.settled = self._count_ended(now - RECHECK)

    @cached_property
    def samples(self) -> list[int]:
        """How many stored buckets make up each one."""
        width, after = self.asked.granularity.width, self.asked.interval.after
        ends = [*self.times[1:], after(self.times[-1])] if self.times else []
        return [(end - start) // width for start, end in zip(self.times, ends, strict=True)]

    def find(self, stamp: float) -> int:
        """The place of the bucket that a time lies in; -1 outside of them all."""
        place = bisect_right(self.buckets.stamps, stamp) - 1
        inside = place >= 0 and stamp < self.asked.interval.after(self.times[place]).timestamp()
        return place if inside else -1

    def _count_ended(self, now: datetime) -> int:
        begun = bisect_right(self.times, now)
        return begun - 1 if begun and self.asked.interval.after(self.times[begun - 1]) > now else begun


class PointTable:
    """The points of one series over a range, oldest first.

    The bucket that is running now is among them once something of it is stored. The candles may begin before the range:
    such rows are only carried. `lacking` are the buckets that should be whole by now and are not.
    """

    def __init__(self, grid: Grid, candles: Candles, filling: Filling, *, converted: bool = False) -> None:
        self._grid = grid
        self._candles = candles
        self._filling = filling
        self._converted = converted
        self._rows = self._find_rows()
        self._carried = self._find_carried() if filling.policy is GapPolicy.CARRY else None
        self.lacking = self._find_lacking() if filling.policy is GapPolicy.ERROR else []
        kept = self._find_kept()
        self._kept = None if kept is None or len(kept) == len(self._rows) else kept

    def __len__(self) -> int:
        return len(self._rows if self._kept is None else self._kept)

    def column(self, name: str) -> Sequence[Any]:
        """One field of every point, under its name in PointView; `time_text` is the time as it is written."""
        values = self._all(name)
        return values if self._kept is None else [values[place] for place in self._kept]

    def views(self) -> list[PointView]:
        return list(map(PointView._make, zip(*map(self.column, PointView._fields), strict=True)))

    def _find_rows(self) -> Sequence[int]:
        """The place of the stored row of each bucket; -1 for a hole. A running bucket without a row is left out."""
        grid, stored = self._grid, self._candles.stamps
        stamps, count = grid.buckets.stamps, len(grid.times)
        first = bisect_left(stored, stamps[0]) if count else 0
        expected = grid.ended + (bool(stored) and count > grid.ended and stored[-1] == stamps[-1])
        there = len(stored) - first
        if there == expected and (there == 0 or stored[-1] == stamps[expected - 1]):
            return range(first, len(stored))  # rows lie on the grid: as many, up to the same one, are the same
        places = {stamp: place for place, stamp in enumerate(stored)}
        rows = [places.get(stamp, -1) for stamp in stamps]
        return rows[: grid.ended] if count > grid.ended and rows[-1] < 0 else rows

    @property
    def _dense(self) -> bool:
        return isinstance(self._rows, range)

    def _find_carried(self) -> list[int]:
        """The place of the row whose last sample is carried into each hole; -1 where none is."""
        closed_at, patience = self._candles.columns["closed_at"], self._filling.patience(self._grid.asked.granularity)
        last = bisect_left(self._candles.stamps, self._grid.asked.window.start.timestamp()) - 1
        found = []
        for time, row in zip(self._grid.times, self._rows, strict=False):
            last = max(last, row)
            found.append(last if row < 0 <= last and time - closed_at[last] <= patience else -1)
        return found

    def _find_lacking(self) -> list[datetime]:
        due = self._grid.settled if self._filling.final_only else self._grid.ended
        broken = self._broken
        return [time for place, time in enumerate(self._grid.times[:due]) if place in broken]

    def _find_kept(self) -> list[int] | None:
        if self._filling.final_only:
            return [place for place, state in enumerate(self._states) if state == PointState.FINAL]
        if self._filling.policy is GapPolicy.OMIT and not self._dense:
            return [place for place, row in enumerate(self._rows) if row >= 0]
        return None

    @cached_property
    def _broken(self) -> set[int]:
        """The buckets of which samples are missing."""
        rows = self._rows
        holes = set() if self._dense else {place for place, row in enumerate(rows) if row < 0}
        if not self._grid.asked.combines:
            return holes
        samples, whole = self._candles.columns["samples"], self._grid.samples
        return holes | {place for place, row in enumerate(rows) if row >= 0 and samples[row] < whole[place]}

    @cached_property
    def _states(self) -> list[str]:
        """PROVISIONAL is also a bucket that lacks samples: a refresh may still bring them."""
        grid = self._grid
        states = [PointState.FINAL.value] * grid.settled
        states += [PointState.PROVISIONAL.value] * (grid.ended - grid.settled)
        states += [PointState.PARTIAL.value] * (len(self._rows) - grid.ended)
        waiting = {grid.find(stamp) for stamp in self._candles.provisional}
        for place in self._broken | waiting:
            if 0 <= place < grid.settled:
                states[place] = PointState.PROVISIONAL.value
        return states

    def _all(self, name: str) -> Sequence[Any]:
        """Of every bucket, kept or not."""
        if name == "time":
            return self._grid.times[: len(self._rows)]
        if name == "time_text":
            return self._grid.buckets.texts[: len(self._rows)]
        if name == "state":
            return self._states
        if name == "origin":
            return self._origins()
        if name == "samples":
            return self._spread(self._samples(), 0)
        if name == "revision":
            return self._spread(self._candles.columns["revision"], 0)
        if name == "provider":
            return [PROVIDER_CODES.get(id_) for id_ in self._spread_carried("provider_id", "closed_by")]
        stored, carried = _STORED[name]
        return self._spread_carried(stored, carried)

    def _samples(self) -> Sequence[int]:
        return self._candles.columns["samples"] if self._grid.asked.combines else [1] * len(self._candles.stamps)

    def _origins(self) -> list[str]:
        if self._converted:
            given = [PointOrigin.DERIVED.value] * len(self._candles.stamps)
        else:
            given = [_origin(id_) for id_ in self._candles.columns["provider_id"]]
        found = list(self._spread(given, PointOrigin.MISSING.value))
        for place, row in enumerate(self._carried or ()):
            if row >= 0:
                found[place] = PointOrigin.CARRIED.value
        return found

    def _spread_carried(self, name: str, carried: str | None) -> Sequence[Any]:
        values = self._spread(self._candles.columns[name], None)
        if carried is None or self._carried is None:
            return values
        last = self._candles.columns[carried]
        return [value if row < 0 else last[row] for value, row in zip(values, self._carried, strict=True)]

    def _spread(self, values: Sequence[Any], hole: Any) -> Sequence[Any]:
        """The stored values, one for each bucket."""
        rows = self._rows
        if isinstance(rows, range):
            return values if len(rows) == len(values) else values[rows.start : rows.stop]
        return [values[row] if row >= 0 else hole for row in rows]


def _origin(provider_id: int) -> str:
    manual = PROVIDER_CODES[provider_id] == PointOrigin.MANUAL
    return PointOrigin.MANUAL.value if manual else PointOrigin.OBSERVED.value


def check_complete(lacking: Sequence[datetime]) -> None:
    """DATA_INCOMPLETE when a bucket lacks a sample that it should have by now."""
    if lacking:
        first = lacking[0].isoformat().replace("+00:00", "Z")
        raise ApiError(
            Code.DATA_INCOMPLETE,
            f"samples are missing in {len(lacking):,} buckets, the first at {first}; `coverage {{ gaps }}` says why",
        )
