"""`node(id)`: anything by its id, whatever its type. A type with an id of its own has a line in `_READERS`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import strawberry

from db.coins import read_coins_by_id
from db.issues import read_issues
from db.runs import read_runs, read_tasks
from resolvers.context import Context
from resolvers.ids import split_id
from resolvers.portfolios import find_portfolio
from resolvers.private import READ
from resolvers.transactions import resolve_transactions
from schema.accounts import Account, SyncRun, make_account, make_syncs
from schema.coins import Coin
from schema.common import Info, Node
from schema.currencies import Currency
from schema.issues import DataIssue
from schema.portfolios import Portfolio
from schema.refresh import RefreshRun, RefreshTask
from schema.transactions import Transaction


async def _read_coin(context: Context, key: int) -> Coin | None:
    async with context.reads.connection() as connection:
        row = (await read_coins_by_id(connection, [key])).get(key)
    return Coin.from_row(row) if row else None


async def _read_currency(context: Context, key: int) -> Currency | None:
    rows = {row.id: row for row in await context.known_currencies()}
    return Currency.from_row(rows[key]) if key in rows else None


async def _read_issue(context: Context, key: int) -> DataIssue | None:
    async with context.reads.connection() as connection:
        row = (await read_issues(connection, [key])).get(key)
    return DataIssue.from_row(row) if row else None


async def _read_run(context: Context, key: int) -> RefreshRun | None:
    async with context.database.connection() as connection:
        row = (await read_runs(connection, [key])).get(key)
    return RefreshRun.from_row(row) if row else None


async def _read_task(context: Context, key: int) -> RefreshTask | None:
    async with context.database.connection() as connection:
        row = (await read_tasks(connection, [key])).get(key)
    return RefreshTask.from_row(row) if row else None


async def _read_portfolio(context: Context, key: int) -> Portfolio | None:
    view = await find_portfolio(context, key)
    return Portfolio.from_view(view) if view else None


async def _read_account(context: Context, key: int) -> Account | None:
    row = await context.private().accounts.load(key)
    return make_account(context, row) if row else None


async def _read_transaction(context: Context, key: int) -> Transaction | None:
    [view] = await resolve_transactions(context, [key])
    return Transaction.from_view(context, view) if view else None


async def _read_sync(context: Context, key: int) -> SyncRun | None:
    row = await context.private().syncs.load(key)
    return next(iter(await make_syncs(context, [row], READ)), None) if row else None


_READERS: dict[str, Callable[[Context, int], Awaitable[Node | None]]] = {
    "Account": _read_account,
    "Coin": _read_coin,
    "Currency": _read_currency,
    "DataIssue": _read_issue,
    "Portfolio": _read_portfolio,
    "RefreshRun": _read_run,
    "RefreshTask": _read_task,
    "SyncRun": _read_sync,
    "Transaction": _read_transaction,
}


@strawberry.type
class NodeQueries:
    @strawberry.field(
        description="Anything with an id, by that id; null when there is nothing of that id. Error BAD_INPUT for what "
        "is no id at all. What is private needs a token with scope PORTFOLIO_READ, and is null for all but its owner."
    )
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="From the field `id` of anything.")],
    ) -> Node | None:
        type_name, key = split_id(id, _READERS)
        return await _READERS[type_name](info.context, key)
