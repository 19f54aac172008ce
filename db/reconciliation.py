"""What the transactions of an account make of it, against what its source reports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from db.pool import Connection


class ReconciliationRow(NamedTuple):
    """Of the newest report: `derived` is the sum of the changes up to it, `difference` what they do not explain."""

    asset_id: int
    reported_at: datetime
    derived: Decimal
    reported: Decimal
    difference: Decimal


_READ = """
with owned as (
    select a.id from accounts a join portfolios p on p.id = a.portfolio_id
    where p.owner = %(owner)s and a.id = any(%(accounts)s)
), newest as (
    select distinct on (b.account_id, b.asset_id) b.*
    from balances b join owned o on o.id = b.account_id order by b.account_id, b.asset_id, b.taken_at desc
)
select n.account_id, n.asset_id, n.taken_at, coalesce(sum(t.change), 0), n.quantity,
       n.quantity - coalesce(sum(t.change), 0)
from newest n left join transactions t
    on t.account_id = n.account_id and t.asset_id = n.asset_id and t.at <= n.taken_at
group by n.account_id, n.asset_id, n.taken_at, n.quantity
order by n.account_id, n.asset_id
"""


async def read_reconciliations(
    connection: Connection, owner: str, account_ids: Sequence[int]
) -> dict[int, list[ReconciliationRow]]:
    """By account, a row for each asset that its source has reported."""
    found: dict[int, list[ReconciliationRow]] = {id_: [] for id_ in account_ids}
    cursor = await connection.execute(_READ, {"owner": owner, "accounts": list(account_ids)})
    for account, *row in await cursor.fetchall():
        found[account].append(ReconciliationRow._make(row))
    return found
