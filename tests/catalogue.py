"""Lists of coins for tests, and the worker's steps that keep the catalogue."""

from __future__ import annotations

from typing import Any

from db.catalogue import CatalogueEntry, ListChanges, store_list
from db.coins import list_tracked
from db.pool import Database
from db.series import DAY
from ingest.catalogue import describe_coins, sync_list
from ingest.pacing import Pacer
from ingest.providers.coingecko import budget_of
from tests.api import COINGECKO, execute
from tests.world import NOW, World

BITCOIN = CatalogueEntry("bitcoin", "btc", "Bitcoin", [])
TETHER = CatalogueEntry("tether", "usdt", "Tether", ["ethereum:0xdac1", "tron:TR7N"])
SOLANA = CatalogueEntry("solana", "sol", "Solana", [])
REST = [CatalogueEntry(f"rest-{i}", f"r{i}", f"Rest {i}", []) for i in range(4)]
ALL = [BITCOIN, TETHER, SOLANA, *REST]


def without(*names: CatalogueEntry) -> list[CatalogueEntry]:
    return [entry for entry in ALL if entry not in names]


async def store(database: Database, *entries: CatalogueEntry, days: float = 0) -> ListChanges:
    """The list as it is so many days from now."""
    async with database.transaction() as connection:
        return await store_list(connection, COINGECKO, entries, NOW + days * DAY)


async def statuses(database: Database) -> dict[str, str]:
    return dict(await execute(database, "select slug, status from coins"))


async def tracked(world: World) -> list[str]:
    async with world.database.connection() as connection:
        return [row.slug for row in await list_tracked(connection)]


async def sync(world: World) -> None:
    await sync_list(world.database, world.provider, _pacer(world), world.clock)


async def describe(world: World) -> None:
    await describe_coins(world.database, world.provider, _pacer(world), world.clock)


async def asked_for(world: World, **request: Any) -> set[str]:
    """The provider's ids of the coins that a refresh asks for."""
    await world.simulator.forget()
    await world.refresh(**({"history_days": 3} | request))
    return {entry["path"].split("/")[2] for entry in await world.simulator.requests()}


def _pacer(world: World) -> Pacer:
    return Pacer(world.database, budget_of(world.settings).key, world.clock)
