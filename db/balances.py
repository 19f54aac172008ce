"""What sources report of their accounts: balances, append-only, and what they hold that nobody here knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal

from db.pool import Connection

# What a report would say if it said nothing new: the last one, moved on by the transactions since; null before the
# first one.
_EXPECTED = """
with known as (
    select asset_id from balances where account_id = %(account)s
    union select asset_id from transactions where account_id = %(account)s
), last as (
    select k.asset_id, b.taken_at, b.quantity
    from known k left join lateral (
        select taken_at, quantity from balances
        where account_id = %(account)s and asset_id = k.asset_id and taken_at < %(at)s
        order by taken_at desc limit 1
    ) b on true
), moved as (
    select l.asset_id, sum(t.change) as change
    from last l join transactions t on t.account_id = %(account)s and t.asset_id = l.asset_id
        and t.at > coalesce(l.taken_at, '-infinity') and t.at <= %(at)s
    group by l.asset_id
), expected as (
    select l.asset_id, l.quantity + coalesce(m.change, 0) as quantity, m.change is not null as traded
    from last l left join moved m using (asset_id)
)
"""
# A first report is news when there is something to compare with or to hold. What is left out is reported as nothing.
_APPEND = (
    _EXPECTED
    + """
insert into balances (account_id, asset_id, taken_at, quantity)
select %(account)s, asset_id, %(at)s, coalesce(r.quantity, 0)
from expected e
full join unnest(%(assets)s::int[], %(quantities)s::numeric[]) r (asset_id, quantity) using (asset_id)
where coalesce(r.quantity, 0) <> e.quantity or e.quantity is null and (coalesce(r.quantity, 0) <> 0 or e.traded)
on conflict (account_id, asset_id, taken_at) do nothing
"""
)
_READ_EXPECTED = _EXPECTED + "select asset_id, quantity from expected where quantity <> 0"  # noqa: S608 - no input
_FORGET_UNKNOWN = "delete from unknown_assets where account_id = %s and code <> all(%s)"
_NOTE_UNKNOWN = """
insert into unknown_assets (account_id, code, quantity, seen_at)
select %s, u.*, %s from unnest(%s::text[], %s::numeric[]) u
on conflict (account_id, code) do update
set quantity = excluded.quantity,
    seen_at = case when (excluded.quantity, unknown_assets.quantity) = (0, 0) then unknown_assets.seen_at
                   else excluded.seen_at end
"""


async def report_balances(
    connection: Connection, account_id: int, quantities: Mapping[int, Decimal], at: datetime
) -> int:
    """Append what an account holds of each asset, where that is news; answers how many rows that made.

    The quantities are all there is: an asset that is left out is held no more.
    """
    given = {"account": account_id, "at": at}
    lists = {"assets": list(quantities), "quantities": list(quantities.values())}
    return (await connection.execute(_APPEND, given | lists)).rowcount


async def read_expected(connection: Connection, account_id: int, at: datetime) -> dict[int, Decimal]:
    """What the account holds of each asset if nothing happened that its transactions do not tell; of what was reported
    before, and is not nothing.
    """
    cursor = await connection.execute(_READ_EXPECTED, {"account": account_id, "at": at})
    return dict(await cursor.fetchall())


async def list_unknown(connection: Connection, account_id: int) -> list[str]:
    """The source's names of what the account holds, or has held, and no asset here is known for."""
    cursor = await connection.execute("select code from unknown_assets where account_id = %s", (account_id,))
    return [row[0] for row in await cursor.fetchall()]


async def report_unknown(
    connection: Connection, account_id: int, quantities: Mapping[str, Decimal], at: datetime
) -> None:
    """Keep these, and no others, as what is not known. Of what is held no more it stays known since when."""
    codes: Collection[str] = list(quantities)
    await connection.execute(_FORGET_UNKNOWN, (account_id, codes))
    await connection.execute(_NOTE_UNKNOWN, (account_id, at, codes, list(quantities.values())))
