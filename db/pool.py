"""One pool of connections."""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from db.arrays import CONTEXT
from db.watched_connection import WatchedConnection

Connection = AsyncConnection[TupleRow]


@dataclass(frozen=True)
class PoolSettings:
    """Sizes and patience; seconds."""

    min_size: int = 1
    max_size: int = 10
    # A request that finds no free connection gives up after this, so that a slow database makes errors, not a queue.
    wait: float = 4.0
    statement_timeout: float = 10.0
    # The server refuses every change, on a replica or not.
    read_only: bool = False
    # A statement is planned once on each connection, whatever its parameters, and not for each of them anew: planning a
    # look-up in a hypertable of many chunks takes as long as the look-up. What a plan depends on, such as the length of
    # a page, is then no parameter.
    plan_once: bool = True


@dataclass(frozen=True)
class Database:
    """The way to the database. Connections are in autocommit mode: a reader costs one round trip a statement, a writer
    opens `transaction()`.
    """

    pool: AsyncConnectionPool[Connection]

    def connection(self) -> Loan:
        return Loan(self.pool)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """For several reading statements that have to agree: all of them see what the first one saw."""
        async with self.transaction() as connection:
            await connection.execute("set transaction isolation level repeatable read, read only")
            yield connection


class Loan:
    """A connection of the pool, for as long as the block lasts.

    The pool's own way ends each with a commit, which is nothing in autocommit mode, and goes through two generators.
    """

    __slots__ = ("_before", "_connection", "_pool", "_task")

    def __init__(self, pool: AsyncConnectionPool[Connection]) -> None:
        self._pool = pool

    async def __aenter__(self) -> Connection:
        self._task = asyncio.current_task()
        self._before = self._task.cancelling() if self._task else 0
        self._connection = await self._pool.getconn()
        if self._was_cancelled():
            await self._pool.putconn(self._connection)
            raise asyncio.CancelledError
        return self._connection

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self._pool.putconn(self._connection)
        if kind is None and self._was_cancelled():
            raise asyncio.CancelledError

    def _was_cancelled(self) -> bool:
        """Who was to stop, and would go on for ever: Python 3.11's `wait_for`, on which psycopg waits for connections,
        forgets a cancellation that is overtaken by what it waits for.
        """
        return self._task is not None and self._task.cancelling() > self._before


@asynccontextmanager
async def open_database(
    url: str,
    settings: PoolSettings | None = None,
    cursor_factory: type[AsyncCursor[TupleRow]] = AsyncCursor,
) -> AsyncIterator[Database]:
    """Open the pool; it fills in the background, so a database that is away is met at the first query."""
    settings = settings or PoolSettings()

    async def check(connection: Connection) -> None:
        await _check(pool, connection)

    pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
        url,
        min_size=settings.min_size,
        max_size=settings.max_size,
        timeout=settings.wait,
        # Its pauses between attempts double. Given up early, the next request tries at once: a server that was away for
        # an hour is found again within seconds.
        reconnect_timeout=settings.wait,
        connection_class=WatchedConnection,
        kwargs=_connect_arguments(url, settings) | {"cursor_factory": cursor_factory},
        check=check,
        configure=_configure,
        open=False,
    )
    await pool.open()
    try:
        yield Database(pool)
    finally:
        await pool.close()


@asynccontextmanager
async def open_connection(url: str, settings: PoolSettings) -> AsyncIterator[Connection]:
    """One connection; unlike a pool it says at once, and once, that the database is away."""
    connection: Connection = await AsyncConnection.connect(url, **_connect_arguments(url, settings))
    async with connection:
        await _configure(connection)
        yield connection


# TimescaleDB would ask anew for each series of a statement which chunks to leave out. That takes longer than to look at
# them, as those beside all windows are left out at the start. While there are few, even that takes longer than to look
# (docs/performance.md, Size). Other servers have no such settings.
_LEAVE_OUT_LESS = """
select set_config(setting, 'off', false)
from (values ('timescaledb.enable_runtime_exclusion', true),
             ('timescaledb.enable_chunk_append', (select count(*) <= 6 from pg_inherits
                                                  where inhparent = to_regclass('price_hourly')))) s (setting, better)
where better and current_setting(setting, true) is not null
"""


async def _configure(connection: Connection) -> None:
    await AsyncCursor(connection).execute(_LEAVE_OUT_LESS)  # no request's, whatever cursors those have


async def _check(pool: AsyncConnectionPool[Connection], connection: Connection) -> None:
    """Raise if the server has hung up.

    An idle connection has nothing to say: one that does was closed, or holds a message, and only then is it tried with
    an empty statement.
    """
    if (isinstance(connection, WatchedConnection) and connection.is_watched) or not _is_readable(connection):
        return
    try:
        await AsyncConnectionPool.check_connection(connection)
    except psycopg.Error:
        # Others were probably cut with it; by itself the pool would find them one by one, with growing pauses.
        await pool.check()
        raise


def _is_readable(connection: Connection) -> bool:
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _connect_arguments(url: str, settings: PoolSettings) -> dict[str, Any]:
    """Every wait is bounded: connecting, a statement, and a peer that no longer answers."""
    given = str(psycopg.conninfo.conninfo_to_dict(url).get("options") or "")
    milliseconds = int(settings.statement_timeout * 1000)
    # Over a hypertable of many chunks, compiling a statement (JIT) takes longer than running it: seconds.
    session = {"timezone": "UTC", "jit": "off", "statement_timeout": milliseconds}
    if settings.plan_once:
        session["plan_cache_mode"] = "force_generic_plan"
    if settings.read_only:
        session["default_transaction_read_only"] = "on"
    options = " ".join(f"-c {name}={value}" for name, value in session.items())
    return {
        "autocommit": True,
        "context": CONTEXT,
        "connect_timeout": 5,
        "tcp_user_timeout": milliseconds + 1000,
        "options": f"{given} {options}".strip(),
        "application_name": "pricegraph",
    }
