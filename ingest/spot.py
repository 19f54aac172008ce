"""The spot pass: what every tracked coin costs now, in one call for all of them.

It gives the latest prices, and a provisional point where a sample is near the start of an hour, until the next history
answer confirms it. A pass that fails is not repeated: that answer fills the hour as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from db.coins import list_tracked
from db.currencies import list_currencies, series_of
from db.pool import Connection, Database
from db.prices import Point, upsert_latest, upsert_points
from db.providers import read_coin_ids
from db.reference import PROVIDER_IDS
from db.series import HOUR, Granularity, Series, Window, nearest
from ingest.buckets import Sample, to_point, to_points
from ingest.clock import Clock
from ingest.pacing import Pacer
from ingest.providers.coingecko import NAME, CoinGecko
from ingest.providers.coingecko_spot import Spot, group_ids

# A sample further away from the start of the hour says too little about it.
NEAR = timedelta(minutes=10)
_PROVIDER_ID = PROVIDER_IDS[NAME]


@dataclass(frozen=True, slots=True)
class SpotResult:
    """How many latest prices and provisional points a pass stored, and how many prices it asked for in vain."""

    latest: int = 0
    points: int = 0
    rejected: int = 0

    def __add__(self, other: SpotResult) -> SpotResult:
        return SpotResult(self.latest + other.latest, self.points + other.points, self.rejected + other.rejected)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The series of one coin, by the names that the provider has for coin and currency."""

    coin: str
    series: dict[str, Series]


class SpotPass:
    """Asks one provider for the present."""

    def __init__(self, database: Database, provider: CoinGecko, budget_key: str, clock: Clock) -> None:
        self._database = database
        self._provider = provider
        self._budget_key = budget_key
        self._clock = clock

    async def run(self) -> SpotResult:
        """Ask for every stored series, in as few calls as possible. Raises ProviderError."""
        async with self._database.connection() as connection:
            wanted = await _list_wanted(connection)
        result = SpotResult()
        for coins in group_ids([one.coin for one in wanted]):
            group = [one for one in wanted if one.coin in coins]
            spot = await self._fetch(group)
            for one in group:
                # A transaction a coin: each series is locked until the end of it.
                async with self._database.transaction() as connection:
                    result += await _store(connection, one, spot, self._clock.now())
        return result

    async def _fetch(self, group: list[_Wanted]) -> Spot:
        coins = [one.coin for one in group]
        currencies = sorted({currency for one in group for currency in one.series})
        pacer = Pacer(self._database, self._budget_key, self._clock)
        return await pacer.call(lambda: self._provider.fetch_spot(coins, currencies, self._clock.now()))


async def _list_wanted(connection: Connection) -> list[_Wanted]:
    coins, currencies = await list_tracked(connection), await list_currencies(connection)
    names = await read_coin_ids(connection, _PROVIDER_ID, [coin.id for coin in coins])
    codes = {currency.id: currency.code for currency in currencies}
    wanted = [
        _Wanted(names[coin.id], {codes[one.currency_id]: one for one in series_of([coin], currencies)})
        for coin in coins
        if coin.id in names
    ]
    return [one for one in wanted if one.series]


async def _store(connection: Connection, wanted: _Wanted, spot: Spot, now: datetime) -> SpotResult:
    result = SpotResult()
    for currency, series in wanted.series.items():
        sample = spot.samples.get((wanted.coin, currency))
        if sample is None:
            result += SpotResult(rejected=1)
            continue
        points = 0
        for granularity in Granularity:
            found = _provisional(sample, granularity, now)
            written = await upsert_points(connection, series, granularity, _PROVIDER_ID, found, now, provisional=True)
            points += written.inserted
        await upsert_latest(connection, series, _PROVIDER_ID, to_point(sample, sample.at))
        result += SpotResult(1, points)
    return result


def _provisional(sample: Sample, granularity: Granularity, now: datetime) -> list[Point]:
    """The point of the bucket that the sample stands for until something better comes."""
    hour = nearest(sample.at, HOUR)
    if abs(sample.at - hour) > NEAR:
        return []
    return to_points([sample], granularity, Window(hour, hour + HOUR), now)
