"""Coinbase Exchange: its public products and their candles. No key, a token bucket per address.

https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/products/get-product-candles
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from simulator.callers import Caller, by_address
from simulator.candles import Candles, Pair
from simulator.coins import Coin
from simulator.currencies import CURRENCIES, Currency
from simulator.errors import ProviderError
from simulator.faults import Replacement, edge_answers, rate_limit_answers
from simulator.instants import unix_seconds
from simulator.limits import TokenBucket
from simulator.market import HOUR_S, Granularity, Market
from simulator.provider import Provider
from simulator.settings import SimulatorSettings

NAME = "coinbase-exchange"
_GRANULARITIES = frozenset({60, 300, 900, 3600, 21_600, 86_400})
_MOST_STEPS = 300  # between the ends of a range, both of which are included: 301 rows
_WITHOUT_RANGE = 350
_SLICE = 4  # hours: about a millisecond
# When the exchange took a coin on, roughly. Coins that are not here it does not have.
_LISTED = {
    "bitcoin": "2015-07-20",
    "ethereum": "2016-05-18",
    "litecoin": "2016-08-17",
    "bitcoin-cash": "2017-12-20",
    "ripple": "2019-02-26",
    "stellar": "2019-03-14",
    "eos": "2019-04-09",
    "chainlink": "2019-06-27",
    "yearn-finance": "2020-09-15",
    "cardano": "2021-03-18",
    "tether": "2021-05-04",
    "dogecoin": "2021-06-03",
    "polkadot": "2021-06-16",
    "solana": "2021-06-17",
    "shiba-inu": "2021-09-09",
}
_ALWAYS_TRADED = frozenset({"bitcoin", "ethereum"})
_QUIET = {"usd": 0.0, "eur": 0.5, "gbp": 0.8, "btc": 0.8}  # shares of five minutes without a trade, of the others


def _refused(status: int, message: str, headers: Mapping[str, str] | None = None) -> ProviderError:
    return ProviderError(status, {"message": message}, headers)


def _not_found() -> ProviderError:
    return _refused(404, "NotFound")


def _rate_limit(retry_after: str | None = None) -> ProviderError:
    return _refused(429, "Public rate limit exceeded", {"retry-after": retry_after} if retry_after else None)


REPLACEMENTS: Mapping[str, Replacement] = {
    **edge_answers("api.exchange.coinbase.com"),
    **rate_limit_answers(_rate_limit),
    "404": lambda _: _not_found().response(),
}


class _Door:
    """Whoever does not say what it is is not let in."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._bucket = TokenBucket(settings.coinbase_per_second, settings.coinbase_burst)

    def identify(self, request: Request, _: float) -> Caller:
        refusal = None if request.headers.get("user-agent") else _refused(400, "User-Agent header is required.")
        return Caller("public", by_address(request).account, refusal)

    def admit(self, caller: Caller, now: float) -> None:
        if not self._bucket.take(caller.account, now):
            raise _rate_limit()
        if caller.refusal:
            raise caller.refusal

    def charge(self, caller: Caller, now: float) -> None:
        """Nothing is counted by the month."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """Candles from the first to the last, both included."""

    first: int
    last: int
    size: int


class CoinbaseExchange:
    """Pairs of the listed coins with four currencies."""

    def __init__(self, provider: Provider, settings: SimulatorSettings) -> None:
        self._provider, self._door = provider, _Door(settings)
        self._pairs, self._candles = pairs_of(provider.market), Candles(provider.market)

    def routes(self) -> list[Route]:
        route, door = self._provider.route, self._door
        return [
            route("/products", door, self._products),
            route("/products/{id}/candles", door, self._rows, prepare=self._work_out),
            route("/{path:path}", door, _nowhere),
        ]

    def _products(self, _: Request, __: Caller, now: float) -> list[dict[str, Any]]:
        return [_product(name) for name, pair in self._pairs.items() if pair.listed <= now]

    def _rows(self, request: Request, _: Caller, now: float) -> list[list[float]]:
        """`[time, low, high, open, close, volume]`, newest first."""
        pair = self._pairs.get(request.path_params["id"])
        if pair is None:
            raise _not_found()
        return _rows(self._candles, pair, _asked(request, int(now)), int(now))[::-1]

    async def _work_out(self, request: Request, now: float) -> None:
        """The hours that large candles consist of, in slices: others are served in between."""
        pair = self._pairs.get(request.path_params["id"])
        try:
            asked = _asked(request, int(now))
        except ProviderError:
            return
        if pair is None or asked.size < HOUR_S:
            return
        over = min(asked.last + asked.size, int(now) // HOUR_S * HOUR_S)
        for number, hour in enumerate(range(asked.first, over, HOUR_S)):
            if number % _SLICE == 0:
                await asyncio.sleep(0)
            self._candles.hour(pair, hour)


def pairs_of(market: Market) -> dict[str, Pair]:
    """By product id, BTC-USD."""
    pairs = {}
    for coin_id, listed in _LISTED.items():
        for code, quiet in _QUIET.items():
            coin, currency = market.coins[coin_id], CURRENCIES[code]
            if currency.coin_id != coin_id:
                name = f"{coin.symbol}-{code}".upper()
                pairs[name] = Pair(coin, currency, unix_seconds(listed), 0.0 if coin_id in _ALWAYS_TRADED else quiet)
    return pairs


def _product(name: str) -> dict[str, Any]:
    base, quote = name.split("-")
    return {
        "id": name,
        "base_currency": base,
        "quote_currency": quote,
        "display_name": f"{base}/{quote}",
        "status": "online",
        "trading_disabled": False,
    }


def _asked(request: Request, now: int) -> _Asked:
    """Without both ends of a range neither counts, and the newest candles are meant."""
    query = request.query_params
    given = query.get("granularity", "60")
    size = int(given) if given.isdecimal() else 0
    if size not in _GRANULARITIES:
        raise _refused(400, "Unsupported granularity")
    if "start" not in query or "end" not in query:
        last = now // size * size
        return _Asked(last - (_WITHOUT_RANGE - 1) * size, last, size)
    start, end = _instant(query["start"]), _instant(query["end"])
    if end - start > _MOST_STEPS * size:
        reason = f"Count of aggregations requested exceeds {_MOST_STEPS}"
        raise _refused(400, f"granularity too small for the requested time range. {reason}")
    return _Asked(-(-start // size) * size, min(end, now) // size * size, size)


def _instant(given: str) -> int:
    try:
        return unix_seconds(given)
    except ValueError:
        raise _refused(400, "Invalid start or end") from None


def _rows(candles: Candles, pair: Pair, asked: _Asked, now: int) -> list[list[float]]:
    """Oldest first; no row where nothing was traded."""
    found = (candles.candle(pair, start, asked.size, now) for start in range(asked.first, asked.last + 1, asked.size))
    return [list(candle) for candle in found if candle]


def truth(
    market: Market, coin: Coin, currency: Currency, granularity: Granularity, first: int, end: int, now: int
) -> list[list[float]]:
    """`[time, low, high, open, close, volume]` of every candle that is over."""
    pairs = pairs_of(market).values()
    pair = next((pair for pair in pairs if pair.coin is coin and pair.currency is currency), None)
    if pair is None:
        raise LookupError(f"{NAME} has no such pair")
    size = int(granularity)
    last = min(end - 1, now - size) // size * size
    return _rows(Candles(market), pair, _Asked(-(-first // size) * size, last, size), now)


def _nowhere(_: Request, __: Caller, ___: float) -> Any:
    raise _not_found()
