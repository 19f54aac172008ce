"""The databases of the settings: the primary, and the replica that reads may go to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from db.pool import Database, PoolSettings, open_database
from pricegraph.settings import Settings


@asynccontextmanager
async def open_databases(settings: Settings) -> AsyncIterator[tuple[Database, Database]]:
    """The primary, and the database that market data is read from: the same one without DATABASE_READ_URL."""
    pool = PoolSettings(max_size=settings.pool_size)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings.need_database_url(), pool))
        if settings.database_read_url is None:
            yield database, database
            return
        url = settings.database_read_url.get_secret_value()
        yield database, await stack.enter_async_context(open_database(url, replace(pool, read_only=True)))


def worker_pool(settings: Settings) -> PoolSettings:
    """Planning a large refresh and storing a page may take longer than a request may; how to store one depends on how
    much there is.
    """
    return PoolSettings(max_size=settings.pool_size, wait=30, statement_timeout=60, plan_once=False)
