"""What every contender reads: the simulator's market, in the product's own tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg

from db.catalogue import CatalogueEntry, MarketEntry, learn_coins
from db.coins import list_tracked
from db.currencies import list_currencies, series_of, track_currencies, track_rates
from db.migrate import migrate
from db.pool import Database, PoolSettings, open_database
from db.prices import Point, upsert_latest, upsert_points
from db.providers import configure_budget
from db.reference import PROVIDER_IDS
from db.series import DAY, HOUR, Granularity, Series, Window, floor
from db.tracking import track_configured
from ingest.providers.coingecko import NAME, budget_of
from ingest.settings import IngestSettings
from pricegraph.settings import DEFAULT_COINS
from simulator.currencies import CURRENCIES
from simulator.market import Granularity as Step
from simulator.market import Market
from simulator.settings import SimulatorSettings

PROVIDER = PROVIDER_IDS[NAME]
TRACKED = ("usd", "eur", "gbp", "btc")
RATE_COIN, RATE_CURRENCY = "bitcoin", "jpy"
TWENTY_COINS = (
    *DEFAULT_COINS,
    "bitcoin-cash",
    "chainlink",
    "stellar",
    "litecoin",
    "polkadot",
    "yearn-finance",
    "eos",
    "bridged-usdc-polygon",
    "bridged-usdc-arbitrum",
)
# Storing all points of a series at once may take longer than a request may.
_POOL = PoolSettings(max_size=4, statement_timeout=60)


@dataclass(frozen=True)
class Size:
    """What is stored up to the present hour, of each coin in each currency."""

    coins: Sequence[str] = TWENTY_COINS
    hourly: timedelta = 90 * DAY
    daily: timedelta = 3 * 365 * DAY

    def window(self, granularity: Granularity, now: datetime) -> Window:
        end = floor(now, granularity.width)
        return Window(end - (self.hourly if granularity is Granularity.HOURLY else self.daily), end)


async def fill(url: str, size: Size, now: datetime) -> None:
    """Migrate the database and store the market in it, one series after another as a backfill does."""
    migrate(url)
    market = Market(SimulatorSettings())
    async with open_database(url, _POOL) as database:
        await _learn(database, market, size.coins)
        for series, coin, currency in await _list_series(database, size.coins):
            for granularity in Granularity:
                points = list(_points(market, coin, currency, granularity, size.window(granularity, now), now))
                async with database.transaction() as connection:
                    await upsert_points(connection, series, granularity, PROVIDER, points, now)
                    await upsert_latest(connection, series, PROVIDER, points[-1])
    _tidy(url)


async def _learn(database: Database, market: Market, slugs: Sequence[str]) -> None:
    coins = [market.coins[slug] for slug in slugs]
    entries = [
        MarketEntry(CatalogueEntry(coin.id, coin.symbol, coin.name), rank, None) for rank, coin in enumerate(coins, 1)
    ]
    async with database.transaction() as connection:
        # A worker refuses to write simulated prices beside real ones.
        await configure_budget(connection, NAME, budget_of(IngestSettings()), simulated=True)
        await learn_coins(connection, PROVIDER, entries)
        await track_configured(connection, PROVIDER, slugs)
        await track_currencies(connection, TRACKED)
        await track_rates(connection, [RATE_CURRENCY], PROVIDER, RATE_COIN)


async def _list_series(database: Database, slugs: Sequence[str]) -> list[tuple[Series, str, str]]:
    """Each series with the names of coin and currency."""
    async with database.connection() as connection:
        coins = [coin for coin in await list_tracked(connection) if coin.slug in slugs]
        currencies = await list_currencies(connection)
    slug_of = {coin.id: coin.slug for coin in coins}
    code_of = {currency.id: currency.code for currency in currencies}
    return [(series, slug_of[series.coin_id], code_of[series.currency_id]) for series in series_of(coins, currencies)]


def _points(
    market: Market, coin: str, currency: str, granularity: Granularity, window: Window, now: datetime
) -> Iterator[Point]:
    step = Step.HOURLY if granularity.width == HOUR else Step.DAILY
    bounds = int(window.start.timestamp()), int(window.end.timestamp())
    truth = market.truth(market.coins[coin], CURRENCIES[currency], step, *bounds, int(now.timestamp()))
    for second, price, market_cap, volume in truth:
        bucket = datetime.fromtimestamp(second, UTC)
        # The market tells some round prices as whole numbers.
        cap = None if market_cap is None else float(market_cap)
        yield Point(bucket, float(price), bucket + timedelta(seconds=41), cap, float(volume))


def _tidy(url: str) -> None:
    """What autovacuum does in its own time: only vacuumed pages are read from the index alone."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum (analyze)")
