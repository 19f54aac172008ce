"""The holes that the statement finds are those that counting finds, whatever the session's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from db.gaps import Stored, list_newest, list_provisional, read_stored
from db.pool import Connection, Database
from db.prices import Point, upsert_points
from db.reference import PROVIDER_IDS
from db.series import DAY, Granularity, Series, Window

# Shortly before the changes of clocks in Berlin.
STARTS = [datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC)]
SERIES = [Series(1, 1), Series(1, 2), Series(2, 1)]
COINBASE = PROVIDER_IDS["COINBASE_EXCHANGE"]

few = st.sets(st.integers(0, 75))
most = few.map(lambda holes: set(range(76)) - holes)
stored_buckets = st.fixed_dictionaries(dict.fromkeys(SERIES, few | most))


def counted(stored: set[datetime], granularity: Granularity, window: Window) -> Stored:
    """One bucket after the other."""
    inside = sorted(bucket for bucket in stored if window.start <= bucket < window.end)
    holes: list[Window] = []
    bucket = window.start
    while bucket < window.end:
        after = bucket + granularity.width
        if bucket not in stored:
            start = holes.pop().start if holes and holes[-1].end == bucket else bucket
            holes.append(Window(start, after))
        bucket = after
    return Stored(len(inside), inside[0] if inside else None, inside[-1] if inside else None, holes)


def in_utc(found: Stored) -> Stored:
    """Python never calls an ambiguous local time equal to one of another zone."""

    def utc(instant: datetime | None) -> datetime | None:
        return instant and instant.astimezone(UTC)

    holes = [Window(hole.start.astimezone(UTC), hole.end.astimezone(UTC)) for hole in found.holes]
    return Stored(found.count, utc(found.first), utc(found.last), holes)


async def store(connection: Connection, series: Series, granularity: Granularity, buckets: set[datetime]) -> None:
    points = [Point(bucket, 1.0, bucket) for bucket in sorted(buckets)]
    await upsert_points(connection, series, granularity, COINBASE, points, max(buckets, default=STARTS[0]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    origin=st.sampled_from(STARTS),
    buckets=stored_buckets,
    granularity=st.sampled_from(list(Granularity)),
    first=st.integers(-5, 60),
    length=st.integers(0, 90),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Chatham"]),
)
@example(
    origin=STARTS[1],
    buckets=dict.fromkeys(SERIES, set(range(76)) - {0, 48}),  # a hole whose ends have the same local time
    granularity=Granularity.HOURLY,
    first=0,
    length=50,
    zone="Europe/Berlin",
)
async def test_holes_are_those_that_counting_finds(
    database: Database,
    origin: datetime,
    buckets: dict[Series, set[int]],
    granularity: Granularity,
    first: int,
    length: int,
    zone: str,
) -> None:
    width = granularity.width
    window = Window(origin + first * width, origin + (first + length) * width)
    stored = {one: {origin + bucket * width for bucket in numbers} for one, numbers in buckets.items()}

    async with database.connection() as connection, connection.transaction(force_rollback=True):
        await connection.execute("select set_config('timezone', %s, true)", (zone,))
        for one in SERIES:
            await store(connection, one, granularity, stored[one])
        found = await read_stored(connection, SERIES, granularity, window)
        newest = await list_newest(connection, SERIES, granularity)

    assert {one: in_utc(found[one]) for one in SERIES} == {
        one: counted(stored[one], granularity, window) for one in SERIES
    }
    assert {one: last.astimezone(UTC) for one, last in newest.items()} == {
        one: max(points) for one, points in stored.items() if points
    }


@pytest.mark.parametrize("change", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
async def test_a_day_has_24_hours_where_clocks_change(database: Database, change: datetime) -> None:
    days = {change + timedelta(days=offset) for offset in range(-3, 4)}
    window = Window(min(days), max(days) + DAY)
    async with database.connection() as connection:
        await connection.execute("set timezone to 'Europe/Berlin'")
        await store(connection, SERIES[0], Granularity.DAILY, days)
        found = await read_stored(connection, SERIES[:1], Granularity.DAILY, window)
    assert in_utc(found[SERIES[0]]) == Stored(7, min(days), max(days), [])


@pytest.mark.parametrize("granularity", Granularity)
async def test_points_that_wait_to_be_confirmed_are_found_in_stretches(
    database: Database, granularity: Granularity
) -> None:
    def window(first: int, end: int) -> Window:
        return Window(STARTS[0] + first * granularity.width, STARTS[0] + end * granularity.width)

    async with database.connection() as connection:
        await connection.execute("set timezone to 'Europe/Berlin'")
        for one in SERIES[:2]:
            points = [Point(window(place, place).start, 1.0, STARTS[0]) for place in (0, 1, 2, 3, 5, 6, 9)]
            await upsert_points(connection, one, granularity, COINBASE, points, STARTS[0], provisional=True)
        await store(connection, SERIES[0], granularity, {window(2, 3).start})
        await store(connection, SERIES[1], granularity, {window(place, place).start for place in range(10)})

        found = await list_provisional(connection, SERIES, granularity, window(1, 9))

    stretches = {one: [Window(w.start.astimezone(UTC), w.end.astimezone(UTC)) for w in ws] for one, ws in found.items()}
    assert stretches == {SERIES[0]: [window(1, 2), window(3, 4), window(5, 7)]}
