"""Candles of an exchange: the extremes that the market really had, and what was traded, from slots of five minutes.

The market moves in straight lines between full five minutes, so the slots' ends have every extreme. A slot in which a
pair was not traded has no price; a candle without any traded slot does not exist.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from simulator.coins import Coin
from simulator.currencies import Currency
from simulator.market import DAY_S, HOUR_S, Market
from simulator.noise import key_of, uniform

_SLOT_S = 300
_CACHED_HOURS = 1 << 15
_SHARE = 0.03  # of all that is traded in a coin, in one of its pairs here


class Candle(NamedTuple):
    """`start` in unix seconds; `volume` in coins."""

    start: int
    low: float
    high: float
    open: float
    close: float
    volume: float


@dataclass(frozen=True)
class Pair:
    """`quiet`: the share of slots without a trade. `listed`: unix second of the first trade."""

    coin: Coin
    currency: Currency
    listed: int
    quiet: float = 0.0


class Candles:
    """Of one market."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._hour = lru_cache(_CACHED_HOURS)(self._of_revision)

    def hour(self, pair: Pair, start: int) -> Candle | None:
        """One that is over."""
        return self._hour(pair, start, self._market.revision)

    def _of_revision(self, pair: Pair, start: int, _: int) -> Candle | None:
        return self._of_slots(pair, start, start + HOUR_S)

    def candle(self, pair: Pair, start: int, size: int, now: int) -> Candle | None:
        """The one that begins at a multiple of its size; up to now, if it is not over."""
        end = min(start + size, now + 1)
        whole = end // HOUR_S * HOUR_S if size >= HOUR_S else start
        hours = [self.hour(pair, hour) for hour in range(start, whole, HOUR_S)]
        rest = self._of_slots(pair, whole, end) if whole < end else None
        return _joined(start, (part for part in (*hours, rest) if part))

    def _of_slots(self, pair: Pair, start: int, end: int) -> Candle | None:
        key = key_of(pair.coin.key, "traded in", pair.currency.code)
        slots = [
            slot
            for slot in range(max(start, pair.listed) // _SLOT_S * _SLOT_S, end, _SLOT_S)
            if uniform(key, 2 * slot) >= pair.quiet
        ]
        if not slots:
            return None
        last = min(slots[-1] + _SLOT_S, end) - 1
        prices = [self._price(pair, second) for second in (*(max(slot, start) for slot in slots), last)]
        a_day = _SHARE * self._market.usd_volume(pair.coin, start // HOUR_S * HOUR_S) / pair.coin.usd
        traded = sum(uniform(key, 2 * slot + 1) * (min(slot + _SLOT_S, end) - max(slot, start)) for slot in slots)
        return Candle(start, min(prices), max(prices), prices[0], prices[-1], round(a_day * traded / DAY_S, 8))

    def _price(self, pair: Pair, second: int) -> float:
        price = self._market.usd_price(pair.coin, second)
        return price if pair.currency.code == "usd" else price / self._market.unit(pair.currency, second)


def _joined(start: int, parts: Iterable[Candle]) -> Candle | None:
    known = list(parts)
    if not known:
        return None
    return Candle(
        start,
        min(part.low for part in known),
        max(part.high for part in known),
        known[0].open,
        known[-1].close,
        round(sum(part.volume for part in known), 8),
    )
