"""The databases that are compared: made and filled, or as an earlier run kept them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import psycopg
from psycopg import sql

from benchmarks.database import Server, url_of
from benchmarks.scale.fill import Connection, fill
from benchmarks.scale.progress import say
from benchmarks.scale.scale import Scale, Stored
from db.migrate import migrate
from db.series import Granularity
from db.store import Store, read_store


@contextmanager
def stored(server: Server, scale: Scale, *, plain: bool = False, keep: bool = False) -> Iterator[Stored]:
    """With `plain`, prices are in ordinary tables even if the server has TimescaleDB. With `keep` it stays for the next
    run, whose data then ends where this one's does.
    """
    name = f"pricegraph_scale_{scale.coins}x{scale.days}{'_plain' if plain else ''}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        if (end := _read_end(connection, name)) is None:
            _make(connection, server, name, scale, plain=plain)
        else:
            say(f"{name}: kept by an earlier run")
            scale = Scale(scale.coins, scale.days, end)
            migrate(url_of(server.url, name))
        try:
            yield Stored(url_of(server.url, name), scale)
        finally:
            if not keep:
                _drop(connection, name)


def _make(connection: Connection, server: Server, name: str, scale: Scale, *, plain: bool) -> None:
    say(f"{name}: {scale.rows:,} hourly rows")
    _drop(connection, name)
    connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
    url = url_of(server.url, name)
    migrate(url)
    if plain:
        _make_plain(url)
    fill(url, scale)
    comment = sql.SQL("comment on database {} is {}")
    connection.execute(comment.format(sql.Identifier(name), sql.Literal(scale.end.isoformat())))


def _read_end(connection: Connection, name: str) -> datetime | None:
    """Where the data of a database ends that was filled to the end."""
    query = "select shobj_description(oid, 'pg_database') from pg_database where datname = %s"
    row = connection.execute(query, (name,)).fetchone()
    return datetime.fromisoformat(str(row[0])) if row and row[0] else None


def _drop(connection: Connection, name: str) -> None:
    connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def _make_plain(url: str) -> None:
    """The same columns, checks and keys as the hypertables have, in tables of PostgreSQL's own."""
    with psycopg.connect(url, autocommit=True) as connection:
        if read_store(connection) is Store.POSTGRESQL:
            return
        for granularity in Granularity:
            table = sql.Identifier(granularity.table)
            connection.execute(sql.SQL("create table plain (like {} including all)").format(table))
            connection.execute(sql.SQL("drop table {}").format(table))
            connection.execute(sql.SQL("alter table plain rename to {}").format(table))
