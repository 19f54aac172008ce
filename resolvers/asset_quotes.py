"""Where the prices of what is held come from: coins as in every history, and money through a coin's two prices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from db.asset_prices import AssetQuote
from db.coins import list_tracked
from db.currencies import CurrencyRow, is_stored
from db.holdings import HeldAsset
from db.rates import RatePair
from resolvers.errors import ApiError
from resolvers.quotes import choose_quote

if TYPE_CHECKING:
    from resolvers.context import Context


async def resolve_asset_quotes(
    context: Context, assets: Sequence[HeldAsset], currency: CurrencyRow
) -> list[AssetQuote]:
    """Prices in that currency; what has neither a price nor a rate is left out."""
    stored = await context.currencies()
    money = {row.id: row for row in await context.known_currencies()}
    rate_coins = await _list_rate_coins(context, assets, stored)
    quotes = []
    for asset in assets:
        if asset.coin_id is not None:
            quotes.append(_quote_coin(asset.id, asset.coin_id, currency, stored))
        elif asset.currency_id is not None:
            quotes.append(_quote_money(asset.id, money[asset.currency_id], currency, rate_coins))
    return [quote for quote in quotes if quote]


def _quote_coin(asset_id: int, coin_id: int, currency: CurrencyRow, stored: Sequence[CurrencyRow]) -> AssetQuote | None:
    try:
        quote = choose_quote(coin_id, currency, stored)
    except ApiError:
        return None
    return AssetQuote(asset_id, coin_id, quote.base.id, quote.pair)


def _quote_money(
    asset_id: int, money: CurrencyRow, currency: CurrencyRow, rate_coins: Sequence[int]
) -> AssetQuote | None:
    if money.id == currency.id:
        return AssetQuote(asset_id)
    for coin in rate_coins:
        if _is_stored_for(money, coin) and _is_stored_for(currency, coin):
            return AssetQuote(asset_id, pair=RatePair(coin, money.id, currency.id))
    return None


def _is_stored_for(currency: CurrencyRow, coin_id: int) -> bool:
    return currency.tracked or currency.rate_coin_id == coin_id


async def _list_rate_coins(context: Context, assets: Sequence[HeldAsset], stored: Sequence[CurrencyRow]) -> list[int]:
    """The coins of the rates, and, where all prices are stored in all currencies, the tracked coin that ranks first."""
    coins = dict.fromkeys(row.rate_coin_id for row in stored if row.rate_coin_id is not None)
    if not coins and any(asset.currency_id for asset in assets) and any(map(is_stored, stored)):
        async with context.reads.connection() as connection:
            tracked = await list_tracked(connection)
        coins = dict.fromkeys(coin.id for coin in sorted(tracked, key=lambda coin: (coin.rank is None, coin.rank))[:1])
    return list(coins)
