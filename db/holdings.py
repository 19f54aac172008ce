"""How much of what is held, at any instant: what transactions and the reports of the sources make of it.

From a report on, the report is what counts, moved on by later transactions; before the first one there are the
transactions alone. Where they do not explain the first report, the account is incomplete until then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from psycopg import sql

from db.pool import Connection


class HoldingRow(NamedTuple):
    """Never of nothing; a quantity below zero says that transactions are missing. Either a coin or a currency."""

    account_id: int
    asset_id: int
    coin_id: int | None
    currency_id: int | None
    quantity: Decimal


class Incomplete(NamedTuple):
    """When the holdings of an account are not all known: always, or before `until` and from `since` on."""

    always: bool
    until: datetime | None
    since: datetime | None

    def covers(self, at: datetime) -> bool:
        return (
            self.always or (self.until is not None and at < self.until) or (self.since is not None and at >= self.since)
        )


class HeldAsset(NamedTuple):
    """Either a coin or a currency."""

    id: int
    coin_id: int | None
    currency_id: int | None


_OWNED = """
owned as (
    select a.id from accounts a join portfolios p on p.id = a.portfolio_id
    where p.id = %(portfolio)s and p.owner = %(owner)s
)
"""
# Each report with its correction: what it says beyond the changes up to then, those of the same instant included.
_CHECKED = """
timeline as (
    select t.account_id, t.asset_id, t.at, t.change, null::numeric as reported
    from transactions t join owned o on o.id = t.account_id
    union all
    select b.account_id, b.asset_id, b.taken_at, 0, b.quantity from balances b join owned o on o.id = b.account_id
), checked as (
    select *, reported - sum(change) over (partition by account_id, asset_id order by at) as correction from timeline
)
"""
# A report moves the quantity by what its correction differs from the one before.
_UNEXPLAINED = """
unexplained as (
    select account_id, asset_id, at,
           correction - lag(correction, 1, 0::numeric) over (partition by account_id, asset_id order by at) as moved
    from checked where reported is not null
)
"""
_MOVES = """
moves as (
    select account_id, asset_id, at, change as moved from checked where reported is null
    union all
    select account_id, asset_id, at, moved from unexplained
)
"""
_POSITIONS = """
positions as (
    select account_id, asset_id, quantity, first, lead(first, 1, %(count)s + 1) over held - 1 as last
    from (
        select account_id, asset_id, first,
               sum(sum(moved)) over (partition by account_id, asset_id order by first) as quantity
        from (
            select *, width_bucket(at - interval '1 microsecond', %(instants)s::timestamptz[]) + 1 as first from moves
        ) placed
        where first <= %(count)s
        group by account_id, asset_id, first
    ) q
    window held as (partition by account_id, asset_id order by first)
)
"""
# For statements of others that go on from here: `positions` are the quantities of each account and asset, from the
# instant in place `first` through the one in place `last`. Places count from 1 in the parameter `instants`, in which
# times ascend; `count` is how many they are. The other parameters are `owner` and `portfolio`.
POSITIONS = ",".join((_OWNED, _CHECKED, _UNEXPLAINED, _MOVES, _POSITIONS))
# Likewise: `owned` are the accounts, and `unexplained` is what each report says beyond the transactions and the reports
# before it.
UNEXPLAINED = ",".join((_OWNED, _CHECKED, _UNEXPLAINED))

_HOLDINGS = sql.SQL(f"""
with {POSITIONS}
select i.place, p.account_id, p.asset_id, a.coin_id, a.currency_id, p.quantity
from positions p join assets a on a.id = p.asset_id cross join generate_series(p.first, p.last) i (place)
where p.quantity <> 0
order by i.place, p.account_id, p.asset_id
""")  # noqa: S608 - of this module's own texts
_ASSETS = sql.SQL(f"""
with {_OWNED}
select a.id, a.coin_id, a.currency_id from assets a
where a.id in (select t.asset_id from transactions t join owned o on o.id = t.account_id
               union select b.asset_id from balances b join owned o on o.id = b.account_id)
order by a.id
""")  # noqa: S608
# Before its first sync has ended, a source has said nothing, or half of it. A later one that has stored some pages of
# its history, and not all, leaves a hole somewhere in what is new since the one before.
_INCOMPLETE = sql.SQL(f"""
with {_OWNED}, {_CHECKED}, first_reports as (
    select distinct on (account_id, asset_id) account_id, at, correction from checked
    where reported is not null order by account_id, asset_id, at
), halves as (
    select o.id as account_id, (r.progress->>'since')::timestamptz as since
    from owned o
    cross join lateral (
        select max(id) as id from (
            select id from sync_runs where account_id = o.id and progress->'history_read' = 'true'
            order by id desc limit 1
        ) newest
    ) whole
    join sync_runs r on r.account_id = o.id and r.id > coalesce(whole.id, 0) and r.transactions_new > 0
)
select account_id, bool_or(always), max(until), min(since) from (
    select account_id, false as always, at as until, null::timestamptz as since from first_reports where correction <> 0
    union all
    select u.account_id, u.quantity <> 0, u.seen_at, null from unknown_assets u join owned o on o.id = u.account_id
    union all
    select a.id, true, null, null from accounts a join owned o on o.id = a.id
    where a.kind <> 'MANUAL' and a.last_synced_at is null
    union all
    select account_id, since is null, null, since from halves
) found
group by account_id order by account_id
""")  # noqa: S608


def place_parameters(owner: str, portfolio_id: int, instants: Sequence[datetime]) -> dict[str, object]:
    """What POSITIONS needs. The instants ascend."""
    return {"owner": owner, "portfolio": portfolio_id, "instants": list(instants), "count": len(instants)}


async def read_holdings(connection: Connection, owner: str, portfolio_id: int, at: datetime) -> list[HoldingRow]:
    """In order of accounts and assets."""
    (found,) = await read_holdings_at(connection, owner, portfolio_id, [at])
    return found


async def read_holdings_at(
    connection: Connection, owner: str, portfolio_id: int, instants: Sequence[datetime]
) -> list[list[HoldingRow]]:
    """One list for each instant; these ascend."""
    found: list[list[HoldingRow]] = [[] for _ in instants]
    cursor = await connection.execute(_HOLDINGS, place_parameters(owner, portfolio_id, instants), binary=True)
    for place, *row in await cursor.fetchall():
        found[place - 1].append(HoldingRow._make(row))
    return found


async def list_assets(connection: Connection, owner: str, portfolio_id: int) -> list[HeldAsset]:
    """Everything that was ever held."""
    cursor = await connection.execute(_ASSETS, {"owner": owner, "portfolio": portfolio_id})
    return [HeldAsset._make(row) for row in await cursor.fetchall()]


async def read_incomplete(connection: Connection, owner: str, portfolio_id: int) -> Mapping[int, Incomplete]:
    """By account; those whose holdings are always known are left out."""
    cursor = await connection.execute(_INCOMPLETE, {"owner": owner, "portfolio": portfolio_id})
    return {account: Incomplete._make(row) for account, *row in await cursor.fetchall()}
