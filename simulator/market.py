"""The market itself: what every coin is worth at every instant, and which samples of that the provider took.

Nothing is stored: a value is a function of (seed, coin, second), so any two answers agree. Three properties
are the simulator's own and deliberate. A sample carries the value of its *nominal* instant (the full hour,
the full five minutes) while its stamp is a little off. The tick of the full hour is the hourly sample, and
the daily sample is midnight's hourly one under an exact stamp, so the routes agree bit for bit. An hour that
is missing is missing in every route: its ticks, its hourly sample, and the day's sample if it is midnight's.
"""

from collections.abc import Callable, Iterator
from enum import IntEnum
from functools import lru_cache
from math import exp
from typing import NamedTuple

from simulator.coins import Coin, coins_of
from simulator.currencies import Currency
from simulator.noise import PRICE_OCTAVES, VOLUME_OCTAVES, scramble, uniform, walk, walk_limit
from simulator.settings import SimulatorSettings

HOUR_S = 3600
DAY_S = 24 * HOUR_S
_LATEST_STAMP_S = 120  # how far after its nominal instant a sample can be stamped, and
_EARLIEST_STAMP_S = 1  # how far before
_CACHED_VALUES = 1 << 16

# Offsets that make further keys out of a coin's own.
_TICK, _VOLUME, _MISSING, _NULL_CAP, _CORRECTED = 1 << 32, 2 << 32, 3 << 32, 4 << 32, 5 << 32


class Granularity(IntEnum):
    """Seconds between two nominal instants."""

    FIVE_MINUTES = 300
    HOURLY = HOUR_S
    DAILY = DAY_S


# The provider has nothing older, whoever asks.
DATA_STARTS = {
    Granularity.FIVE_MINUTES: 1_518_134_400,  # 2018-02-09
    Granularity.HOURLY: 1_517_270_400,  # 2018-01-30
    Granularity.DAILY: 1_367_107_200,  # 2013-04-28
}


class Quote(NamedTuple):
    """A coin at an instant, in one currency; `volume` is that of the last 24 hours."""

    price: float
    market_cap: float | None
    volume: float


class Sample(NamedTuple):
    """A quote as the provider recorded it: of the nominal instant `second`, labelled `stamp_ms`."""

    second: int
    stamp_ms: int
    quote: Quote


class Correction(NamedTuple):
    """A provider thinks better of a `share` of a coin's hours before an instant: prices differ by up to `size`."""

    number: int
    share: float
    size: float
    before: int

    def factor(self, coin: Coin, second: int) -> float:
        hour, key = second // HOUR_S, coin.key + _CORRECTED + self.number
        if second >= self.before or uniform(key, 2 * hour) >= self.share:
            return 1.0
        return 1.0 + self.size * (0.5 + uniform(key, 2 * hour + 1) / 2)


class Market:
    """All coins under one seed, as one provider has them."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._settings = settings
        self._corrections: list[Correction] = []
        self.coins = coins_of(settings.seed)
        self.repeated: list[Coin] = []  # what the list of coins tells once more
        self._forget()

    def _forget(self) -> None:
        self.usd_price: Callable[[Coin, int], float] = lru_cache(_CACHED_VALUES)(self._usd_price)
        self.usd_volume: Callable[[Coin, int], float] = lru_cache(_CACHED_VALUES)(_usd_volume)
        self.unit: Callable[[Currency, int], float] = lru_cache(_CACHED_VALUES)(self._usd_per_unit)

    @property
    def revision(self) -> int:
        """Another one after every correction."""
        return len(self._corrections)

    def correct(self, share: float, size: float, now: int) -> None:
        """Past hours only: the hour that is not over keeps its prices, and so does what has not been told yet."""
        before = now // HOUR_S * HOUR_S
        self._corrections.append(Correction(len(self._corrections), share, size, before))
        self._forget()

    def _usd_price(self, coin: Coin, second: int) -> float:
        price = _usd_price(coin, second)
        for correction in self._corrections:
            price *= correction.factor(coin, second)
        return price

    def _usd_per_unit(self, currency: Currency, second: int) -> float:
        if currency.coin_id is not None:
            return self.usd_price(coins_of(self._settings.seed)[currency.coin_id], second) / currency.per_coin
        return currency.usd_value(self._settings.seed, second)

    def quote(self, coin: Coin, currency: Currency, second: int) -> Quote | None:
        """None before the listing."""
        if second < coin.listed:
            return None
        price, volume = self.usd_price(coin, second), self.usd_volume(coin, second)
        cap = None if coin.supply is None or self._cap_missing(coin, second) else coin.supply * price
        if currency.code == "usd":
            return Quote(price, cap, volume)
        unit = self.unit(currency, second)
        return Quote(price / unit, None if cap is None else cap / unit, volume / unit)

    def samples(
        self, coin: Coin, currency: Currency, granularity: Granularity, first_ms: int, last_ms: int
    ) -> Iterator[Sample]:
        """The samples stamped within [first_ms, last_ms], in order."""
        step = int(granularity)
        first = max(first_ms // 1000 - _LATEST_STAMP_S, coin.listed, DATA_STARTS[granularity])
        for second in range(-(-first // step) * step, last_ms // 1000 + _EARLIEST_STAMP_S + 1, step):
            stamp = second * 1000 if granularity is Granularity.DAILY else _stamp_ms(coin, second)
            if not first_ms <= stamp <= last_ms or self._is_missing(coin, second):
                continue
            quote = self.quote(coin, currency, second)
            if quote is not None:
                yield Sample(second, stamp, quote)

    def truth(
        self, coin: Coin, currency: Currency, granularity: Granularity, first: int, end: int, now: int
    ) -> list[tuple[int, float, float | None, float]]:
        """(bucket, price, market cap, volume) of every complete bucket that begins in [first, end)."""
        last = min(end - 1, now - int(granularity))
        latest_ms = (last + _LATEST_STAMP_S) * 1000
        found = self.samples(coin, currency, granularity, first * 1000, latest_ms)
        return [(sample.second, *sample.quote) for sample in found if first <= sample.second <= last]

    def extremes(self, coin: Coin, currency: Currency, second: int) -> tuple[float, float]:
        """Lowest and highest price of the 24 hours that end now."""
        hours = (second // HOUR_S * HOUR_S - back * HOUR_S for back in range(24))
        quotes = [self.quote(coin, currency, instant) for instant in (second, *hours)]
        prices = [quote.price for quote in quotes if quote is not None]
        return min(prices), max(prices)

    def _is_missing(self, coin: Coin, second: int) -> bool:
        share = self._settings.missing_hours
        return share > 0 and uniform(coin.key + _MISSING, second // HOUR_S) < share

    def _cap_missing(self, coin: Coin, second: int) -> bool:
        share = self._settings.null_caps
        return share > 0 and uniform(coin.key + _NULL_CAP, second // HOUR_S) < share


def price_limits(coin: Coin) -> tuple[float, float]:
    """Dollar prices a coin never leaves, whenever asked: its all-time low and high."""
    reach = exp(coin.daily_volatility * walk_limit(PRICE_OCTAVES))
    return coin.usd / reach, coin.usd * reach


def _stamp_ms(coin: Coin, second: int) -> int:
    """Full hours come up to two minutes late; the ticks between within a second early and four late."""
    noise = scramble(coin.key + _TICK, second)
    if second % HOUR_S == 0:
        return second * 1000 + (noise % (_LATEST_STAMP_S * 1000) | 1)
    return second * 1000 + noise % 5000 - _EARLIEST_STAMP_S * 1000


def _usd_price(coin: Coin, second: int) -> float:
    """Some ticks of a coin above 1,000 dollars are round, as the provider's are: 77671 and 77671.5."""
    price = coin.usd * exp(coin.daily_volatility * walk(coin.key, second))
    if price < 1000 or second % Granularity.FIVE_MINUTES:
        return price
    form = scramble(coin.key + _TICK, second) >> 58
    return round(price) if form == 0 else round(price, 1) if form == 1 else price


def _usd_volume(coin: Coin, second: int) -> float:
    supply = coin.supply or 1e7 / coin.usd
    turnover = 0.03 * exp(0.05 * walk(coin.key + _VOLUME, second, VOLUME_OCTAVES))
    return supply * coin.usd * turnover
