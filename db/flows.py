"""Everything that changed what a portfolio holds, in order: what gains and returns are made of."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from psycopg import sql

from db.holdings import UNEXPLAINED
from db.pool import Connection

EVER = datetime.min.replace(tzinfo=UTC)


class FlowRow(NamedTuple):
    """A transaction, or, without a `kind`, what a report said beyond them: then `quantity` may be below zero.

    `pays`: it paid for what a fill of an exchange bought. `other_at`, `other_quantity`: the other side of an internal
    transfer, which may come later than what was asked for.
    """

    asset_id: int
    kind: str | None
    at: datetime
    quantity: Decimal
    unit_price: Decimal | None
    unit_price_currency_id: int | None
    fee: Decimal | None
    fee_currency_id: int | None
    pays: bool
    other_at: datetime | None
    other_quantity: Decimal | None


# Of one instant: first what came in, for what went out is taken from it; last the reports, which have counted both.
_FLOWS = sql.SQL(f"""
with {UNEXPLAINED}
select case when t.change > 0 then 1 else 2 end as turn, t.id, t.asset_id, t.kind, t.at, t.quantity,
       t.unit_price, t.unit_price_currency_id, t.fee, t.fee_currency_id,
       t.kind = 'WITHDRAWAL' and coalesce(t.external_id, '') like 'fill:%%',
       x.at as other_at, x.quantity as other_quantity
from transactions t join owned o on o.id = t.account_id
left join transfers sent on sent.outgoing_id = t.id
left join transfers received on received.incoming_id = t.id
left join transactions x on x.id = coalesce(sent.incoming_id, received.outgoing_id)
where t.at <= %(until)s and (t.at > %(since)s or x.at > %(since)s)
union all
select 3, null, asset_id, null, at, moved, null, null, null, null, false, null, null
from unexplained where moved <> 0 and at > %(since)s and at <= %(until)s
order by at, turn, id, asset_id
""")  # noqa: S608 - of other modules' own texts


async def read_flows(
    connection: Connection, owner: str, portfolio_id: int, until: datetime, since: datetime = EVER
) -> list[FlowRow]:
    """In the order of time: those after `since`, and earlier ones whose other side comes after it."""
    given = {"owner": owner, "portfolio": portfolio_id, "until": until, "since": since}
    cursor = await connection.execute(_FLOWS, given, binary=True)
    return [FlowRow._make(row) for _, _, *row in await cursor.fetchall()]
