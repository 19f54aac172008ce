"""Migrations: as often, by as many and as rudely interrupted as may be, the tables are the same in the end."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import psycopg
import pytest

from db.migrate import migrate, newest_migration
from db.pool import open_database
from db.store import Store, TimescaleTooOld, read_extension, read_store, read_store_async, refuse_old_extension

MIGRATE = "import sys; from db.migrate import migrate; migrate(sys.argv[1])"
TABLES = "select table_name::text from information_schema.tables where table_schema = 'public' order by 1"


def start_migrating(url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", MIGRATE, url], stderr=subprocess.PIPE)


def query(url: str, text: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(text).fetchall()


def migration_of(url: str) -> object:
    """None for a database that no migration has ever completed in."""
    if query(url, "select to_regclass('alembic_version')") == [(None,)]:
        return None
    return next((version for (version,) in query(url, "select version_num from alembic_version")), None)


def is_timescaledb(url: str) -> bool:
    [(loaded,)] = query(url, "select current_setting('shared_preload_libraries') like '%timescaledb%'")
    return bool(loaded)


def test_a_second_migration_finds_nothing_to_do(empty_database_url: str) -> None:
    migrate(empty_database_url)
    before = query(empty_database_url, TABLES)
    assert len(before) > 15

    migrate(empty_database_url)

    assert query(empty_database_url, TABLES) == before
    assert migration_of(empty_database_url) == newest_migration()


def test_an_ordinary_role_migrates_a_database_of_its_own(empty_database_url: str) -> None:
    """On a server with TimescaleDB it gets ordinary tables, unless somebody created the extension for it."""
    role = f"ordinary_{os.getpid()}"
    parts = psycopg.conninfo.conninfo_to_dict(empty_database_url)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(f"create role {role}")
        connection.execute(f"grant all on database {parts['dbname']} to {role}; grant all on schema public to {role}")
    try:
        migrate(f"{empty_database_url}{'&' if '?' in empty_database_url else '?'}options=-c%20role%3D{role}")

        assert migration_of(empty_database_url) == newest_migration()
    finally:
        with psycopg.connect(empty_database_url, autocommit=True) as connection:
            connection.execute(f"reassign owned by {role} to current_user; drop owned by {role}; drop role {role}")


@pytest.mark.slow
def test_processes_that_migrate_at_once_all_succeed(empty_database_url: str) -> None:
    processes = [start_migrating(empty_database_url) for _ in range(3)]
    for process in processes:
        _, problems = process.communicate(timeout=60)
        assert process.returncode == 0, problems.decode()
    assert migration_of(empty_database_url) == newest_migration()
    assert query(empty_database_url, "select count(*) from providers") == [(5,)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_migration_that_is_killed_leaves_nothing_or_all_and_the_next_one_completes_it(
    empty_database_url: str, seed: int
) -> None:
    dice = random.Random(seed)
    for _ in range(3):
        process = start_migrating(empty_database_url)
        wait_until_at_work(empty_database_url, process)
        time.sleep(dice.uniform(0, 0.1))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=20)
        wait_until_alone(empty_database_url)
        tables = {name for (name,) in query(empty_database_url, TABLES)}
        assert tables <= {"alembic_version"} or "api_tokens" in tables

    migrate(empty_database_url)

    assert migration_of(empty_database_url) == newest_migration()
    assert query(empty_database_url, "select count(*) from providers") == [(5,)]
    assert query(empty_database_url, "select count(*) from procrastinate_jobs") == [(0,)]


OTHERS = (
    "select count(*) from pg_stat_activity "
    "where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
)


def wait_until_at_work(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while query(url, OTHERS) == [(0,)] and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def wait_until_alone(url: str) -> None:
    deadline = time.monotonic() + 30
    while query(url, OTHERS) != [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def test_the_store_is_reported_as_what_it_is(database_url: str) -> None:
    expected = {Store.POSTGRESQL}
    if is_timescaledb(database_url):
        expected = {Store.TIMESCALEDB_APACHE, Store.TIMESCALEDB_COMMUNITY}
    with psycopg.connect(database_url) as connection:
        found = read_store(connection)
    async with open_database(database_url) as database, database.connection() as connection_async:
        assert await read_store_async(connection_async) is found
    assert found in expected


def test_a_database_without_the_extension_is_an_ordinary_postgresql(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("drop extension if exists timescaledb")
        assert read_store(connection) is Store.POSTGRESQL


def test_an_extension_that_lacks_what_the_tables_need_is_refused_with_what_to_do(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        version = read_extension(connection)
    assert (version is not None) == is_timescaledb(database_url)
    for one in filter(None, [version, "2.18.0", "2.18.0-rc1", "2.100.1", "3.0.0"]):
        refuse_old_extension(one)
    for one in ("2.17.2", "2.9.0", "1.7.5"):
        with pytest.raises(TimescaleTooOld, match=rf"TimescaleDB {one} is too old: pricegraph needs 2\.18 or newer"):
            refuse_old_extension(one)


def test_prices_are_hypertables_on_timescaledb_and_ordinary_tables_elsewhere(database_url: str) -> None:
    if is_timescaledb(database_url):
        chunks = query(
            database_url,
            "select hypertable_name::text, time_interval::text from timescaledb_information.dimensions order by 1",
        )
        assert chunks == [("price_daily", "1095 days"), ("price_hourly", "90 days")]
    else:
        kinds = query(
            database_url, "select relkind::text from pg_class where relname in ('price_hourly', 'price_daily')"
        )
        assert kinds == [("r",), ("r",)]
        assert query(database_url, "select * from pg_extension where extname = 'timescaledb'") == []


def test_a_store_of_before_keeps_its_points_and_its_chunks_and_makes_longer_ones(empty_database_url: str) -> None:
    migrate(empty_database_url, "0008")
    insert_hours(empty_database_url, 0, 2_000)
    migrate(empty_database_url)
    insert_hours(empty_database_url, 2_000, 10_000)

    points = query(empty_database_url, "select count(*), min(price), max(price) from price_hourly")
    assert points == [(10_000, 1, 10_000)]
    assert query(empty_database_url, STORED_HOURS) == [(10_000, 1)]
    if is_timescaledb(empty_database_url):
        chunks = query(
            empty_database_url,
            "select extract(epoch from range_end - range_start)::int / 86400 from timescaledb_information.chunks "
            "where hypertable_name = 'price_hourly' order by range_start",
        )
        assert chunks[:2] == [(30,), (30,)]
        assert chunks[-1] == (90,)


# How many, in how many windows.
STORED_HOURS = """
select (extract(epoch from sum(upper(part) - lower(part))) / 3600)::int, count(*)
from (select range_agg(stored) as stored from stored_windows) s, unnest(stored) part
"""


def test_an_ordinary_table_stays_one_on_a_server_that_has_timescaledb(empty_database_url: str) -> None:
    migrate(empty_database_url, "0008")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("create table plain (like price_hourly including all)")
        connection.execute("drop table price_hourly")
        connection.execute("alter table plain rename to price_hourly")

    migrate(empty_database_url)

    insert_hours(empty_database_url, 0, 3_000)
    assert query(empty_database_url, "select relkind::text from pg_class where relname = 'price_hourly'") == [("r",)]
    assert query(empty_database_url, STORED_HOURS) == [(3_000, 1)]
    assert migration_of(empty_database_url) == newest_migration()


def test_what_is_stored_is_written_down_while_somebody_reads(empty_database_url: str) -> None:
    migrate(empty_database_url, "0009")
    insert_hours(empty_database_url, 0, 100)
    with psycopg.connect(empty_database_url) as reader:
        reader.execute("select max(price) from price_hourly")
        migrate(empty_database_url, "0010")
        assert query(empty_database_url, STORED_HOURS) == [(100, 1)]


def test_no_time_limit_of_the_database_ends_a_migration_that_reads_everything(empty_database_url: str) -> None:
    migrate(empty_database_url, "0009")
    insert_hours(empty_database_url, 0, 300_000)
    database = psycopg.conninfo.conninfo_to_dict(empty_database_url)["dbname"]
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(f"alter database {database} set statement_timeout = '50ms'")
        connection.execute("set statement_timeout = '50ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("select range_agg(tstzrange(ts, ts + interval '1 hour')) from price_hourly")

    migrate(empty_database_url)

    assert query(empty_database_url, STORED_HOURS) == [(300_000, 1)]


def insert_hours(url: str, first: int, end: int) -> None:
    """Prices 1, 2, and so on."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into price_hourly (coin_id, currency_id, ts, price, observed_at, provider_id) "
            "select 1, 1, '2025-01-01Z'::timestamptz + i * interval '1 hour', i + 1, now(), 1 "
            "from generate_series(%s::int, %s::int - 1) i",
            (first, end),
        )


@pytest.mark.parametrize("table", ["price_hourly", "price_daily"])
def test_the_primary_key_covers_what_is_read_of_a_point_and_beside_it_only_the_few_provisional_points_are_indexed(
    database_url: str, table: str
) -> None:
    indexes = query(database_url, f"select indexdef from pg_indexes where tablename = '{table}' order by indexname")
    assert indexes == [
        (
            f"CREATE UNIQUE INDEX {table}_pkey ON public.{table} USING btree (coin_id, currency_id, ts) "
            "INCLUDE (price, market_cap, volume_24h, high, low, observed_at, provider_id, revision)",
        ),
        (
            f"CREATE INDEX {table}_provisional ON public.{table} USING btree (coin_id, currency_id, ts) "
            "WHERE provisional",
        ),
    ]
