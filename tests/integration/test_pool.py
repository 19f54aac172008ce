"""The pool: what it hands out works, and handing it out costs no statement."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from db.candle_query import CandleQuery, Wanted
from db.candles import read_candles
from db.pool import Database, PoolSettings, open_database
from db.series import DAY, HOUR, Granularity, Window, floor
from db.store import Store, read_store_async
from pricegraph.serve import listen
from tests.api import CountingCursor, add_points, execute
from tests.world import NOW

MINE = "select pg_backend_pid()"
OTHERS = "from pg_stat_activity where datname = current_database() and usename is not null and pid <> pg_backend_pid()"


async def use(database: Database, connections: int) -> set[int]:
    """So many at once; the backends behind them."""
    async with AsyncExitStack() as stack:
        held = [await stack.enter_async_context(database.connection()) for _ in range(connections)]
        return {one.info.backend_pid for one in held}


async def cut(url: str) -> None:
    """End every other session; a server says farewell before it lists a session no more."""
    async with asyncio.timeout(30), await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while True:
            ended = await connection.execute(f"select pg_terminate_backend(pid) {OTHERS}")
            if ended.rowcount == 0:
                return
            await asyncio.sleep(0.01)


async def test_a_connection_is_handed_out_without_a_statement(database_url: str) -> None:
    async with open_database(database_url, cursor_factory=CountingCursor) as database:
        await use(database, 2)
        CountingCursor.statements.clear()

        await use(database, 2)

        assert CountingCursor.statements == []


async def test_a_connection_plans_a_statement_once_whatever_is_asked(database_url: str) -> None:
    days = [floor(NOW, DAY) - number * DAY for number in range(30)]
    async with open_database(database_url, PoolSettings(max_size=1)) as database:
        for number, day in enumerate(days):
            wanted = [Wanted(coin, Window(day - number * DAY, day)) for coin in range(1 + number)]
            async with database.connection() as connection:
                await read_candles(connection, CandleQuery(1, Granularity.HOURLY, HOUR, wanted, ("price",)))

        plans = "select generic_plans, custom_plans from pg_prepared_statements where statement like '%price_hourly%'"
        [(generic, custom)] = await execute(database, plans)

    assert (generic > 20, custom) == (True, 0)


CHUNK_SETTINGS = """
select name, setting from pg_settings where name ~ 'enable_(runtime_exclusion|chunk_append)' order by name desc
"""


@pytest.mark.parametrize(("chunks", "leaves_out"), [(6, "off"), (7, "on")])
async def test_a_hypertable_leaves_out_chunks_once_a_statement_and_none_while_it_has_few(
    database: Database, database_url: str, chunks: int, leaves_out: str
) -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    await add_points(database, Granularity.HOURLY, [start + number * 90 * DAY for number in range(chunks)])
    async with database.connection() as connection:
        store = await read_store_async(connection)

    async with open_database(database_url) as another:
        found = await execute(another, CHUNK_SETTINGS)

    expected = [("timescaledb.enable_runtime_exclusion", "off"), ("timescaledb.enable_chunk_append", leaves_out)]
    assert found == ([] if store is Store.POSTGRESQL else expected)


async def test_connections_that_were_cut_while_idle_are_never_handed_out(database: Database, database_url: str) -> None:
    before = await use(database, 10)
    await cut(database_url)

    answers = [await execute(database, MINE)]  # which meets one of them, and is not to wait for the others
    answers += await asyncio.gather(*(execute(database, MINE) for _ in range(30)))

    assert before.isdisjoint(pid for [(pid,)] in answers)


async def test_who_is_cancelled_while_waiting_for_a_connection_does_not_go_on(database_url: str) -> None:
    """Whatever comes first, the connection or the cancellation; they are a few turns of the event loop apart."""
    async with open_database(database_url, PoolSettings(max_size=1)) as database:
        for turns in range(8):
            async with database.connection():
                waiting = asyncio.create_task(execute(database, MINE))
                await asyncio.sleep(0.01)
            for _ in range(turns):
                await asyncio.sleep(0)
            if waiting.cancel():
                with pytest.raises(asyncio.CancelledError):
                    await waiting
            assert await execute(database, MINE)


async def test_a_cancellation_that_a_statement_swallows_counts_when_the_connection_goes_back(
    database_url: str,
) -> None:
    """As `wait_for` swallows it in Python 3.11, when the answer comes in the same turn of the event loop."""
    async with open_database(database_url) as database:
        begun = asyncio.Event()

        async def work() -> None:
            async with database.transaction():
                begun.set()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(60)
            await asyncio.sleep(60)

        task = asyncio.create_task(work())
        await begun.wait()
        task.cancel()

        async with asyncio.timeout(10):
            with pytest.raises(asyncio.CancelledError):
                await task


async def test_an_idle_connection_that_holds_a_message_is_tried_and_kept(database_url: str) -> None:
    async with open_database(database_url, PoolSettings(max_size=1), CountingCursor) as database:
        await execute(database, "listen news")
        before = await use(database, 1)
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("notify news")
        CountingCursor.statements.clear()

        async with asyncio.timeout(10):
            while CountingCursor.statements == []:  # until the message has arrived
                assert await use(database, 1) == before
                await asyncio.sleep(0)
        assert CountingCursor.statements == [""]
        assert await use(database, 1) == before
        assert CountingCursor.statements == [""]


async def test_while_the_server_is_away_each_request_tries_it_anew() -> None:
    attempts = 0

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal attempts
        attempts += 1
        writer.close()

    listener = listen("127.0.0.1", 0)
    url = f"postgresql://nobody@127.0.0.1:{listener.getsockname()[1]}/nothing?sslmode=disable"
    async with (
        await asyncio.start_server(hang_up, sock=listener),
        open_database(url, PoolSettings(wait=0.1)) as database,
    ):
        for _ in range(8):
            with pytest.raises(PoolTimeout):
                await use(database, 1)

    assert attempts >= 8


@pytest.mark.parametrize("read_only", [False, True])
async def test_every_session_is_bounded_speaks_utc_and_may_write_only_where_it_should(
    database_url: str, read_only: bool
) -> None:
    settings = PoolSettings(statement_timeout=7, read_only=read_only)
    async with open_database(database_url, settings) as database:
        session = await execute(
            database,
            "select current_setting('statement_timeout'), current_setting('timezone'), "
            "current_setting('default_transaction_read_only')",
        )

    assert session == [("7s", "UTC", "on" if read_only else "off")]
