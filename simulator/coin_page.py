"""`/coins/{id}`: one coin in every currency."""

from collections.abc import Callable
from typing import Any

from simulator.call import Call
from simulator.coin_details import known, market_details, page_extras, profile_details
from simulator.coins import Coin
from simulator.currencies import CURRENCIES
from simulator.errors import iso_ms
from simulator.listings import day_figures, whole
from simulator.market import Quote
from simulator.quotes import rounded
from simulator.ranking import Ranking


def coin_page(call: Call, ranking: Ranking) -> dict[str, Any]:
    """Without the tickers, which the simulator has none of; `market_data=false` leaves out the figures."""
    coin = call.coin()
    rank = ranking.at(call.now).get(coin)
    ranks = {"market_cap_rank": rank, "market_cap_rank_with_rehypothecated": rank}
    page = _profile(coin) | profile_details(coin) | ranks | {"last_updated": iso_ms(call.now, "Z")}
    if call.flag("localization", default=True):
        page["localization"] = {"en": coin.name, "de": coin.name}
    if call.flag("market_data", default=True):
        page["market_data"] = _market_data(call, coin, rank)
    if call.flag("tickers", default=True):
        page["tickers"] = []
    return page | page_extras(call)


def _profile(coin: Coin) -> dict[str, Any]:
    platforms = coin.platforms or {"": ""}
    return {
        "id": coin.id,
        "symbol": coin.symbol,
        "name": coin.name,
        "web_slug": coin.id,
        "asset_platform_id": next(iter(coin.platforms), None),
        "platforms": platforms,
        "detail_platforms": {
            platform: {"decimal_place": 18 if platform else None, "contract_address": address}
            for platform, address in platforms.items()
        },
        "categories": ["Cryptocurrency"],
        "public_notice": None,
        "additional_notices": [],
        "description": {"en": coin.description},
        "image": {size: coin.image(size) for size in ("thumb", "small", "large")},
        "country_origin": "",
        "genesis_date": coin.genesis_date,
    }


def _market_data(call: Call, coin: Coin, rank: int | None) -> dict[str, Any]:
    found = {code: call.market.quote(coin, currency, call.now) for code, currency in CURRENCIES.items()}
    quotes = {code: quote for code, quote in found.items() if quote is not None}

    def per_currency(figure: Callable[[Quote], float | None]) -> dict[str, float]:
        """Without the currencies that have no such figure."""
        return known({code: figure(quote) for code, quote in quotes.items()})

    data: dict[str, Any] = {
        "current_price": per_currency(lambda quote: rounded(quote.price)),
        "market_cap": per_currency(lambda quote: whole(quote.market_cap)),
        "total_volume": per_currency(lambda quote: whole(quote.volume)),
        "market_cap_rank": rank,
        "total_supply": coin.max_supply or coin.supply,
        "max_supply": coin.max_supply,
        "circulating_supply": coin.supply,
        "roi": None,
        "last_updated": iso_ms(call.now, "Z"),
    }
    if quotes:
        data |= _day_in_every_currency(call, coin) | market_details(call, coin, quotes, rank)
    return data


def _day_in_every_currency(call: Call, coin: Coin) -> dict[str, Any]:
    days = {code: day_figures(call, coin, currency) for code, currency in CURRENCIES.items()}
    kinds = ("price_change", "price_change_percentage", "market_cap_change", "market_cap_change_percentage")
    changes = [f"{kind}_24h" for kind in kinds]
    return {
        "high_24h": {code: day["high_24h"] for code, day in days.items()},
        "low_24h": {code: day["low_24h"] for code, day in days.items()},
        **{name: days["usd"][name] for name in changes},
        **{f"{name}_in_currency": known({code: day[name] for code, day in days.items()}) for name in changes},
    }
