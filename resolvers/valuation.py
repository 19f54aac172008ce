"""What a portfolio holds and what that was worth, at one instant or at many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from db.accounts import AccountRow, read_accounts
from db.asset_prices import AssetPrice, AssetQuote, price_assets
from db.assets import AssetRow
from db.currencies import CurrencyRow
from db.holdings import HoldingRow, Incomplete, read_holdings, read_holdings_at, read_incomplete
from db.pool import Connection
from db.valuation import Worth, read_worth
from resolvers.asset_quotes import resolve_asset_quotes
from resolvers.context import Context
from resolvers.decimals import EXACT
from resolvers.errors import ApiError, Code
from resolvers.instants import Instant
from resolvers.intervals import Interval
from resolvers.ranges import settle

# A sum over one asset costs as little as reading that many stored prices; looking one up costs more than a point.
ASSETS_A_POINT = 12
_POINTS_A_HOLDING = 10


class HoldingView(NamedTuple):
    asset: AssetRow
    account: AccountRow
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class ValuedView:
    """`value` is None without a price; exact. `cost`: if it was asked for and is known."""

    holding: HoldingView
    price: AssetPrice | None
    cost: Decimal | None = None

    @property
    def value(self) -> Decimal | None:
        return None if self.price is None else EXACT.multiply(self.holding.quantity, self.price.price)

    @property
    def gain(self) -> Decimal | None:
        return None if self.value is None or self.cost is None else EXACT.subtract(self.value, self.cost)


@dataclass(frozen=True, slots=True)
class ValuationView:
    """`incomplete`: the accounts of which not everything that was held then is known.

    `holdings` are there if they were asked for.
    """

    at: datetime
    currency: CurrencyRow
    worth: Worth
    incomplete: Sequence[AccountRow]
    holdings: Sequence[ValuedView]

    @property
    def complete(self) -> bool:
        return self.worth.priced and not self.incomplete


class _Found(NamedTuple):
    """All of one snapshot."""

    accounts: Mapping[int, AccountRow]
    worth: Sequence[Worth]
    incomplete: Mapping[int, Incomplete]
    held: Sequence[Sequence[tuple[HoldingRow, AssetPrice | None]]]


async def resolve_holdings(context: Context, portfolio_id: int, at: Instant) -> list[HoldingView]:
    owner = context.private().owner
    async with context.private_snapshot() as connection:
        rows = await read_holdings(connection, owner, portfolio_id, past_instant(context, at))
        accounts = await read_accounts_of(connection, owner, portfolio_id)
    return await _view_holdings(context, rows, accounts)


async def resolve_valuation(
    context: Context, portfolio_id: int, currency: str, at: Instant, *, detailed: bool
) -> ValuationView:
    (view,) = await _value(context, portfolio_id, currency, [past_instant(context, at)], detailed=detailed)
    return view


async def resolve_valuations(
    context: Context,
    portfolio_id: int,
    currency: str,
    start: Instant,
    end: Instant,
    interval: Interval,
    *,
    detailed: bool,
) -> list[ValuationView]:
    """One for each bucket that begins in the range; COST_EXCEEDED when that are more than the limit of a series."""
    limit = context.settings.limits.max_points_per_series
    asked = settle(context.now, start, end, interval, limit)
    if asked.next_from is not None:
        raise ApiError(
            Code.COST_EXCEEDED,
            f"the range holds more than {limit:,} points; ask for a longer interval",
            field=["interval"],
        )
    instants = asked.interval.starts(asked.window.start, asked.count(context.now))
    return await _value(context, portfolio_id, currency, instants, detailed=detailed)


async def _value(
    context: Context, portfolio_id: int, code: str, instants: Sequence[datetime], *, detailed: bool
) -> list[ValuationView]:
    private = context.private()
    currency = await context.currency(code)
    assets = await private.assets_of.load(portfolio_id)
    cost = _POINTS_A_HOLDING * len(assets) if detailed else len(assets) // ASSETS_A_POINT
    context.charge(len(instants) * max(1, cost))
    quotes = await resolve_asset_quotes(context, assets, currency)
    async with context.private_snapshot() as connection:
        found = await _read(connection, private.owner, portfolio_id, quotes, instants, detailed=detailed)
    rows = [row for held in found.held for row, _ in held]
    holdings = iter(await _view_holdings(context, rows, found.accounts))
    return [
        ValuationView(
            at,
            currency,
            worth,
            incomplete_at(at, found.incomplete, found.accounts),
            [ValuedView(next(holdings), price) for _, price in held],
        )
        for at, worth, held in zip(instants, found.worth, found.held, strict=True)
    ]


async def _read(
    connection: Connection,
    owner: str,
    portfolio_id: int,
    quotes: Sequence[AssetQuote],
    instants: Sequence[datetime],
    *,
    detailed: bool,
) -> _Found:
    accounts = await read_accounts_of(connection, owner, portfolio_id)
    worth = await read_worth(connection, owner, portfolio_id, quotes, instants)
    incomplete = await read_incomplete(connection, owner, portfolio_id)
    if not detailed:
        return _Found(accounts, worth, incomplete, [()] * len(instants))
    held = await read_holdings_at(connection, owner, portfolio_id, instants)
    wanted = [(row.asset_id, at) for at, rows in zip(instants, held, strict=True) for row in rows]
    prices = iter(await price_assets(connection, quotes, wanted))
    return _Found(accounts, worth, incomplete, [[(row, next(prices)) for row in rows] for rows in held])


async def read_accounts_of(connection: Connection, owner: str, portfolio_id: int) -> dict[int, AccountRow]:
    return {row.id: row for row in await read_accounts(connection, owner, portfolio_ids=[portfolio_id])}


async def _view_holdings(
    context: Context, rows: Sequence[HoldingRow], accounts: Mapping[int, AccountRow]
) -> list[HoldingView]:
    assets = await context.private().assets.load_many([row.asset_id for row in rows])
    return [HoldingView(asset, accounts[row.account_id], row.quantity) for row, asset in zip(rows, assets, strict=True)]


def incomplete_at(
    at: datetime, incomplete: Mapping[int, Incomplete], accounts: Mapping[int, AccountRow]
) -> list[AccountRow]:
    return [accounts[id_] for id_, when in incomplete.items() if when.covers(at)]


def past_instant(context: Context, at: Instant) -> datetime:
    found = at.resolve(context.now)
    if found > context.now:
        raise ApiError(Code.RANGE_INVALID, "`at` lies in the future; nothing is known of it", field=["at"])
    return found
