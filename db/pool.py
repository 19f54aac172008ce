"""One pool of connections, and SQLAlchemy's engine on top of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

Connection = AsyncConnection[TupleRow]


@dataclass(frozen=True)
class PoolSettings:
    """Sizes and patience; seconds."""

    min_size: int = 1
    max_size: int = 10
    # A request that finds no free connection gives up after this, so that a slow database makes errors, not a queue.
    wait: float = 4.0
    statement_timeout: float = 10.0


@dataclass(frozen=True)
class Database:
    """The way to the database. `connection()` for psycopg (hot paths, writes), `engine` for composed statements.

    Connections are in autocommit mode: a reader costs one round trip a statement, a writer opens `transaction()`.
    """

    pool: AsyncConnectionPool[Connection]
    engine: AsyncEngine

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        async with self.pool.connection() as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self.pool.connection() as connection, connection.transaction():
            yield connection


@asynccontextmanager
async def open_database(
    url: str,
    settings: PoolSettings | None = None,
    cursor_factory: type[AsyncCursor[TupleRow]] = AsyncCursor,
) -> AsyncIterator[Database]:
    """Open the pool; it fills in the background, so a database that is away is met at the first query."""
    settings = settings or PoolSettings()
    pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
        url,
        min_size=settings.min_size,
        max_size=settings.max_size,
        timeout=settings.wait,
        kwargs=_connect_arguments(url, settings) | {"cursor_factory": cursor_factory},
        check=AsyncConnectionPool.check_connection,
        close_returns=True,
        open=False,
    )
    engine = create_async_engine(
        "postgresql+psycopg://",
        async_creator=pool.getconn,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
    )
    await pool.open()
    try:
        yield Database(pool, engine)
    finally:
        await engine.dispose()
        await pool.close()


@asynccontextmanager
async def open_connection(url: str, settings: PoolSettings) -> AsyncIterator[Connection]:
    """One connection; unlike a pool it says at once, and once, that the database is away."""
    connection: Connection = await AsyncConnection.connect(url, **_connect_arguments(url, settings))
    async with connection:
        yield connection


def _connect_arguments(url: str, settings: PoolSettings) -> dict[str, Any]:
    """Every wait is bounded: connecting, a statement, and a peer that no longer answers."""
    given = str(psycopg.conninfo.conninfo_to_dict(url).get("options") or "")
    milliseconds = int(settings.statement_timeout * 1000)
    return {
        "autocommit": True,
        "connect_timeout": 5,
        "tcp_user_timeout": milliseconds + 1000,
        # Over a hypertable of many chunks, compiling a statement (JIT) takes longer than running it: seconds.
        "options": f"{given} -c timezone=UTC -c jit=off -c statement_timeout={milliseconds}".strip(),
        "application_name": "pricegraph",
    }
