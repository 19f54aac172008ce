"""Internal transfers: pairs of transactions that move an asset between two accounts of one portfolio.

What is paired makes no gain. A pair that a person took apart is not made again by itself.
"""

from __future__ import annotations

from enum import Enum, auto

from db.pool import Connection

# A fill of an exchange (`fill:…`) pays for something, so it moves nothing between accounts.
#
# By the network's own id the two sides are known to be one transaction: what is missing went to the network, unless it
# is more than a tenth; then somebody else was paid as well. Else amount and time have to tell: at most a hundredth is
# missing, and within a day. Two bitcoin addresses always know the id, so it has to be the same.
#
# Each side looks for the other by the indexes of transactions (account and external id, account and time): it is at
# home in a portfolio of three transactions as of thirty thousand.
_MATCH = """
with mine as (
    select id, kind = 'BITCOIN' as on_chain from accounts where portfolio_id = %(portfolio)s
), sent as (
    select t.id, t.account_id, t.asset_id, t.at, t.quantity, t.external_id, m.on_chain
    from mine m join transactions t on t.account_id = m.id
    where t.kind in ('WITHDRAWAL', 'TRANSFER_OUT') and coalesce(t.external_id, '') not like 'fill:%%'
      and not exists (select from transfers x where x.outgoing_id = t.id)
), same as (
    select o.id as outgoing_id, i.id as incoming_id
    from sent o join mine m on m.id <> o.account_id
    join transactions i on i.account_id = m.id and i.external_id = o.external_id
    where i.asset_id = o.asset_id and i.quantity between o.quantity * 0.9 and o.quantity
      and i.kind in ('DEPOSIT', 'TRANSFER_IN') and not exists (select from transfers x where x.incoming_id = i.id)
), alike as (
    select o.id as outgoing_id, i.id as incoming_id
    from sent o join mine m on m.id <> o.account_id and not (m.on_chain and o.on_chain)
    join transactions i on i.account_id = m.id and i.at between o.at and o.at + interval '24 hours'
    where i.asset_id = o.asset_id and i.quantity between o.quantity * 0.99 and o.quantity
      and i.kind in ('DEPOSIT', 'TRANSFER_IN') and coalesce(i.external_id, '') not like 'fill:%%'
      and not exists (select from transfers x where x.incoming_id = i.id)
      and o.id not in (select outgoing_id from same) and i.id not in (select incoming_id from same)
), counted as (
    select c.*, count(*) over (partition by outgoing_id) as ways, count(*) over (partition by incoming_id) as sources
    from (select * from same union all select * from alike) c
    where not exists (
        select from transfers_refused r where r.outgoing_id = c.outgoing_id and r.incoming_id = c.incoming_id
    )
)
insert into transfers (outgoing_id, incoming_id)
select outgoing_id, incoming_id from counted where ways = 1 and sources = 1
on conflict do nothing
"""
# Locked, so that neither of them can go before the pair is stored.
_FIND = """
select o.asset_id = i.asset_id and o.account_id <> i.account_id and a.portfolio_id = b.portfolio_id
       and o.kind in ('WITHDRAWAL', 'TRANSFER_OUT') and i.kind in ('DEPOSIT', 'TRANSFER_IN')
from transactions o join accounts a on a.id = o.account_id join portfolios p on p.id = a.portfolio_id,
     transactions i join accounts b on b.id = i.account_id join portfolios q on q.id = b.portfolio_id
where p.owner = %(owner)s and q.owner = %(owner)s and o.id = %(outgoing)s and i.id = %(incoming)s
for key share of o, i
"""
_LINK = """
insert into transfers (outgoing_id, incoming_id) values (%(outgoing)s, %(incoming)s) on conflict do nothing
"""
_FORGIVE = "delete from transfers_refused where outgoing_id = %(outgoing)s and incoming_id = %(incoming)s"
_UNLINK = """
with gone as (
    delete from transfers x using transactions t, accounts a, portfolios p
    where t.id = %(id)s and t.id in (x.outgoing_id, x.incoming_id)
      and a.id = t.account_id and p.id = a.portfolio_id and p.owner = %(owner)s
    returning x.*
)
insert into transfers_refused (outgoing_id, incoming_id)
select outgoing_id, incoming_id from gone on conflict do nothing
"""


class Link(Enum):
    """What became of a wish to pair two transactions."""

    LINKED = auto()
    # One of them is not there, or is somebody else's.
    UNKNOWN = auto()
    # One is to take out and the other to bring in the same asset, in two accounts of one portfolio.
    NO_PAIR = auto()
    # One of them is paired already.
    TAKEN = auto()


async def match_transfers(connection: Connection, portfolio_id: int) -> int:
    """Pair what can be paired beyond doubt; answers how many pairs that made. One statement, whatever is there.

    A transaction with two possible partners is left alone.
    """
    return (await connection.execute(_MATCH, {"portfolio": portfolio_id})).rowcount


async def link_transfer(connection: Connection, owner: str, outgoing_id: int, incoming_id: int) -> Link:
    """Pair two transactions. The caller holds the transaction."""
    given = {"owner": owner, "outgoing": outgoing_id, "incoming": incoming_id}
    row = await (await connection.execute(_FIND, given)).fetchone()
    if row is None:
        return Link.UNKNOWN
    if not row[0]:
        return Link.NO_PAIR
    if (await connection.execute(_LINK, given)).rowcount == 0:
        return Link.TAKEN
    await connection.execute(_FORGIVE, given)
    return Link.LINKED


async def unlink_transfer(connection: Connection, owner: str, transaction_id: int) -> bool:
    """Take the pair of this transaction apart, for good. False when the owner has no such pair."""
    return (await connection.execute(_UNLINK, {"owner": owner, "id": transaction_id})).rowcount == 1
