"""A database of the benchmark's own, on whichever server there is; gone afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests.postgres_servers import embedded_server
from tests.timescaledb import NO_SETTINGS, NoTimescaleDB, timescaledb_server


@dataclass(frozen=True)
class Server:
    """`url` is that of a user who may create databases; `name` and `remark` are for the report."""

    url: str
    name: str
    remark: str | None = None


@contextmanager
def find_server(settings: Mapping[str, str] = NO_SETTINGS) -> Iterator[Server]:
    """The server of DATABASE_URL, else the TimescaleDB that the tests find, with these settings if it is started for
    this; else the embedded PostgreSQL.
    """
    with ExitStack() as stack:
        url, remark = _find(stack, settings)
        yield Server(url, _describe(url), remark)


def _find(stack: ExitStack, settings: Mapping[str, str]) -> tuple[str, str | None]:
    if given := os.environ.get("DATABASE_URL"):
        return given, None
    try:
        return stack.enter_context(timescaledb_server(settings)), None
    except NoTimescaleDB as reason:
        return stack.enter_context(embedded_server()), f"There is no TimescaleDB: {reason}"


@contextmanager
def fresh_database(server: Server, name: str) -> Iterator[str]:
    """The URL of an empty database; one of the same name that an earlier run left behind is dropped."""
    _drop(server, name)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        # As pricegraph sets them for itself: its peers get the same. Compiling takes longer than these statements do.
        for setting in ("jit = off", "timezone = 'UTC'"):
            connection.execute(sql.SQL("alter database {} set {}").format(sql.Identifier(name), sql.SQL(setting)))
    try:
        yield url_of(server.url, name)
    finally:
        _drop(server, name)


def url_of(url: str, name: str) -> str:
    """Another database of the same server."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def _drop(server: Server, name: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def _describe(url: str) -> str:
    with psycopg.connect(url) as connection:
        version = connection.info.server_version // 10_000
        found = connection.execute(
            "select default_version from pg_available_extensions where name = 'timescaledb'"
        ).fetchone()
    return f"TimescaleDB {found[0]} on PostgreSQL {version}" if found else f"PostgreSQL {version}"
