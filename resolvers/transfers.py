"""Internal transfers by hand: two transactions paired, or a pair taken apart."""

from __future__ import annotations

from typing import NamedTuple

from db.transactions import read_transactions
from db.transfers import Link, link_transfer, unlink_transfer
from resolvers.changes import change
from resolvers.context import Context
from resolvers.errors import ApiError, Code
from resolvers.ids import decode_id
from resolvers.private import WRITE
from resolvers.transactions import TransactionView, no_transaction, view_transactions


class TransferView(NamedTuple):
    outgoing: TransactionView
    incoming: TransactionView


async def resolve_link_transfers(context: Context, outgoing: str, incoming: str) -> TransferView | ApiError:
    return await change(context, _link(context, outgoing, incoming))


async def resolve_unlink_transfer(context: Context, id_: str) -> TransferView | ApiError:
    return await change(context, _unlink(context, id_))


async def _link(context: Context, outgoing: str, incoming: str) -> TransferView:
    owner = context.private(WRITE).owner
    sent, received = decode_id("Transaction", outgoing), decode_id("Transaction", incoming)
    async with context.database.transaction() as connection:
        link = await link_transfer(connection, owner, sent, received)
    if link is not Link.LINKED:
        raise _refusal(link)
    return await _view(context, sent, received)


def _refusal(link: Link) -> ApiError:
    match link:
        case Link.UNKNOWN:
            return no_transaction()
        case Link.TAKEN:
            return ApiError(Code.CONFLICT, "one of them is paired already; `unlinkTransfer` takes a pair apart")
    return ApiError(
        Code.BAD_INPUT,
        "`outgoing` must be a WITHDRAWAL or TRANSFER_OUT and `incoming` a DEPOSIT or TRANSFER_IN of the same asset, in "
        "two accounts of one portfolio",
    )


async def _unlink(context: Context, id_: str) -> TransferView:
    owner, key = context.private(WRITE).owner, decode_id("Transaction", id_)
    async with context.database.transaction() as connection:
        row = (await read_transactions(connection, owner, [key])).get(key)
        if row is None:
            raise no_transaction("id")
        if row.transfer_id is None or not await unlink_transfer(connection, owner, key):
            raise ApiError(Code.CONFLICT, "this transaction is not paired with another one", field=["id"])
    pair = (key, row.transfer_id) if row.kind in ("WITHDRAWAL", "TRANSFER_OUT") else (row.transfer_id, key)
    return await _view(context, *pair)


async def _view(context: Context, outgoing: int, incoming: int) -> TransferView:
    private = context.private(WRITE)
    async with context.database.connection() as connection:
        rows = await read_transactions(connection, private.owner, [outgoing, incoming])
    if len(rows) < 2:
        raise no_transaction()
    return TransferView(*await view_transactions(private, [rows[outgoing], rows[incoming]]))
