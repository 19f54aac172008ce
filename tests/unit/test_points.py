"""From stored buckets to points: nothing is lost, invented, or carried for too long."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from db.candle_query import COLUMNS
from db.candles import Candles
from db.reference import PROVIDER_CODES, PROVIDER_IDS
from db.series import DAY, HOUR, Window
from resolvers.errors import ApiError, Code
from resolvers.intervals import Interval
from resolvers.points import (
    Filling,
    GapPolicy,
    Grid,
    PointOrigin,
    PointState,
    PointTable,
    PointView,
    check_complete,
)
from resolvers.ranges import Asked

ORIGIN = datetime(2026, 2, 26, tzinfo=UTC)
INTERVALS = st.sampled_from([Interval.HOUR_1, Interval.HOUR_4, Interval.DAY_1, Interval.MONTH_1])
NONE, SETTLED, WAITING, MANUAL = range(4)
LIMITS = st.none() | st.timedeltas(timedelta(seconds=1), timedelta(days=60))


class CandleRow(NamedTuple):
    """What is stored of one bucket."""

    ts: datetime
    price: float
    high: float
    low: float
    close: float
    volume_24h: float
    market_cap: float
    samples: int
    provisional: bool
    observed_at: datetime
    closed_at: datetime
    provider_id: int
    closed_by: int
    revision: int
    fx_rate: float | None = None
    fx_rate_at: datetime | None = None


def row(start: datetime, closed_after: timedelta, kind: int = SETTLED, samples: int = 1) -> CandleRow:
    """A candle whose values all differ, and differ from those of other candles."""
    price = 100.0 + (start - ORIGIN) / HOUR
    return CandleRow(
        ts=start,
        price=price,
        high=price + 0.3,
        low=price - 0.3,
        close=price + 0.1,
        volume_24h=price * 2,
        market_cap=price * 3,
        samples=samples,
        provisional=kind == WAITING,
        observed_at=start + timedelta(seconds=41),
        closed_at=start + closed_after,
        provider_id=PROVIDER_IDS["MANUAL" if kind == MANUAL else "COINGECKO"],
        closed_by=PROVIDER_IDS["COINPAPRIKA"],
        revision=2,
    )


def make_points(rows: list[CandleRow], asked: Asked, filling: Filling, now: datetime) -> list[PointView]:
    columns = {name: [getattr(one, name) for one in rows] for name in COLUMNS}
    stamps = [one.ts.timestamp() for one in rows]
    provisional = [stamp for stamp, one in zip(stamps, rows, strict=True) if one.provisional]
    candles = Candles(stamps, columns, provisional)
    converted = any(one.fx_rate for one in rows)
    table = PointTable(Grid(asked, now), candles, filling, converted=converted)
    check_complete(table.lacking)
    assert len(table) == len(table.views())
    return table.views()


def begun(asked: Asked) -> list[datetime]:
    return asked.interval.starts(asked.window.start, asked.interval.buckets(asked.window))


@st.composite
def candles(draw: st.DrawFn, interval: Interval) -> list[CandleRow]:
    """Of buckets from ten before ORIGIN on, with holes; the last sample lies anywhere inside."""
    first = interval.floor(ORIGIN)
    for _ in range(10):
        first = interval.floor(first - HOUR)
    kinds = draw(st.lists(st.integers(NONE, MANUAL), max_size=30))
    found = []
    for place, kind in enumerate(kinds):
        start = interval.after(first, place)
        width = interval.after(start) - start
        samples = whole(interval, start) - draw(st.integers(0, 3)) // 3
        if kind != NONE and samples:
            found.append(row(start, draw(st.timedeltas(timedelta(0), width - HOUR / 2)), kind, samples))
    return found


def whole(interval: Interval, start: datetime) -> int:
    """How many stored buckets make up one of the interval."""
    return (interval.after(start) - start) // interval.granularity.width


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[CandleRow], Asked, datetime]:
    interval = draw(INTERVALS)
    start = interval.after(interval.floor(ORIGIN), draw(st.integers(0, 5)))
    end = interval.after(start, draw(st.integers(1, 20))) - timedelta(seconds=draw(st.integers(0, 3599)))
    now = end + draw(st.timedeltas(timedelta(0), timedelta(days=4)))
    stored = [one for one in draw(candles(interval)) if one.ts <= now]
    return stored, Asked(Window(start, end), interval, interval.granularity), now


FILLINGS = st.builds(Filling, st.sampled_from(GapPolicy), LIMITS, st.booleans())


def expected_state(stored: CandleRow | None, interval: Interval, start: datetime, now: datetime) -> PointState:
    end = interval.after(start)
    if now < end:
        return PointState.PARTIAL
    settled = stored is not None and stored.samples == whole(interval, start) and not stored.provisional
    return PointState.FINAL if settled and now >= end + timedelta(hours=48) else PointState.PROVISIONAL


def expected_point(rows: list[CandleRow], start: datetime, asked: Asked, filling: Filling, now: datetime) -> PointView:
    """One bucket by itself, from all that is stored."""
    own = next((one for one in rows if one.ts == start), None)
    state = expected_state(own, asked.interval, start, now)
    if own:
        origin = PointOrigin.MANUAL if own.provider_id == PROVIDER_IDS["MANUAL"] else PointOrigin.OBSERVED
        origin = PointOrigin.DERIVED if own.fx_rate else origin
        values = own._asdict() | {"time": start, "open": own.price, "origin": origin, "state": state}
        values |= {"volume24h": own.volume_24h, "provider": PROVIDER_CODES[own.provider_id]}
        return PointView(**{name: values[name] for name in PointView._fields})
    limit = filling.carry_limit or (DAY if asked.granularity.width == HOUR else 7 * DAY)
    last = max((one for one in rows if one.ts < start), key=lambda one: one.ts, default=None)
    if filling.policy is GapPolicy.CARRY and last and start - last.closed_at <= limit:
        close = last.close
        carried = PointView(start, PointOrigin.CARRIED, state, close, close, close, close, close)
        return carried._replace(provider=PROVIDER_CODES[last.closed_by], observed_at=last.closed_at)
    return PointView(start, PointOrigin.MISSING, state)


def expected_points(rows: list[CandleRow], asked: Asked, filling: Filling, now: datetime) -> list[PointView]:
    stored = {one.ts for one in rows}
    starts = [
        start for start in begun(asked) if start < now and (start in stored or asked.interval.after(start) <= now)
    ]
    points = [expected_point(rows, start, asked, filling, now) for start in starts]
    return [point for point in points if point.state == PointState.FINAL or not filling.final_only]


@given(cases(), FILLINGS)
def test_each_bucket_is_what_is_stored_or_what_the_policy_puts_there(
    case: tuple[list[CandleRow], Asked, datetime], filling: Filling
) -> None:
    rows, asked, now = case
    assume(filling.policy is not GapPolicy.ERROR)
    expected = expected_points(rows, asked, filling, now)
    if filling.policy is GapPolicy.OMIT:
        expected = [point for point in expected if point.origin != PointOrigin.MISSING]

    assert make_points(rows, asked, filling, now) == expected


@given(cases(), st.sampled_from([GapPolicy.NULLS, GapPolicy.CARRY]))
def test_what_was_converted_says_so(case: tuple[list[CandleRow], Asked, datetime], policy: GapPolicy) -> None:
    rows, asked, now = case
    rows = [one._replace(fx_rate=1.25, fx_rate_at=one.ts) for one in rows]

    assert make_points(rows, asked, Filling(policy), now) == expected_points(rows, asked, Filling(policy), now)


@given(cases(), st.booleans())
def test_under_error_there_is_no_hole_or_no_answer(
    case: tuple[list[CandleRow], Asked, datetime], final_only: bool
) -> None:
    rows, asked, now = case
    filling = Filling(GapPolicy.ERROR, final_only=final_only)
    samples = {one.ts: one.samples for one in rows}
    lacking = [
        start
        for start in begun(asked)
        if asked.interval.after(start) <= now - final_only * timedelta(hours=48)
        and samples.get(start, 0) < whole(asked.interval, start)
    ]
    if not lacking:
        assert make_points(rows, asked, filling, now) == expected_points(rows, asked, filling, now)
        return

    with pytest.raises(ApiError) as refused:
        make_points(rows, asked, filling, now)

    assert refused.value.code is Code.DATA_INCOMPLETE
    assert refused.value.message.startswith(f"samples are missing in {len(lacking)} buckets")
    assert lacking[0].strftime("%Y-%m-%dT%H:%M:%SZ") in refused.value.message


@given(cases(), LIMITS)
def test_rows_before_the_look_back_are_never_carried(
    case: tuple[list[CandleRow], Asked, datetime], limit: timedelta | None
) -> None:
    rows, asked, now = case
    filling = Filling(GapPolicy.CARRY, limit)
    granularity = asked.granularity
    assume(asked.interval.step == granularity.width)
    # A stored sample is at most half an hour away from the start of its bucket.
    rows = [one._replace(closed_at=one.ts + timedelta(minutes=29)) for one in rows]
    oldest = asked.window.start - filling.lookback(granularity)

    assert make_points([one for one in rows if one.ts >= oldest], asked, filling, now) == make_points(
        rows, asked, filling, now
    )


def test_what_is_carried_reaches_exactly_to_its_limit() -> None:
    asked = Asked(Window(ORIGIN, ORIGIN + 5 * HOUR), Interval.HOUR_1, Interval.HOUR_1.granularity)
    rows = [row(ORIGIN, timedelta(0))]
    for limit, last in ((3 * HOUR, 3), (3 * HOUR - timedelta(microseconds=1), 2), (timedelta(seconds=1), 0)):
        points = make_points(rows, asked, Filling(GapPolicy.CARRY, limit), ORIGIN + 3 * DAY)
        carried = [point.time for point in points if point.origin == PointOrigin.CARRIED]
        assert carried == [ORIGIN + HOUR * i for i in range(1, last + 1)]


def test_what_is_missing_or_lacks_a_sample_is_never_settled() -> None:
    asked = Asked(Window(ORIGIN, ORIGIN + 8 * HOUR), Interval.HOUR_4, Interval.HOUR_4.granularity)
    rows = [row(ORIGIN, timedelta(0), samples=3)]

    assert [point.state for point in make_points(rows, asked, Filling(), ORIGIN + 99 * DAY)] == [
        PointState.PROVISIONAL
    ] * 2
    assert make_points(rows, asked, Filling(final_only=True), ORIGIN + 99 * DAY) == []


def test_a_bucket_is_settled_48_hours_after_its_end_unless_it_waits_to_be_confirmed() -> None:
    asked = Asked(Window(ORIGIN, ORIGIN + HOUR), Interval.HOUR_1, Interval.HOUR_1.granularity)
    stored = row(ORIGIN, timedelta(0))
    moment = timedelta(microseconds=1)
    for now, state in (
        (ORIGIN + HOUR - moment, PointState.PARTIAL),
        (ORIGIN + HOUR, PointState.PROVISIONAL),
        (ORIGIN + 49 * HOUR - moment, PointState.PROVISIONAL),
        (ORIGIN + 49 * HOUR, PointState.FINAL),
    ):
        within = replace(asked, window=Window(ORIGIN, min(now, asked.window.end)))
        (point,) = make_points([stored], within, Filling(), now)
        assert point.state == state
    (waiting,) = make_points([row(ORIGIN, timedelta(0), WAITING)], asked, Filling(), ORIGIN + 99 * DAY)
    assert waiting.state == PointState.PROVISIONAL


def test_what_waits_outside_of_the_range_leaves_its_buckets_settled() -> None:
    asked = Asked(Window(ORIGIN, ORIGIN + 2 * HOUR), Interval.HOUR_1, Interval.HOUR_1.granularity)
    rows = [row(ORIGIN + i * HOUR, timedelta(0), WAITING if i in (-1, 2) else SETTLED) for i in range(-1, 3)]

    points = make_points(rows, asked, Filling(), ORIGIN + 99 * DAY)

    assert [point.state for point in points] == [PointState.FINAL] * 2
