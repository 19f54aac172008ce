"""How the settings become databases: the primary, and what is read from."""

from __future__ import annotations

import psycopg
import pytest

from db.pool import open_database
from pricegraph.databases import open_databases, worker_pool
from pricegraph.settings import read_settings
from tests.api import execute

READ_ONLY = "select current_setting('default_transaction_read_only'), current_setting('statement_timeout')"


async def test_without_a_replica_reads_go_to_the_one_database(database_url: str) -> None:
    async with open_databases(read_settings(database_url=database_url)) as (database, reads):
        assert reads is database
        assert await execute(database, READ_ONLY) == [("off", "10s")]


async def test_a_database_for_reads_is_one_of_its_own_and_only_for_reads(database_url: str) -> None:
    settings = read_settings(database_url=database_url, database_read_url=database_url)
    async with open_databases(settings) as (database, reads):
        assert await execute(database, READ_ONLY) == [("off", "10s")]
        assert await execute(reads, READ_ONLY) == [("on", "10s")]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await execute(reads, "update coins set name = 'other'")


async def test_the_pool_size_bounds_the_connections_to_each_database(database_url: str) -> None:
    settings = read_settings(database_url=database_url, database_read_url=database_url, pool_size=3)
    async with open_databases(settings) as (database, reads):
        assert (database.pool.max_size, reads.pool.max_size) == (3, 3)
    assert worker_pool(settings).max_size == 3


async def test_requests_plan_a_statement_once_and_workers_by_what_they_store(database_url: str) -> None:
    settings = read_settings(database_url=database_url)
    async with open_databases(settings) as (serving, _), open_database(database_url, worker_pool(settings)) as working:
        modes = [await execute(one, "show plan_cache_mode") for one in (serving, working)]
    assert modes == [[("force_generic_plan",)], [("auto",)]]
