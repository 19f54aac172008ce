"""What planning remembers of complete history never hides a hole: whatever was written, corrected or removed since."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from db.gapless import find_holes, may_remember
from db.manual import Bucket, Change, remove_manual_price
from db.missing import list_holes
from db.pool import Connection, Database
from db.prices import Point, upsert_points
from db.reference import PROVIDER_IDS
from db.refresh import Plan, RefreshRequest, plan_refresh, record_refresh
from db.series import DAY, HOUR, Granularity, Series, Window
from tests.api import add_coins, execute

pytestmark = pytest.mark.slow

START = datetime(2026, 1, 1, tzinfo=UTC)
LENGTH = 900  # buckets; what is worth remembering is shorter
NOW = START + 60 * DAY
COINGECKO, MANUAL = PROVIDER_IDS["COINGECKO"], PROVIDER_IDS["MANUAL"]
SERIES = [Series(1, 1), Series(1, 2), Series(2, 1)]
BITCOIN = SERIES[0]
MONTH = Window(START, START + 30 * DAY)
FORGOTTEN: dict[Series, list[Window]] = {one: [] for one in SERIES}

Operation = Callable[[Connection, Granularity], Coroutine[Any, Any, object]]


def window(granularity: Granularity, first: int, length: int) -> Window:
    return Window(START + first * granularity.width, START + (first + length) * granularity.width)


def points(place: Window, granularity: Granularity, price: float = 1.0) -> list[Point]:
    times = [place.start + i * granularity.width for i in range(place.buckets(granularity.width))]
    return [Point(ts, price, ts) for ts in times]


def written(one: Series, first: int, length: int, price: float, provisional: bool) -> Operation:
    async def operation(connection: Connection, granularity: Granularity) -> None:
        told = points(window(granularity, first, length), granularity, price)
        await upsert_points(connection, one, granularity, COINGECKO, told, NOW, provisional=provisional)

    return operation


def set_by_hand(one: Series, place: int) -> Operation:
    async def operation(connection: Connection, granularity: Granularity) -> None:
        told = points(window(granularity, place, 1), granularity, 7.0)
        await upsert_points(connection, one, granularity, MANUAL, told, NOW)

    return operation


def taken_back(one: Series, place: int) -> Operation:
    async def operation(connection: Connection, granularity: Granularity) -> None:
        bucket = Bucket(one, granularity, window(granularity, place, 1).start)
        await remove_manual_price(connection, bucket, Change("somebody", NOW, None))

    return operation


def with_sql(statement: str, one: Series, first: int, length: int) -> Operation:
    async def operation(connection: Connection, granularity: Granularity) -> None:
        place = window(granularity, first, length)
        query = sql.SQL(statement).format(table=sql.Identifier(granularity.table))
        hours = granularity.width // HOUR
        parameters = {"coin": one.coin_id, "start": place.start, "end": place.end, "hours": hours}
        await connection.execute(query, parameters)

    return operation


def planned(first: int, length: int) -> Operation:
    """Holes are looked for, and what has none is remembered."""

    async def operation(connection: Connection, granularity: Granularity) -> None:
        place = window(granularity, first, length)
        found = await find_holes(connection, SERIES, granularity, place, remember=await may_remember(connection))
        assert found == await list_holes(connection, granularity, [(one, place) for one in SERIES])

    return operation


DELETED = "delete from {table} where coin_id = %(coin)s and ts >= %(start)s and ts < %(end)s"
HANDED_ON = (
    "update {table} set coin_id = 77 + (select count(*) from {table} where coin_id >= 77) "
    "where coin_id = %(coin)s and ts >= %(start)s and ts < %(end)s"
)
EMPTIED = "truncate {table}"

some = st.sampled_from(SERIES)
first = st.integers(0, LENGTH)
short, long = st.integers(1, 3), st.integers(1, LENGTH)
operations = st.one_of(
    st.builds(written, some, first, long, st.sampled_from([1.0, 2.0]), st.booleans()),
    st.builds(set_by_hand, some, first),
    st.builds(taken_back, some, first),
    st.builds(with_sql, st.sampled_from([DELETED, HANDED_ON]), some, first, short),
    st.builds(with_sql, st.sampled_from([EMPTIED]), some, first, short),
)
plans = st.builds(planned, first, long)
histories = st.lists(st.one_of(operations, plans), max_size=8)


async def fill(connection: Connection, granularity: Granularity, place: Window) -> None:
    for one in SERIES:
        await upsert_points(connection, one, granularity, COINGECKO, points(place, granularity), NOW)


async def remembered(connection: Connection) -> dict[Series, list[Window]]:
    rows = await (
        await connection.execute("select coin_id, currency_id, from_ts, to_ts from gapless_windows order by from_ts")
    ).fetchall()
    return {one: [Window(a, b) for coin, currency, a, b in rows if Series(coin, currency) == one] for one in SERIES}


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(granularity=st.sampled_from(list(Granularity)), history=histories)
async def test_holes_are_found_as_if_nothing_were_remembered(
    database: Database, granularity: Granularity, history: list[Operation]
) -> None:
    async with database.connection() as connection, connection.transaction(force_rollback=True):
        await fill(connection, granularity, window(granularity, 0, LENGTH))
        for operation in history:
            await operation(connection, granularity)
            await planned(0, LENGTH)(connection, granularity)


async def plan(connection: Connection, place: Window = MONTH) -> Plan:
    return (await record_refresh(connection, request(place), NOW, "test")).plan


def request(place: Window = MONTH) -> RefreshRequest:
    return RefreshRequest(SERIES, [Granularity.HOURLY], 90, {}, start=place.start, end=place.end)


@pytest.fixture
async def filled(database: Database) -> Database:
    """A month of hours."""
    await add_coins(database, 2)
    async with database.transaction() as connection:
        await fill(connection, Granularity.HOURLY, MONTH)
    return database


async def test_what_was_seen_complete_is_not_counted_again_and_what_follows_is_added(filled: Database) -> None:
    half = Window(START, START + 15 * DAY + 7 * HOUR)
    async with filled.transaction() as connection:
        await plan(connection, half)
        assert await remembered(connection) == {one: [Window(START, START + 15 * DAY)] for one in SERIES}
        await plan(connection)
        assert await remembered(connection) == {one: [MONTH] for one in SERIES}

        await connection.execute("set local session_replication_role = replica")  # behind the back of the triggers
        await connection.execute("delete from price_hourly")
        assert (await plan(connection)).tasks == []


async def test_a_hole_divides_what_is_remembered_and_once_filled_it_no_longer_does(filled: Database) -> None:
    hole = Window(START + 12 * DAY, START + 12 * DAY + HOUR)
    async with filled.transaction() as connection:
        await connection.execute("delete from price_hourly where ts = %s and coin_id = 2", (hole.start,))
        await plan(connection)
        parts = [Window(START, hole.start), Window(hole.end, MONTH.end)]
        assert await remembered(connection) == {SERIES[0]: [MONTH], SERIES[1]: [MONTH], SERIES[2]: parts}

        await fill(connection, Granularity.HOURLY, hole)
        await plan(connection)
        assert await remembered(connection) == {one: [MONTH] for one in SERIES}


async def test_a_removed_point_is_forgotten_with_its_window_only(filled: Database) -> None:
    async with filled.transaction() as connection:
        await plan(connection)
        await connection.execute("delete from price_hourly where ts = %s and coin_id = 2", (START + 3 * DAY,))
        assert await remembered(connection) == {SERIES[0]: [MONTH], SERIES[1]: [MONTH], SERIES[2]: []}


async def test_a_dry_run_remembers_nothing_and_needs_no_right_to_write(filled: Database) -> None:
    async with filled.transaction() as connection:
        await connection.execute("set transaction read only")
        assert (await plan_refresh(connection, request(), NOW)).tasks == []
        assert await remembered(connection) == FORGOTTEN


async def test_while_a_removal_is_not_committed_nothing_is_remembered(filled: Database) -> None:
    async with filled.transaction() as other:
        await other.execute("delete from price_hourly where ts = %s", (START + 3 * DAY,))
        async with filled.transaction() as connection:
            assert (await plan(connection)).points == 0
    async with filled.transaction() as connection:
        assert await remembered(connection) == FORGOTTEN
        assert (await plan(connection)).points == len(SERIES)


async def test_a_removal_waits_for_a_planning_that_could_not_see_it(filled: Database) -> None:
    async with filled.transaction() as connection:
        await plan(connection)
        removal = asyncio.create_task(
            execute(filled, "delete from price_hourly where ts = %s", START + 3 * DAY), name="removal"
        )
        await wait_until_somebody_waits(connection)
        assert not removal.done()
    await removal
    async with filled.transaction() as connection:
        assert await remembered(connection) == FORGOTTEN
        assert (await plan(connection)).points == len(SERIES)


async def wait_until_somebody_waits(connection: Connection) -> None:
    deadline = time.monotonic() + 30
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    while (await (await connection.execute(waiting)).fetchone()) == (0,):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
