"""The coins by market cap: a figure of every coin at once, which takes too long for one turn of the event loop."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping

from simulator.coins import Coin
from simulator.market import HOUR_S, Market

Ranks = dict[Coin, int | None]
_SLICE = 100  # coins: about a millisecond
# Of all simulators in this process: those with the same coins have the same ranking.
_recent: deque[tuple[Mapping[str, Coin], int, Ranks]] = deque(maxlen=8)


class Ranking:
    """As of the last full hour; coins without a market cap come last and have no rank."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._ranking = asyncio.Lock()

    async def prepare(self, now: float) -> None:
        """Before `at`, in slices: others are served in between."""
        hour = int(now) // HOUR_S * HOUR_S
        async with self._ranking:
            if self._found(hour) is None:
                _recent.append((self._market.coins, hour, await self._ranks(hour)))

    async def prepare_volumes(self, now: int) -> None:
        """In slices too; the market remembers them."""
        async for coin in self._coins():
            self._market.usd_volume(coin, now)

    async def _coins(self) -> AsyncIterator[Coin]:
        for number, coin in enumerate(self._market.coins.values()):
            if number % _SLICE == 0:
                await asyncio.sleep(0)
            yield coin

    def at(self, now: int) -> Ranks:
        """LookupError unless this hour has been prepared."""
        ranks = self._found(now // HOUR_S * HOUR_S)
        if ranks is None:
            raise LookupError("no ranking of this hour")
        return ranks

    def _found(self, hour: int) -> Ranks | None:
        known = (ranks for coins, at, ranks in _recent if coins is self._market.coins and at == hour)
        return next(known, None)

    async def _ranks(self, second: int) -> Ranks:
        caps: dict[Coin, float] = {}
        async for coin in self._coins():
            if coin.active and coin.listed <= second:
                caps[coin] = coin.supply * self._market.usd_price(coin, second) if coin.supply else -1.0
        order = sorted(caps, key=lambda coin: -caps[coin])
        return {coin: rank if coin.supply else None for rank, coin in enumerate(order, start=1)}
