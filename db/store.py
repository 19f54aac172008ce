"""What the database offers, found out once."""

from enum import StrEnum

import psycopg


class Store(StrEnum):
    TIMESCALEDB_COMMUNITY = "TIMESCALEDB_COMMUNITY"
    TIMESCALEDB_APACHE = "TIMESCALEDB_APACHE"
    POSTGRESQL = "POSTGRESQL"


class TimescaleTooOld(Exception):
    """The extension lacks what the tables need."""


_EDITION = """
select case when not exists (select from pg_extension where extname = 'timescaledb') then null
            else coalesce(current_setting('timescaledb.license', true), 'apache') end
"""
# The extension can only be created where the server loads it at start, and by a role that may see that it does.
_LOADED = """
select exists (select from pg_available_extensions where name = 'timescaledb' and installed_version is null)
       and exists (select from pg_settings where name = 'shared_preload_libraries' and setting like '%timescaledb%')
"""
# The first with triggers that see all new rows of a statement: github.com/timescale/timescaledb/pull/6901.
_OLDEST = (2, 18)
_VERSION = "select extversion from pg_extension where extname = 'timescaledb'"


def read_store(connection: psycopg.Connection[tuple[object, ...]]) -> Store:
    """The store behind this connection, as far as the extension has been created in this database."""
    row = connection.execute(_EDITION).fetchone()
    return _store(row[0] if row else None)


async def read_store_async(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> Store:
    row = await (await connection.execute(_EDITION)).fetchone()
    return _store(row[0] if row else None)


def create_extension(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Create TimescaleDB's extension where the server has it loaded; elsewhere ordinary tables do."""
    row = connection.execute(_LOADED).fetchone()
    if row and row[0]:
        connection.execute("create extension if not exists timescaledb")


def read_extension(connection: psycopg.Connection[tuple[object, ...]]) -> str | None:
    """The version of TimescaleDB in this database."""
    row = connection.execute(_VERSION).fetchone()
    return str(row[0]) if row else None


def refuse_old_extension(version: str) -> None:
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        needed = ".".join(map(str, _OLDEST))
        raise TimescaleTooOld(
            f"TimescaleDB {version} is too old: pricegraph needs {needed} or newer. Install it on the server, then run "
            "`alter extension timescaledb update` in this database"
        )


def _store(license_: object) -> Store:
    if license_ is None:
        return Store.POSTGRESQL
    return Store.TIMESCALEDB_COMMUNITY if license_ == "timescale" else Store.TIMESCALEDB_APACHE
