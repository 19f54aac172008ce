"""What is written down of stored buckets is what is stored, whoever writes or removes points: planning rests on it."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from db.manual import Bucket, Change, remove_manual_price
from db.missing import list_holes
from db.pool import Connection, Database
from db.prices import Point, upsert_points
from db.reference import PROVIDER_IDS
from db.refresh import Plan, RefreshRequest, plan_refresh
from db.series import DAY, HOUR, Granularity, Series, Window
from db.store import Store, read_store_async
from db.windows import merge, subtract
from tests.api import add_coins

pytestmark = pytest.mark.slow

START = datetime(2026, 1, 1, tzinfo=UTC)
LENGTH = 5_000  # buckets; rows are of 2,160 hours and of 1,095 days
NOW = START + 60 * DAY
COINGECKO, MANUAL = PROVIDER_IDS["COINGECKO"], PROVIDER_IDS["MANUAL"]
SERIES = [Series(1, 1), Series(1, 2), Series(2, 1)]
MONTH = Window(START, START + 30 * DAY)

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


def copied(one: Series, first: int, length: int) -> Operation:
    """Into buckets that are empty, or COPY would fail."""

    async def operation(connection: Connection, granularity: Granularity) -> None:
        place = window(granularity, first, length)
        await with_sql(DELETED, one, first, length)(connection, granularity)
        into = "copy {} (coin_id, currency_id, ts, price, observed_at, provider_id) from stdin"
        async with (
            connection.cursor() as cursor,
            cursor.copy(sql.SQL(into).format(sql.Identifier(granularity.table))) as copy,
        ):
            for point in points(place, granularity):
                await copy.write_row((one.coin_id, one.currency_id, point.ts, 1.0, point.ts, COINGECKO))

    return operation


DELETED = "delete from {table} where coin_id = %(coin)s and ts >= %(start)s and ts < %(end)s"
HANDED_ON = (
    "update {table} set coin_id = 77 + (select count(*) from {table} where coin_id >= 77) "
    "where coin_id = %(coin)s and ts >= %(start)s and ts < %(end)s"
)
INSERTED = (
    "insert into {table} (coin_id, currency_id, ts, price, observed_at, provider_id) "
    "select coin, 1, %(start)s::timestamptz + i * make_interval(hours => %(hours)s), 1, now(), 1 "
    "from generate_series(0, 1000) i, generate_series(1, 3) coin on conflict do nothing"
)
EMPTIED = "truncate {table}"
# One statement takes keys away and puts some back.
PUT_BACK = (
    "with gone as (delete from {table} where coin_id = %(coin)s and ts >= %(start)s and ts < %(end)s returning *) "
    "insert into {table} select * from gone order by ts limit 3"
)

some = st.sampled_from(SERIES)
first = st.integers(0, LENGTH)
short, long = st.integers(1, 30), st.integers(1, LENGTH)
operations = st.one_of(
    st.builds(written, some, first, long, st.sampled_from([1.0, 2.0]), st.booleans()),
    st.builds(copied, some, first, short),
    st.builds(set_by_hand, some, first),
    st.builds(taken_back, some, first),
    st.builds(with_sql, st.sampled_from([DELETED, HANDED_ON, INSERTED, EMPTIED, PUT_BACK]), some, first, short),
)


async def fill(connection: Connection, granularity: Granularity, place: Window) -> None:
    for one in SERIES:
        await upsert_points(connection, one, granularity, COINGECKO, points(place, granularity), NOW)


WRITTEN_DOWN = "select stored from stored_windows where (coin_id, currency_id, granularity) = (%s, %s, %s)"
STORED = "select ts from {} where (coin_id, currency_id) = (%s, %s)"


async def assert_what_is_stored_is_written_down(connection: Connection, granularity: Granularity) -> None:
    everything = Window(START - 50 * DAY, START + (LENGTH + 50) * DAY)
    others = [Series(coin, 1) for coin in (3, *range(77, 110))]
    for one in [*SERIES, *others]:
        cursor = await connection.execute(WRITTEN_DOWN, (one.coin_id, one.currency_id, granularity.value))
        windows = [Window(part.lower, part.upper) for (stored,) in await cursor.fetchall() for part in stored]
        assert merge(windows) == await list_stored(connection, one, granularity), one
    missing = {one: subtract([everything], await list_stored(connection, one, granularity)) for one in SERIES}
    assert await list_holes(connection, SERIES, granularity, everything) == missing


async def list_stored(connection: Connection, one: Series, granularity: Granularity) -> list[Window]:
    query = sql.SQL(STORED).format(sql.Identifier(granularity.table))
    cursor = await connection.execute(query, (one.coin_id, one.currency_id))
    return merge(Window(ts, ts + granularity.width) for (ts,) in await cursor.fetchall())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(granularity=st.sampled_from(list(Granularity)), history=st.lists(operations, max_size=6))
async def test_what_is_written_down_is_what_is_stored_whatever_happened(
    database: Database, granularity: Granularity, history: list[Operation]
) -> None:
    async with database.connection() as connection, connection.transaction(force_rollback=True):
        await fill(connection, granularity, window(granularity, 0, LENGTH))
        for operation in history:
            await operation(connection, granularity)
            await assert_what_is_stored_is_written_down(connection, granularity)


@pytest.mark.parametrize("seed", range(3))
async def test_writers_and_removers_at_once_leave_what_holds(database: Database, seed: int) -> None:
    dice = random.Random(seed)
    async with database.transaction() as connection:
        await fill(connection, Granularity.HOURLY, window(Granularity.HOURLY, 0, 1_000))

    async def work(number: int) -> None:
        for _ in range(10):
            one, begin = dice.choice(SERIES), dice.randrange(1_000)
            operation = dice.choice(
                [
                    with_sql(DELETED, Series(number % 2 + 1, 1), begin, 3),
                    written(one, begin, 300, dice.random(), provisional=False),
                    written(one, begin, 3, dice.random(), provisional=True),
                ]
            )
            async with database.transaction() as connection:
                await operation(connection, Granularity.HOURLY)
                await asyncio.sleep(dice.uniform(0, 0.01))

    await asyncio.gather(*(work(number) for number in range(6)))

    async with database.connection() as connection:
        await assert_what_is_stored_is_written_down(connection, Granularity.HOURLY)


def request(place: Window = MONTH) -> RefreshRequest:
    return RefreshRequest(SERIES, [Granularity.HOURLY], 90, {}, start=place.start, end=place.end)


async def plan(connection: Connection) -> Plan:
    return await plan_refresh(connection, request(), NOW)


@pytest.fixture
async def filled(database: Database) -> Database:
    """A month of hours."""
    await add_coins(database, 2)
    async with database.transaction() as connection:
        await fill(connection, Granularity.HOURLY, MONTH)
    return database


async def test_a_plan_reads_no_point(filled: Database) -> None:
    async with filled.connection() as connection, connection.transaction(force_rollback=True):
        await behind_the_back_of_triggers(connection, "delete from price_hourly")
        assert (await plan(connection)).tasks == []


async def test_after_points_went_behind_the_back_of_the_triggers_it_can_be_written_down_anew(filled: Database) -> None:
    async with filled.transaction() as connection:
        await behind_the_back_of_triggers(connection, "delete from price_hourly where coin_id = 2 and price < 2")
        await connection.execute("select rebuild_stored_windows()")
        assert (await plan(connection)).points == MONTH.buckets(HOUR)
        await assert_what_is_stored_is_written_down(connection, Granularity.HOURLY)


async def test_a_dry_run_needs_no_right_to_write(filled: Database) -> None:
    async with filled.transaction() as connection:
        await connection.execute("set transaction read only")
        assert (await plan(connection)).tasks == []


async def test_a_removal_that_is_not_committed_makes_no_hole(filled: Database) -> None:
    async with filled.transaction() as other:
        await other.execute("delete from price_hourly where ts = %s", (START + 3 * DAY,))
        async with filled.connection() as connection:
            assert (await plan(connection)).points == 0
    async with filled.connection() as connection:
        assert (await plan(connection)).points == len(SERIES)


@pytest.mark.parametrize("statement", ["truncate price_hourly", "select rebuild_stored_windows()"])
async def test_what_would_miss_writes_of_others_is_refused_in_an_old_snapshot(filled: Database, statement: str) -> None:
    in_snapshot = f"begin isolation level repeatable read; {statement}; commit"
    async with filled.connection() as connection:
        with pytest.raises(psycopg.Error, match="only in a transaction that is READ COMMITTED"):
            await connection.execute(in_snapshot.encode())
        await connection.rollback()
        await assert_what_is_stored_is_written_down(connection, Granularity.HOURLY)


async def test_triggers_find_their_tables_whatever_the_search_path_and_whoever_writes(filled: Database) -> None:
    role = f"loader_{os.getpid()}"
    async with filled.connection() as connection, connection.transaction(force_rollback=True):
        await connection.execute(f"create role {role}".encode())
        await connection.execute(f"grant usage on schema public to {role}".encode())
        await connection.execute(f"grant select, insert, delete on price_hourly to {role}".encode())
        await connection.execute("create temp table stored_windows (like public.stored_windows including all)")
        await connection.execute(f"set local role {role}".encode())
        await connection.execute("set local search_path = ''")
        await connection.execute("delete from public.price_hourly where coin_id = 2 and price < 2")
        await connection.execute(
            "insert into public.price_hourly (coin_id, currency_id, ts, price, observed_at, provider_id) "
            "values (3, 1, '2026-01-01Z', 1, now(), 1), (2, 1, '2026-01-01Z', 1, now(), 1)"
        )
        await connection.execute("reset role; set local search_path = public; drop table pg_temp.stored_windows")
        await assert_what_is_stored_is_written_down(connection, Granularity.HOURLY)


async def test_what_was_written_to_a_single_chunk_deceives_no_statement_on_the_table(filled: Database) -> None:
    async with filled.connection() as connection:
        if await read_store_async(connection) is Store.POSTGRESQL:
            return
        [(chunk,)] = await (await connection.execute("select show_chunks('price_hourly')::text limit 1")).fetchall()
        await connection.execute(f"delete from {chunk} where ts < %s".encode(), (START + DAY,))
        await fill(connection, Granularity.HOURLY, Window(START, START + DAY))
        await connection.execute("delete from price_hourly where ts = %s", (START + 2 * DAY,))
        await assert_what_is_stored_is_written_down(connection, Granularity.HOURLY)


async def behind_the_back_of_triggers(connection: Connection, statement: str) -> None:
    """As dropping chunks, or a replication, does."""
    await connection.execute("set local session_replication_role = replica")
    await connection.execute(statement.encode())
    await connection.execute("set local session_replication_role = origin")
