"""Accounts of portfolios. Every statement asks for the owner: what is somebody else's does not exist.

The private key of an account goes in here and comes out for its sync only (`db.syncs`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from psycopg import sql
from psycopg.errors import UniqueViolation

from db.pool import Connection


class AccountKind(StrEnum):
    MANUAL = "MANUAL"
    COINBASE = "COINBASE"
    BITCOIN = "BITCOIN"


class AccountLabelTaken(Exception):
    """The portfolio has another account of that label."""


class AccountRow(NamedTuple):
    """`status` and `problem`: how the newest sync went, in words where something is wrong. `syncing`: one is open."""

    id: int
    portfolio_id: int
    kind: str
    label: str
    created_at: datetime
    address: str | None
    key_name: str | None
    status: str
    problem: str | None
    last_synced_at: datetime | None
    syncing: bool


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A BITCOIN account has an address; a COINBASE account the name of its key and the key itself, encrypted."""

    portfolio_id: int
    kind: AccountKind
    label: str
    created_at: datetime
    address: str | None = None
    key_name: str | None = None
    secret: bytes | None = field(default=None, repr=False)


class UnknownAsset(NamedTuple):
    """Something held that no coin is known for, by the source's own name."""

    code: str
    quantity: Decimal
    seen_at: datetime


_READ = sql.SQL("""
select {}, exists (select from sync_runs r where r.account_id = a.id and r.finished_at is null)
from accounts a join portfolios p on p.id = a.portfolio_id
where p.owner = %(owner)s and (%(ids)s::bigint[] is null or a.id = any(%(ids)s))
  and (%(portfolios)s::bigint[] is null or a.portfolio_id = any(%(portfolios)s))
order by a.id
""").format(sql.SQL(", ").join(sql.Identifier("a", name) for name in AccountRow._fields[:-1]))
_ADD = """
insert into accounts (portfolio_id, kind, label, created_at, address, key_name, secret)
select id, %(kind)s, %(label)s, %(now)s, %(address)s, %(key_name)s, %(secret)s from portfolios
where owner = %(owner)s and id = %(portfolio)s for key share
returning id
"""
# What the old key met with says nothing about the new one.
_REPLACE_KEY = """
update accounts a
set key_name = %(key_name)s, secret = %(secret)s,
    status = case when a.status = 'AUTH_FAILED' then 'OK' else a.status end,
    problem = case when a.status = 'AUTH_FAILED' then null else a.problem end
from portfolios p
where p.id = a.portfolio_id and p.owner = %(owner)s and a.id = %(id)s and a.kind = 'COINBASE'
"""
_LOCK = "select from portfolios where owner = %s and id = %s for update"
_KEEP = """
select from accounts a join portfolios p on p.id = a.portfolio_id where p.owner = %s and a.id = %s for key share of a
"""
_REMOVE = "delete from accounts a using portfolios p where p.id = a.portfolio_id and p.owner = %s and a.id = %s"
_UNKNOWN = """
select u.account_id, u.code, u.quantity, u.seen_at
from unknown_assets u join accounts a on a.id = u.account_id join portfolios p on p.id = a.portfolio_id
where p.owner = %s and a.id = any(%s) and u.quantity <> 0 order by u.account_id, u.code
"""


async def read_accounts(
    connection: Connection,
    owner: str,
    *,
    ids: Sequence[int] | None = None,
    portfolio_ids: Sequence[int] | None = None,
) -> list[AccountRow]:
    """The owner's accounts, the oldest first: those that have these ids, and are of these portfolios."""
    given = {
        "owner": owner,
        "ids": None if ids is None else list(ids),
        "portfolios": None if portfolio_ids is None else list(portfolio_ids),
    }
    return [AccountRow._make(row) for row in await (await connection.execute(_READ, given)).fetchall()]


async def lock_portfolio(connection: Connection, owner: str, portfolio_id: int) -> bool:
    """Nobody else adds an account to it until the transaction ends. False when the owner has no such portfolio."""
    return (await connection.execute(_LOCK, (owner, portfolio_id))).rowcount == 1


async def add_account(connection: Connection, owner: str, account: NewAccount) -> int | None:
    """Its id; None when the owner has no such portfolio."""
    given = {
        "owner": owner,
        "portfolio": account.portfolio_id,
        "kind": account.kind.value,
        "label": account.label,
        "now": account.created_at,
        "address": account.address,
        "key_name": account.key_name,
        "secret": account.secret,
    }
    try:
        row = await (await connection.execute(_ADD, given)).fetchone()
    except UniqueViolation as error:
        raise AccountLabelTaken(account.label) from error
    return row[0] if row else None


async def keep_account(connection: Connection, owner: str, account_id: int) -> bool:
    """Nobody removes it until the transaction ends. False when the owner has no such account."""
    return (await connection.execute(_KEEP, (owner, account_id))).rowcount == 1


async def replace_key(connection: Connection, owner: str, account_id: int, key_name: str, secret: bytes) -> bool:
    """Give a Coinbase account another key. False when the owner has no such account."""
    given = {"owner": owner, "id": account_id, "key_name": key_name, "secret": secret}
    return (await connection.execute(_REPLACE_KEY, given)).rowcount == 1


async def remove_account(connection: Connection, owner: str, account_id: int) -> bool:
    """With its transactions, reports and runs. False when the owner has no such account."""
    return (await connection.execute(_REMOVE, (owner, account_id))).rowcount == 1


async def read_unknown_assets(
    connection: Connection, owner: str, account_ids: Sequence[int]
) -> dict[int, list[UnknownAsset]]:
    """By account, in order of their codes."""
    found: dict[int, list[UnknownAsset]] = {id_: [] for id_ in account_ids}
    for account, *row in await (await connection.execute(_UNKNOWN, (owner, list(account_ids)))).fetchall():
        found[account].append(UnknownAsset._make(row))
    return found
