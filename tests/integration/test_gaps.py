"""The holes that the statement finds are those that counting finds, whatever the session's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from db.coverage import CoverageQuery, Place, read_coverage
from db.missing import list_holes, list_provisional
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


def counted(stored: set[datetime], granularity: Granularity, window: Window) -> list[Window]:
    """One bucket after the other."""
    holes: list[Window] = []
    bucket = window.start
    while bucket < window.end:
        after = bucket + granularity.width
        if bucket not in stored:
            start = holes.pop().start if holes and holes[-1].end == bucket else bucket
            holes.append(Window(start, after))
        bucket = after
    return holes


def in_utc(windows: list[Window]) -> list[Window]:
    """Python never calls an ambiguous local time equal to one of another zone."""
    return [Window(one.start.astimezone(UTC), one.end.astimezone(UTC)) for one in windows]


async def store(connection: Connection, series: Series, granularity: Granularity, buckets: set[datetime]) -> None:
    points = [Point(bucket, 1.0, bucket) for bucket in sorted(buckets)]
    await upsert_points(connection, series, granularity, COINBASE, points, max(buckets, default=STARTS[0]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    origin=st.sampled_from(STARTS),
    buckets=stored_buckets,
    granularity=st.sampled_from(list(Granularity)),
    places=st.lists(st.tuples(st.integers(-5, 60), st.integers(0, 90)), min_size=3, max_size=3),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Chatham"]),
)
@example(
    origin=STARTS[1],
    buckets=dict.fromkeys(SERIES, set(range(76)) - {0, 48}),  # a hole whose ends have the same local time
    granularity=Granularity.HOURLY,
    places=[(0, 50)] * 3,
    zone="Europe/Berlin",
)
@example(
    origin=STARTS[1],
    buckets={one: {0, 47} for one in SERIES},  # the last hole begins at the local time that the window ends at
    granularity=Granularity.HOURLY,
    places=[(0, 49)] * 3,
    zone="Europe/Berlin",
)
async def test_holes_are_those_that_counting_finds(
    database: Database,
    origin: datetime,
    buckets: dict[Series, set[int]],
    granularity: Granularity,
    places: list[tuple[int, int]],
    zone: str,
) -> None:
    width = granularity.width
    windows = [Window(origin + first * width, origin + (first + length) * width) for first, length in places]
    asked = dict(zip(SERIES, windows, strict=True))
    stored = {one: {origin + bucket * width for bucket in numbers} for one, numbers in buckets.items()}

    async with database.connection() as connection, connection.transaction(force_rollback=True):
        await connection.execute("select set_config('timezone', %s, true)", (zone,))
        for one in SERIES:
            await store(connection, one, granularity, stored[one])
        found = {one: (await list_holes(connection, SERIES, granularity, asked[one]))[one] for one in SERIES}
        wanted = [Place(one, granularity, window) for one, window in asked.items()]
        covered = await read_coverage(connection, CoverageQuery(wanted, explained=True, observed=True))

    assert {one: in_utc(found[one]) for one in SERIES} == {
        one: counted(stored[one], granularity, window) for one, window in asked.items()
    }
    assert {place.series: in_utc(one.holes) for place, one in covered.items()} == {
        one: in_utc(found[one]) for one in SERIES
    }
    assert {place.series: one.observed_at and one.observed_at.astimezone(UTC) for place, one in covered.items()} == {
        one: max(points, default=None) for one, points in stored.items()
    }


@pytest.mark.parametrize("change", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
async def test_a_day_has_24_hours_where_clocks_change(database: Database, change: datetime) -> None:
    days = {change + timedelta(days=offset) for offset in range(-3, 4)}
    window = Window(min(days), max(days) + DAY)
    async with database.connection() as connection:
        await connection.execute("set timezone to 'Europe/Berlin'")
        await store(connection, SERIES[0], Granularity.DAILY, days)
        found = await list_holes(connection, SERIES[:1], Granularity.DAILY, window)
    assert found == {SERIES[0]: []}


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

    assert {one: in_utc(windows) for one, windows in found.items()} == {
        SERIES[0]: [window(1, 2), window(3, 4), window(5, 7)]
    }
