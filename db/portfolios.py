"""Portfolios. Every statement asks for the owner: what is somebody else's does not exist."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg import sql
from psycopg.errors import UniqueViolation

from db.pool import Connection


class PortfolioNameTaken(Exception):
    """The owner has another portfolio of that name."""


class PortfolioRow(NamedTuple):
    """`currency_id`: what it is valued in unless another currency is asked for."""

    id: int
    name: str
    currency_id: int
    created_at: datetime


_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, PortfolioRow._fields))
_READ = sql.SQL("""
select {} from portfolios where owner = %s and (%s::bigint[] is null or id = any(%s)) order by id
""").format(_COLUMNS)
_CREATE = sql.SQL("""
insert into portfolios (owner, name, currency_id, created_at) values (%s, %s, %s, %s) returning {}
""").format(_COLUMNS)
_RENAME = sql.SQL("update portfolios set name = %s where owner = %s and id = %s returning {}").format(_COLUMNS)


async def read_portfolios(connection: Connection, owner: str, ids: Sequence[int] | None = None) -> list[PortfolioRow]:
    """All of the owner's, or those of them that have these ids, the oldest first."""
    wanted = None if ids is None else list(ids)
    rows = await (await connection.execute(_READ, (owner, wanted, wanted))).fetchall()
    return [PortfolioRow._make(row) for row in rows]


async def create_portfolio(
    connection: Connection, owner: str, name: str, currency_id: int, now: datetime
) -> PortfolioRow:
    try:
        cursor = await connection.execute(_CREATE, (owner, name, currency_id, now))
    except UniqueViolation as error:
        raise PortfolioNameTaken(name) from error
    row = await cursor.fetchone()
    assert row is not None
    return PortfolioRow._make(row)


async def rename_portfolio(connection: Connection, owner: str, portfolio_id: int, name: str) -> PortfolioRow | None:
    """None when the owner has no such portfolio."""
    try:
        cursor = await connection.execute(_RENAME, (name, owner, portfolio_id))
    except UniqueViolation as error:
        raise PortfolioNameTaken(name) from error
    row = await cursor.fetchone()
    return PortfolioRow._make(row) if row else None


async def delete_portfolio(connection: Connection, owner: str, portfolio_id: int) -> bool:
    """With its accounts and all that belongs to them. False when the owner has no such portfolio."""
    cursor = await connection.execute("delete from portfolios where owner = %s and id = %s", (owner, portfolio_id))
    return cursor.rowcount == 1
