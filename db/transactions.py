"""Transactions of accounts: each one changes what an account holds of one asset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from psycopg import sql

from db.pool import Connection


class Kind(StrEnum):
    BUY = "BUY"
    SELL = "SELL"
    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    FEE = "FEE"
    REWARD = "REWARD"
    TRANSFER_IN = "TRANSFER_IN"
    TRANSFER_OUT = "TRANSFER_OUT"


class NewTransaction(NamedTuple):
    """`quantity` is above zero; the kind says which way it goes. `external_id` is the source's own."""

    asset_id: int
    kind: Kind
    at: datetime
    quantity: Decimal
    unit_price: Decimal | None
    unit_price_currency_id: int | None
    fee: Decimal | None
    fee_currency_id: int | None
    external_id: str | None


class TransactionRow(NamedTuple):
    """`transfer_id`: the other side of an internal transfer."""

    id: int
    account_id: int
    asset_id: int
    kind: str
    at: datetime
    quantity: Decimal
    unit_price: Decimal | None
    unit_price_currency_id: int | None
    fee: Decimal | None
    fee_currency_id: int | None
    external_id: str | None
    created_at: datetime
    transfer_id: int | None


@dataclass(frozen=True, slots=True)
class TransactionFilter:
    """All given conditions hold."""

    account_id: int | None = None
    coin_id: int | None = None
    kinds: tuple[str, ...] | None = None

    @property
    def parameters(self) -> dict[str, object]:
        kinds = None if self.kinds is None else list(self.kinds)
        return {"account": self.account_id, "coin": self.coin_id, "kinds": kinds}


class Place(NamedTuple):
    """Where a transaction stands in a list."""

    at: datetime
    id: int


_ADD = """
with given as (
    select nextval(pg_get_serial_sequence('transactions', 'id')) as id, g.*
    from unnest(%(assets)s::int[], %(kinds)s::text[], %(times)s::timestamptz[], %(quantities)s::numeric[],
                %(prices)s::numeric[], %(price_currencies)s::smallint[], %(fees)s::numeric[],
                %(fee_currencies)s::smallint[], %(external_ids)s::text[]) with ordinality
         g (asset_id, kind, at, quantity, unit_price, unit_price_currency_id, fee, fee_currency_id, external_id, place)
), added as (
    insert into transactions (id, account_id, asset_id, kind, at, quantity, unit_price, unit_price_currency_id, fee,
                              fee_currency_id, external_id, created_at)
    overriding system value
    select id, %(account)s, asset_id, kind, at, quantity, unit_price, unit_price_currency_id, fee, fee_currency_id,
           external_id, %(now)s
    from given order by place
    on conflict (account_id, external_id) where external_id is not null do nothing
    returning id
)
select added.id from given left join added on added.id = given.id order by given.place
"""
# What a transaction itself says; the other side of a transfer follows.
_COLUMNS = sql.SQL(", ").join(
    [
        *(sql.Identifier("t", name) for name in TransactionRow._fields[:-1]),
        sql.SQL(
            "coalesce((select incoming_id from transfers where outgoing_id = t.id), "
            "(select outgoing_id from transfers where incoming_id = t.id))"
        ),
    ]
)
_MATCHES = sql.SQL("""
t.account_id = a.id and (%(kinds)s::text[] is null or t.kind = any(%(kinds)s))
and (%(coin)s::int is null or t.asset_id = (select id from assets where coin_id = %(coin)s))
""")
_ACCOUNTS = sql.SQL("""
from unnest(%(portfolios)s::bigint[]) as w (id) join portfolios p on p.id = w.id and p.owner = %(owner)s
cross join lateral (
    select id from accounts where portfolio_id = p.id and (%(account)s::bigint is null or id = %(account)s)
) a
""")
# The newest of each account, by the index; then the newest among those.
_LIST = sql.SQL("""
select n.portfolio_id, {columns} from (
    select p.id as portfolio_id, t.*, row_number() over (partition by p.id order by t.at desc, t.id desc) as place
    {accounts}
    cross join lateral (
        select * from transactions t
        where {matches} and (t.at, t.id) < (coalesce(%(at)s::timestamptz, 'infinity'), %(id)s::bigint)
        order by t.at desc, t.id desc limit %(limit)s
    ) t
) n join transactions t on t.id = n.id
where n.place <= %(limit)s order by n.portfolio_id, n.place
""").format(columns=_COLUMNS, accounts=_ACCOUNTS, matches=_MATCHES)
_COUNT = sql.SQL("select p.id, count(*) {accounts} join transactions t on {matches} group by p.id").format(
    accounts=_ACCOUNTS, matches=_MATCHES
)
_READ = sql.SQL("""
select {} from transactions t join accounts a on a.id = t.account_id join portfolios p on p.id = a.portfolio_id
where p.owner = %s and t.id = any(%s)
""").format(_COLUMNS)
_KNOWN = """
select t.external_id
from transactions t join accounts a on a.id = t.account_id join portfolios p on p.id = a.portfolio_id
where p.owner = %s and t.account_id = %s and t.external_id = any(%s)
"""
_DELETE = """
delete from transactions t using accounts a, portfolios p
where a.id = t.account_id and p.id = a.portfolio_id and p.owner = %s and t.id = any(%s) and a.kind = 'MANUAL'
"""


async def add_transactions(
    connection: Connection, account_id: int, rows: Sequence[NewTransaction], now: datetime
) -> list[int | None]:
    """Their ids, in order; None where the external id was known already. One statement.

    The caller holds the transaction, and knows whose account it is.
    """
    columns = zip(*rows, strict=True) if rows else ((),) * len(NewTransaction._fields)
    names = (
        "assets",
        "kinds",
        "times",
        "quantities",
        "prices",
        "price_currencies",
        "fees",
        "fee_currencies",
        "external_ids",
    )
    given = {name: list(column) for name, column in zip(names, columns, strict=True)}
    cursor = await connection.execute(_ADD, given | {"account": account_id, "now": now})
    return [row[0] for row in await cursor.fetchall()]


async def list_transactions(
    connection: Connection,
    owner: str,
    portfolio_ids: Sequence[int],
    where: TransactionFilter,
    limit: int,
    after: Place | None,
) -> dict[int, list[TransactionRow]]:
    """Up to `limit` of each portfolio, the newest first; only those behind `after`."""
    at, id_ = after or (None, 2**63 - 1)
    given = {"owner": owner, "portfolios": list(portfolio_ids), "limit": limit, "at": at, "id": id_}
    found: dict[int, list[TransactionRow]] = {id_: [] for id_ in portfolio_ids}
    for portfolio, *row in await (await connection.execute(_LIST, given | where.parameters)).fetchall():
        found[portfolio].append(TransactionRow._make(row))
    return found


async def count_transactions(
    connection: Connection, owner: str, portfolio_ids: Sequence[int], where: TransactionFilter
) -> dict[int, int]:
    given = {"owner": owner, "portfolios": list(portfolio_ids)}
    cursor = await connection.execute(_COUNT, given | where.parameters)
    return dict.fromkeys(portfolio_ids, 0) | dict(await cursor.fetchall())


async def read_transactions(connection: Connection, owner: str, ids: Sequence[int]) -> dict[int, TransactionRow]:
    rows = await (await connection.execute(_READ, (owner, list(ids)))).fetchall()
    return {row.id: row for row in map(TransactionRow._make, rows)}


async def read_known_ids(connection: Connection, owner: str, account_id: int, external_ids: Sequence[str]) -> set[str]:
    """Those of the external ids that the account has."""
    cursor = await connection.execute(_KNOWN, (owner, account_id, list(external_ids)))
    return {row[0] for row in await cursor.fetchall()}


async def delete_transactions(connection: Connection, owner: str, ids: Sequence[int]) -> int:
    """How many were deleted: those of manual accounts only, for a sync would bring the others back."""
    return (await connection.execute(_DELETE, (owner, list(ids)))).rowcount
