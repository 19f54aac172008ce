"""The caller's portfolios: read, made, named and deleted."""

from __future__ import annotations

from typing import NamedTuple

from db.currencies import CurrencyRow
from db.portfolios import (
    PortfolioNameTaken,
    PortfolioRow,
    create_portfolio,
    delete_portfolio,
    read_portfolios,
    rename_portfolio,
)
from resolvers.changes import change
from resolvers.context import Context
from resolvers.errors import ApiError, Code
from resolvers.ids import decode_id
from resolvers.private import WRITE
from resolvers.texts import check_name


class PortfolioView(NamedTuple):
    row: PortfolioRow
    currency: CurrencyRow


async def resolve_portfolios(context: Context) -> list[PortfolioView]:
    """The oldest first."""
    private = context.private()
    async with context.database.connection() as connection:
        rows = await read_portfolios(connection, private.owner)
    private.portfolios.prime_many({row.id: row for row in rows})
    currencies = await private.currencies.load_many([row.currency_id for row in rows])
    return list(map(PortfolioView, rows, currencies))


async def find_portfolio(context: Context, portfolio_id: int) -> PortfolioView | None:
    private = context.private()
    row = await private.portfolios.load(portfolio_id)
    return PortfolioView(row, await private.currencies.load(row.currency_id)) if row else None


async def resolve_portfolio(context: Context, id_: str) -> PortfolioView:
    found = await find_portfolio(context, decode_id("Portfolio", id_))
    if found is None:
        raise no_portfolio("id")
    return found


async def resolve_create_portfolio(context: Context, name: str, currency: str) -> PortfolioView | ApiError:
    return await change(context, _create(context, name, currency))


async def resolve_rename_portfolio(context: Context, id_: str, name: str) -> PortfolioView | ApiError:
    return await change(context, _rename(context, id_, name))


async def resolve_delete_portfolio(context: Context, id_: str) -> str | ApiError:
    """The id of what was deleted."""
    return await change(context, _delete(context, id_))


def no_portfolio(*field: str) -> ApiError:
    """Also for somebody else's."""
    return ApiError(Code.NOT_FOUND, "you have no such portfolio; `portfolios` lists yours", field=field)


async def _create(context: Context, name: str, code: str) -> PortfolioView:
    owner = context.private(WRITE).owner
    name = check_name(name, "name")
    currency = await context.currency(code)
    try:
        async with context.database.transaction() as connection:
            _check_count(context, len(await read_portfolios(connection, owner)))
            row = await create_portfolio(connection, owner, name, currency.id, context.now)
    except PortfolioNameTaken as error:
        raise _name_taken(name) from error
    return PortfolioView(row, currency)


async def _rename(context: Context, id_: str, name: str) -> PortfolioView:
    private = context.private(WRITE)
    name = check_name(name, "name")
    try:
        async with context.database.transaction() as connection:
            row = await rename_portfolio(connection, private.owner, decode_id("Portfolio", id_), name)
    except PortfolioNameTaken as error:
        raise _name_taken(name) from error
    if row is None:
        raise no_portfolio("id")
    return PortfolioView(row, await private.currencies.load(row.currency_id))


async def _delete(context: Context, id_: str) -> str:
    owner = context.private(WRITE).owner
    async with context.database.transaction() as connection:
        if not await delete_portfolio(connection, owner, decode_id("Portfolio", id_)):
            raise no_portfolio("id")
    return id_


def _check_count(context: Context, count: int) -> None:
    limit = context.settings.limits.max_portfolios
    if count >= limit:
        raise ApiError(Code.COST_EXCEEDED, f"you have {limit:,} portfolios, the most there may be; delete one first")


def _name_taken(name: str) -> ApiError:
    return ApiError(Code.CONFLICT, f"you have a portfolio named {name!r} already; choose another name", field=["name"])
