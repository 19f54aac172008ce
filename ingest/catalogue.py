"""What this installation knows about coins, kept up to date: the configured ones first, then all that there are."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import psycopg
import structlog

from db.catalogue import (
    ListTooShort,
    MarketEntry,
    claim_list,
    learn_coins,
    list_unknown_ids,
    list_unranked,
    postpone_list,
    store_list,
    store_ranks,
    tidy_coins,
)
from db.currencies import drop_rates, track_currencies, track_rates
from db.pool import Database
from db.profiles import Profile, Undescribed, claim_profile, store_profile
from db.reference import PROVIDER_IDS
from db.tracking import track_configured
from ingest.clock import Clock
from ingest.errors import Kind, ProviderError
from ingest.issues import report_list
from ingest.pacing import Pacer
from ingest.providers.coingecko import NAME, CoinGecko
from ingest.settings import IngestSettings

log = structlog.get_logger()

_PROVIDER = PROVIDER_IDS[NAME]
_PAGE = 250
_TICK_SECONDS = 5.0
_RETRY_SECONDS = 30.0
# The first fill of a small installation, such as the demo's, is over by then: the list does not slow it down.
_HEAD_START = timedelta(minutes=1)
# The list is asked for once a day and a coin's page once in thirty, however many workers there are: one of them takes
# it on. Another one may do so after a while, should it not be heard of again.
_LIST_EVERY = timedelta(days=1)
_LIST_TAKEOVER = timedelta(minutes=5)
_LIST_AFTER_FAILURE = timedelta(hours=1)
_PROFILE_EVERY = timedelta(days=30)
_PROFILE_TAKEOVER = timedelta(hours=1)


async def keep_catalogue(
    database: Database, provider: CoinGecko, key: str, clock: Clock, settings: IngestSettings, ready: asyncio.Event
) -> None:
    """Learn the configured coins and set `ready`, then keep list and descriptions fresh until cancelled.

    A provider that is away is asked again until it answers.
    """
    pacer = Pacer(database, key, clock)
    head_start = clock.now() + _HEAD_START
    while True:
        try:
            if ready.is_set():
                await sync_list(database, provider, pacer, clock, prices_first=clock.now() < head_start)
                await describe_coins(database, provider, pacer, clock)
            else:
                await sync_catalogue(database, provider, pacer, clock, settings.coins, settings.currencies)
                await _sync_rates(database, provider, pacer, clock, settings)
                ready.set()
        except (ProviderError, ListTooShort, psycopg.Error) as error:
            log.warning("the catalogue cannot be read yet", problem=str(error))
            await clock.sleep(_RETRY_SECONDS)
        else:
            await clock.sleep(_TICK_SECONDS)


async def sync_catalogue(
    database: Database, provider: CoinGecko, pacer: Pacer, clock: Clock, coins: Sequence[str], currencies: Sequence[str]
) -> None:
    """Make the configured coins known, and track them unless somebody has stopped that; names in the log what fails.

    Coins that are known already cost no call.
    """
    async with database.connection() as connection:
        unknown_currencies = await track_currencies(connection, currencies)
        unknown = await list_unknown_ids(connection, _PROVIDER, coins)
    if unknown_currencies:
        log.error("currencies unknown: see PRICEGRAPH_CURRENCIES", currencies=unknown_currencies)
    entries = await _fetch_markets(provider, pacer, clock, unknown)
    async with database.transaction() as connection:
        if entries:
            await learn_coins(connection, _PROVIDER, entries)
        missing = await list_unknown_ids(connection, _PROVIDER, coins)
        stopped = await track_configured(connection, _PROVIDER, coins)
    if missing:
        log.error("coins unknown to CoinGecko: see PRICEGRAPH_COINS", coins=missing)
    if stopped:
        log.info("coins of PRICEGRAPH_COINS stay untracked, as somebody said", coins=stopped)


async def _sync_rates(
    database: Database, provider: CoinGecko, pacer: Pacer, clock: Clock, settings: IngestSettings
) -> None:
    """Rates in the configured currencies, through the configured coin, and in no others."""
    async with database.connection() as connection:
        await drop_rates(connection, settings.rate_currencies)
    if not settings.rate_currencies:
        return
    await sync_catalogue(database, provider, pacer, clock, [settings.rate_coin], [])
    async with database.connection() as connection:
        unknown = await track_rates(connection, settings.rate_currencies, _PROVIDER, settings.rate_coin)
    if unknown:
        log.error("rates cannot be stored: see PRICEGRAPH_RATE_CURRENCIES and _RATE_COIN", currencies=unknown)


async def sync_list(
    database: Database, provider: CoinGecko, pacer: Pacer, clock: Clock, *, prices_first: bool = False
) -> None:
    """Once a day, whoever asks first: all coins, the ranks of the largest 250, and those of the tracked ones."""
    now = clock.now()
    async with database.connection() as connection:
        if not await claim_list(connection, _PROVIDER, now, now + _LIST_TAKEOVER, prices_first=prices_first):
            return
    try:
        await _read_list(database, provider, pacer, clock)
    except (ProviderError, ListTooShort):
        await _ask_for_list_again(database, clock.now() + _LIST_AFTER_FAILURE)
        raise
    await _ask_for_list_again(database, clock.now() + _LIST_EVERY)


async def _read_list(database: Database, provider: CoinGecko, pacer: Pacer, clock: Clock) -> None:
    listed = await pacer.call(lambda: provider.fetch_list(clock.now()))
    ranked = await pacer.call(lambda: provider.fetch_largest(clock.now()))
    async with database.transaction() as connection:
        changes = await store_list(connection, _PROVIDER, listed, clock.now())
        await report_list(connection, _PROVIDER, clock.now())
        rest = await list_unranked(connection, _PROVIDER, [entry.coin.provider_coin_id for entry in ranked])
    ranked = [*ranked, *await _fetch_markets(provider, pacer, clock, rest)]
    async with database.transaction() as connection:
        await store_ranks(connection, _PROVIDER, ranked)
    async with database.connection() as connection:
        await tidy_coins(connection)
    log.info("all coins are known", added=changes.added, renamed=changes.renamed, missing=changes.missing)
    if changes.unclear:
        log.warning("taken for new coins, though they may be renamed ones", coins=changes.unclear)


async def _ask_for_list_again(database: Database, at: datetime) -> None:
    async with database.connection() as connection:
        await postpone_list(connection, _PROVIDER, at)


async def describe_coins(database: Database, provider: CoinGecko, pacer: Pacer, clock: Clock) -> None:
    """Ask what tracked coins are about, one after another, as long as no prices wait to be fetched."""
    described = 0
    while coin := await _next_undescribed(database, clock.now()):
        await _describe(database, provider, pacer, clock, coin)
        described += 1
    if described:
        log.info("tracked coins are described", coins=described)


async def _next_undescribed(database: Database, now: datetime) -> Undescribed | None:
    async with database.connection() as connection:
        return await claim_profile(connection, _PROVIDER, now, now + _PROFILE_TAKEOVER)


async def _describe(database: Database, provider: CoinGecko, pacer: Pacer, clock: Clock, coin: Undescribed) -> None:
    profile: Profile | None = None
    try:
        profile = await pacer.call(lambda: provider.fetch_profile(coin.provider_coin_id, clock.now()))
    except ProviderError as error:
        if error.kind is not Kind.NOT_FOUND:
            raise
    async with database.connection() as connection:
        await store_profile(connection, coin.coin_id, profile, clock.now() + _PROFILE_EVERY)


async def _fetch_markets(provider: CoinGecko, pacer: Pacer, clock: Clock, ids: Sequence[str]) -> list[MarketEntry]:
    entries: list[MarketEntry] = []
    for start in range(0, len(ids), _PAGE):
        page = ids[start : start + _PAGE]
        entries += await pacer.call(lambda page=page: provider.fetch_markets(page, clock.now()))  # type: ignore[misc]
    return entries
