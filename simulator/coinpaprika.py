"""CoinPaprika's free plan: coins, tickers and their history. No key; an address has so many calls a month.

https://docs.coinpaprika.com: what is missing is 0, not null, and a history that is too old for the plan is refused
with 402. The words of 400, 429 and of a refused history below a day are composed.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from simulator.callers import Caller, by_address
from simulator.coins import Coin
from simulator.currencies import CURRENCIES, Currency
from simulator.errors import ProviderError
from simulator.faults import Replacement, edge_answers, rate_limit_answers
from simulator.instants import rfc3339, unix_seconds
from simulator.limits import MonthlyCount, TokenBucket
from simulator.market import DAY_S, HOUR_S, Granularity, Market
from simulator.paprika_tickers import Tickers
from simulator.provider import Provider
from simulator.ranking import Ranking
from simulator.settings import SimulatorSettings

NAME = "coinpaprika"
_FREE_ASSETS = 2000
_SLICE = 10  # tickers: about a millisecond
_USUAL_ROWS, _MOST_ROWS = 1000, 5000
_QUOTES = ("usd", "btc")
# Of intervals from so many seconds on: what they are called, and how far back the free plan has them.
_REACH = ((DAY_S, "daily", 365 * DAY_S), (HOUR_S, "hourly", DAY_S), (0, "5m", 0))
_PLANS = "Check plans on coinpaprika.com/api"
_INTERVALS = {
    **{f"{minutes}m": minutes * 60 for minutes in (5, 10, 15, 30, 45)},
    **{f"{hours}h": hours * HOUR_S for hours in (1, 2, 3, 6, 12, 24)},
    **{f"{days}d": days * DAY_S for days in (1, 7, 14, 30, 90, 365)},
}


def _refused(status: int, message: str, headers: Mapping[str, str] | None = None) -> ProviderError:
    return ProviderError(status, {"error": message}, headers)


def _bad_request() -> ProviderError:
    return _refused(400, "invalid parameters")


def _not_found() -> ProviderError:
    return _refused(404, "id not found")


def _rate_limit(retry_after: str | None = None) -> ProviderError:
    return _refused(429, "too many requests", {"retry-after": retry_after} if retry_after else None)


def _month_spent(allowed: int, made: int) -> ProviderError:
    rate = f"your requests rate is: {made:.6f}"
    return _refused(402, f"This plan has {allowed} monthly requests limit, {rate}. {_PLANS}")


def _too_old(kind: str, boundary: float) -> ProviderError:
    instant = datetime.fromtimestamp(boundary, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return _refused(
        402, f"Getting {kind} historical data before {instant}000 +0000 UTC is not allowed in this plan. {_PLANS}"
    )


REPLACEMENTS: Mapping[str, Replacement] = {
    **edge_answers("api.coinpaprika.com"),
    **rate_limit_answers(_rate_limit),
    "quota": lambda _: _month_spent(20_000, 20_001).response(),
    "404": lambda _: _not_found().response(),
}


class _Door:
    """A second's and a month's calls, by address."""

    def __init__(self, settings: SimulatorSettings) -> None:
        rate = settings.coinpaprika_per_second
        self._bucket, self._monthly = TokenBucket(rate, max(1, int(rate))), settings.coinpaprika_monthly
        self._made = MonthlyCount()

    def identify(self, request: Request, _: float) -> Caller:
        return by_address(request)

    def admit(self, caller: Caller, now: float) -> None:
        if not self._bucket.take(caller.account, now):
            raise _rate_limit()
        made = self._made.of(caller.account, now)
        if made >= self._monthly:
            raise _month_spent(self._monthly, made + 1)

    def charge(self, caller: Caller, now: float) -> None:
        self._made.add(caller.account, now)


class CoinPaprika:
    """The market's coins under ids of its own."""

    def __init__(self, provider: Provider, settings: SimulatorSettings) -> None:
        self._provider, self._door = provider, _Door(settings)
        self._market, self._ranking = provider.market, Ranking(provider.market)
        self._told = Tickers(provider.market)

    def routes(self) -> list[Route]:
        route, door = self._provider.route, self._door
        return [
            route("/coins", door, self._list, prepare=self._rank),
            route("/tickers", door, self._tickers, prepare=self._work_out),
            route("/tickers/{id}", door, self._ticker, prepare=self._rank),
            route("/tickers/{id}/historical", door, self._historical),
            route("/{path:path}", door, _nowhere),
        ]

    async def _rank(self, _: Request, now: float) -> None:
        await self._ranking.prepare(now)

    async def _work_out(self, request: Request, now: float) -> None:
        """Two thousand tickers, in slices: others are served in between."""
        await self._rank(request, now)
        for number, coin in enumerate(self._largest(int(now), _FREE_ASSETS)):
            if number % _SLICE == 0:
                await asyncio.sleep(0)
            for currency in _currencies(request):
                self._told.quote(coin, currency, int(now))

    def _list(self, _: Request, __: Caller, now: float) -> list[dict[str, Any]]:
        """Dead coins too, which have no rank."""
        ranks = self._ranking.at(int(now))
        return [
            {
                "id": _id(coin),
                "name": coin.name,
                "symbol": coin.symbol.upper(),
                "rank": ranks.get(coin) or 0,
                "is_new": now - coin.listed < 5 * DAY_S,
                "is_active": coin.active,
                "type": "token" if coin.platforms else "coin",
            }
            for coin in self._market.coins.values()
            if coin.listed <= now
        ]

    def _largest(self, now: int, count: int) -> list[Coin]:
        return [coin for coin, rank in self._ranking.at(now).items() if rank and rank <= count]

    def _tickers(self, request: Request, _: Caller, now: float) -> list[dict[str, Any]]:
        limit = min(_number(request, "limit", _FREE_ASSETS), _FREE_ASSETS)
        return [self._tell(request, coin, int(now)) for coin in self._largest(int(now), limit)]

    def _ticker(self, request: Request, _: Caller, now: float) -> dict[str, Any]:
        return self._tell(request, self._coin(request), int(now))

    def _tell(self, request: Request, coin: Coin, now: int) -> dict[str, Any]:
        rank = self._ranking.at(now).get(coin) or 0
        return self._told.ticker(coin, _id(coin), rank, _currencies(request), now)

    def _historical(self, request: Request, _: Caller, now: float) -> list[dict[str, Any]]:
        """Stamped with whole intervals, oldest first; the end is excluded."""
        coin, query = self._coin(request), request.query_params
        size, code = _INTERVALS.get(query.get("interval", "5m")), query.get("quote", "usd").lower()
        if size is None or code not in _QUOTES:
            raise _bad_request()
        start = _instant(query.get("start", ""))
        end = min(_instant(query["end"]) if "end" in query else int(now), int(now))
        _check_plan(size, start, now)
        limit = min(_number(request, "limit", _USUAL_ROWS), _MOST_ROWS)
        instants = range(-(-max(start, coin.listed) // size) * size, end, size)[:limit]
        rows = (_row(self._market, coin, CURRENCIES[code], second) for second in instants)
        fields = ("price", "volume_24h", "market_cap")
        return [{"timestamp": rfc3339(row[0]), **dict(zip(fields, _zeroed(row), strict=True))} for row in rows]

    def _coin(self, request: Request) -> Coin:
        name = request.path_params["id"]
        coin = self._market.coins.get(name.partition("-")[2])
        if coin is None or _id(coin) != name or not coin.active:
            raise _not_found()
        return coin


def _id(coin: Coin) -> str:
    return f"{coin.symbol}-{coin.id}"


def _currencies(request: Request) -> list[Currency]:
    """Unknown ones are left out without a word."""
    codes = request.query_params.get("quotes", "USD").lower().split(",")
    return [CURRENCIES[code] for code in codes if code in CURRENCIES]


def _check_plan(size: int, start: int, now: float) -> None:
    for least, kind, reach in _REACH:
        if size >= least:
            if start < now - reach:
                raise _too_old(kind, now - reach)
            return


def _number(request: Request, name: str, default: int) -> int:
    given = request.query_params.get(name, str(default))
    if not given.isdecimal() or int(given) < 1:
        raise _bad_request()
    return int(given)


def _instant(given: str) -> int:
    try:
        return unix_seconds(given)
    except ValueError:
        raise _bad_request() from None


Row = tuple[int, float, int | None, int]


def _row(market: Market, coin: Coin, currency: Currency, second: int) -> Row:
    """(second, price, market cap, volume), the last two whole."""
    quote = market.quote(coin, currency, second)
    if quote is None:
        raise LookupError("not listed yet")
    return (second, quote.price, None if quote.market_cap is None else round(quote.market_cap), round(quote.volume))


def _zeroed(row: Row) -> tuple[float, int, int]:
    _, price, cap, volume = row
    return price, volume, cap or 0


def truth(
    market: Market, coin: Coin, currency: Currency, granularity: Granularity, first: int, end: int, now: int
) -> list[Row]:
    """(bucket, price, market cap, volume), as CoinGecko's truth."""
    if currency.code not in _QUOTES:
        raise LookupError(f"{NAME} has history in {' and '.join(_QUOTES)} only")
    size = int(granularity)
    last = min(end - 1, now - size)
    instants = range(-(-max(first, coin.listed) // size) * size, last + 1, size)
    return [_row(market, coin, currency, second) for second in instants]


def _nowhere(_: Request, __: Caller, ___: float) -> Any:
    raise _not_found()
