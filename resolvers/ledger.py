"""A portfolio's flows with their prices, read for gains and returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from db.asset_prices import AssetQuote, price_assets
from db.currencies import CurrencyRow
from db.flows import FlowRow
from db.holdings import HeldAsset
from db.pool import Connection
from resolvers.asset_quotes import resolve_asset_quotes
from resolvers.context import Context
from resolvers.flows import Flow, make_flows, needed_prices, needed_rates


@dataclass(frozen=True, slots=True)
class Pricing:
    """How assets get their prices in a currency, and how money does that fees were paid in, held or not."""

    currency: CurrencyRow
    assets: Sequence[HeldAsset]
    quotes: Sequence[AssetQuote]
    rates: Sequence[AssetQuote]

    @property
    def money(self) -> set[int]:
        return {asset.id for asset in self.assets if asset.currency_id is not None}

    @property
    def own_money(self) -> int | None:
        """The asset that is the currency itself."""
        return next((asset.id for asset in self.assets if asset.currency_id == self.currency.id), None)


async def resolve_pricing(context: Context, portfolio_id: int, code: str) -> Pricing:
    currency = await context.currency(code)
    assets = await context.private().assets_of.load(portfolio_id)
    money = [HeldAsset(_money(row.id), None, row.id) for row in await context.known_currencies()]
    quotes = await resolve_asset_quotes(context, [*assets, *money], currency)
    held = {asset.id for asset in assets}
    return Pricing(
        currency,
        assets,
        [quote for quote in quotes if quote.asset_id in held],
        [quote for quote in quotes if quote.asset_id not in held],
    )


async def price_flows(
    context: Context, connection: Connection, pricing: Pricing, rows: Sequence[FlowRow], *, values: bool
) -> list[Flow]:
    """Without `values` only amounts are sure to be there."""
    prices = set(needed_prices(rows, values=values))
    rates = {(_money(currency), at) for currency, at in needed_rates(rows)}
    price_of = await read_prices(context, connection, pricing, prices | rates)
    return make_flows(rows, price_of, lambda currency, at: price_of(_money(currency), at))


async def read_prices(
    context: Context, connection: Connection, pricing: Pricing, wanted: Iterable[tuple[int, datetime]]
) -> Callable[[int, datetime], Decimal | None]:
    """The price of an asset at an instant, of those that are wanted."""
    keys = list(wanted)
    context.charge(len(keys))
    found = dict(zip(keys, await price_assets(connection, [*pricing.quotes, *pricing.rates], keys), strict=True))

    def price_of(asset_id: int, at: datetime) -> Decimal | None:
        price = found.get((asset_id, at))
        return price.price if price else None

    return price_of


def _money(currency_id: int) -> int:
    """A number for `price_assets` that no asset has."""
    return -currency_id
