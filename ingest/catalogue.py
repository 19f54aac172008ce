"""The coins and currencies that an installation refreshes, made known to the database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import islice

import psycopg
import structlog

from db.coins import upsert_coins
from db.currencies import track_currencies
from db.pool import Database
from db.reference import PROVIDER_IDS
from ingest.clock import Clock
from ingest.errors import ProviderError
from ingest.pacing import Pacer
from ingest.providers.coingecko import NAME, CoinGecko
from ingest.settings import IngestSettings

log = structlog.get_logger()

_PAGE = 250
_RETRY_SECONDS = 30.0


async def keep_catalogue(
    database: Database, provider: CoinGecko, key: str, clock: Clock, settings: IngestSettings, ready: asyncio.Event
) -> None:
    """Learn the configured coins; a provider that is away is asked again until it answers."""
    while not ready.is_set():
        try:
            pacer = Pacer(database, key, clock)
            await sync_catalogue(database, provider, pacer, clock, settings.coins, settings.currencies)
        except (ProviderError, psycopg.Error) as error:
            log.warning("the catalogue cannot be read yet", problem=str(error))
            await clock.sleep(_RETRY_SECONDS)
        else:
            ready.set()


async def sync_catalogue(
    database: Database, provider: CoinGecko, pacer: Pacer, clock: Clock, coins: Sequence[str], currencies: Sequence[str]
) -> None:
    """Ask the provider for the configured coins and track what it knows; the rest is named in the log."""
    async with database.connection() as connection:
        unknown = await track_currencies(connection, currencies)
    if unknown:
        log.error("currencies unknown: see PRICEGRAPH_CURRENCIES", currencies=unknown)
    ids = iter(coins)
    while page := list(islice(ids, _PAGE)):
        entries = await pacer.call(lambda page=page: provider.fetch_markets(page, clock.now()))  # type: ignore[misc]
        async with database.transaction() as connection:
            await upsert_coins(connection, PROVIDER_IDS[NAME], entries)
        missing = sorted(set(page) - {entry.provider_coin_id for entry in entries})
        if missing:
            log.error("coins unknown to CoinGecko: see PRICEGRAPH_COINS", coins=missing)
