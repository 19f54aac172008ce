"""From stored buckets to the points of an answer: what is missing, what is settled, and what stands in for holes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from db.candles import CandleRow
from db.reference import PROVIDER_IDS
from db.series import DAY, RECHECK, Granularity, Window
from resolvers.errors import ApiError, Code
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
    origin: PointOrigin
    state: PointState
    price: float | None = None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    close: float | None = None
    volume_24h: float | None = None
    market_cap: float | None = None
    samples: int = 0
    provider_id: int | None = None
    observed_at: datetime | None = None
    revision: int = 0
    fx_rate: float | None = None
    fx_rate_at: datetime | None = None


def make_points(rows: Sequence[CandleRow], asked: Asked, filling: Filling, now: datetime) -> list[PointView]:
    """The points of a range, oldest first.

    The bucket that is running now is among them once something of it is stored. `rows` may begin before the range:
    such rows are only carried. DATA_INCOMPLETE under ERROR when a bucket lacks a sample that it should have by now.
    """
    by_time = {row.ts: row for row in rows}
    points = []
    lacking = []
    carried = _Carried(filling.patience(asked.granularity), [row for row in rows if row.ts < asked.window.start])
    for time in asked.times(now):
        bucket = Window(time, asked.interval.after(time))
        row = by_time.get(time)
        if row is None and bucket.end > now:
            continue
        whole = row is not None and row.samples == bucket.buckets(asked.granularity.width)
        state = _state(row if whole else None, bucket.end, now)
        if not whole and bucket.end <= (now - RECHECK if filling.final_only else now):
            lacking.append(time)
        point = _from_row(row, state) if row else carried.point(time, state)
        carried.note(row)
        if not (filling.final_only and state is not PointState.FINAL):
            points.append(point)
    if filling.policy is GapPolicy.ERROR and lacking:
        raise _incomplete(lacking)
    if filling.policy is GapPolicy.OMIT:
        return [point for point in points if point.origin is not PointOrigin.MISSING]
    return points


class _Carried:
    """The price that is carried forward, as long as it is not too old."""

    def __init__(self, patience: timedelta, before: Sequence[CandleRow]) -> None:
        self._patience = patience
        self._last = before[-1] if before else None

    def note(self, row: CandleRow | None) -> None:
        self._last = row or self._last

    def point(self, time: datetime, state: PointState) -> PointView:
        last = self._last
        if last is None or time - last.closed_at > self._patience:
            return PointView(time, PointOrigin.MISSING, state)
        return PointView(
            time,
            PointOrigin.CARRIED,
            state,
            price=last.close,
            open=last.close,
            high=last.close,
            low=last.close,
            close=last.close,
            provider_id=last.closed_by,
            observed_at=last.closed_at,
        )


def _state(whole: CandleRow | None, end: datetime, now: datetime) -> PointState:
    """None for a bucket that lacks samples: a refresh may still bring them."""
    if end > now:
        return PointState.PARTIAL
    if end > now - RECHECK or whole is None or whole.provisional:
        return PointState.PROVISIONAL
    return PointState.FINAL


def _from_row(row: CandleRow, state: PointState) -> PointView:
    return PointView(
        row.ts,
        _origin(row),
        state,
        row.price,
        row.price,
        row.high,
        row.low,
        row.close,
        row.volume_24h,
        row.market_cap,
        row.samples,
        row.provider_id,
        row.observed_at,
        row.revision,
        row.fx_rate,
        row.fx_rate_at,
    )


def _origin(row: CandleRow) -> PointOrigin:
    if row.fx_rate is not None:
        return PointOrigin.DERIVED
    return PointOrigin.MANUAL if row.provider_id == PROVIDER_IDS["MANUAL"] else PointOrigin.OBSERVED


def _incomplete(lacking: Sequence[datetime]) -> ApiError:
    first = lacking[0].isoformat().replace("+00:00", "Z")
    return ApiError(
        Code.DATA_INCOMPLETE,
        f"samples are missing in {len(lacking):,} buckets, the first at {first}; `coverage {{ gaps }}` says why",
    )
