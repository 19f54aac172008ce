"""CoinPaprika's tickers: a coin's figures of now in some currencies. What is unknown is 0."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from simulator.coins import Coin
from simulator.currencies import Currency
from simulator.instants import rfc3339
from simulator.market import DAY_S, HOUR_S, Market, Quote, price_limits

_REFRESHED_EVERY_S = 300
_CHANGES = {
    "15m": 900,
    "30m": 1800,
    "1h": HOUR_S,
    "6h": 6 * HOUR_S,
    "12h": 12 * HOUR_S,
    "24h": DAY_S,
    "7d": 7 * DAY_S,
    "30d": 30 * DAY_S,
    "1y": 365 * DAY_S,
}
_CACHED_QUOTES = 1 << 13
_USUAL_VOLATILITY = 0.03  # that of the market as a whole
_NOTHING = Quote(0.0, None, 0.0)


class Tickers:
    """Of one market. All of them together take too long for one turn of the event loop, hence the cache."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._cached = lru_cache(_CACHED_QUOTES)(self._of_revision)

    def ticker(self, coin: Coin, name: str, rank: int, currencies: Sequence[Currency], now: int) -> dict[str, Any]:
        second = now // _REFRESHED_EVERY_S * _REFRESHED_EVERY_S
        return {
            "id": name,
            "name": coin.name,
            "symbol": coin.symbol.upper(),
            "rank": rank,
            "total_supply": round(coin.supply or 0),
            "max_supply": round(coin.max_supply or 0),
            "beta_value": round(coin.daily_volatility / _USUAL_VOLATILITY, 5),
            "first_data_at": rfc3339(coin.listed),
            "last_updated": rfc3339(second),
            "quotes": {currency.code.upper(): dict(self.quote(coin, currency, now)) for currency in currencies},
        }

    def quote(self, coin: Coin, currency: Currency, now: int) -> Mapping[str, Any]:
        second = now // _REFRESHED_EVERY_S * _REFRESHED_EVERY_S
        return self._cached(coin, currency, second, self._market.revision)

    def _of_revision(self, coin: Coin, currency: Currency, second: int, _: int) -> Mapping[str, Any]:
        def ago(seconds: int) -> Quote:
            return self._market.quote(coin, currency, second - seconds) or _NOTHING

        now, yesterday = ago(0), ago(DAY_S)
        high = price_limits(coin)[1] / self._market.unit(currency, second)
        return {
            "price": now.price,
            "volume_24h": now.volume,
            "volume_24h_change_24h": _change(now.volume, yesterday.volume),
            "market_cap": round(now.market_cap or 0),
            "market_cap_change_24h": _change(now.market_cap or 0, yesterday.market_cap or 0),
            **{f"percent_change_{name}": _change(now.price, ago(span).price) for name, span in _CHANGES.items()},
            "ath_price": high,
            "ath_date": rfc3339(coin.listed),
            "percent_from_price_ath": _change(now.price, high),
        }


def _change(now: float, before: float) -> float:
    """In percent; 0 against nothing."""
    return round((now / before - 1) * 100, 2) if before else 0
