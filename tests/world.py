"""A whole small installation for a test: database, simulator on a real socket, ingest, and a clock of its own."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
from psycopg import sql

from db.coins import CoinRow, list_tracked
from db.companions import ALONE, read_by_slug
from db.currencies import list_currencies, series_of
from db.pool import Database
from db.providers import configure_budget
from db.refresh import Recorded, RefreshRequest, record_refresh
from db.runs import RunRow, RunTotals, read_runs, read_totals
from db.series import HOUR, Granularity, floor
from ingest.catalogue import sync_catalogue
from ingest.fetch import Fetcher
from ingest.pacing import Pacer
from ingest.providers.coingecko import NAME, CoinGecko, budget_of, make_client
from ingest.schedule import Schedule
from ingest.settings import IngestSettings, Plan
from ingest.spot import SpotPass
from pricegraph.commands import address
from pricegraph.serve import listen, serving
from pricegraph.settings import DEFAULT_COINS, DEFAULT_CRON
from simulator.app import create_simulator
from simulator.settings import SimulatorSettings

# An odd moment: no hour or day begins or ends with it.
NOW = datetime(2026, 11, 20, 19, 37, 12, 345_678, tzinfo=UTC)
CURRENCIES = ("usd", "eur", "gbp", "btc")
# Half a minute's pace is that of 1,000 calls: tests wait in their own time only.
PLENTY = 100_000

Row = list[Any]


class FakeClock:
    """Sleeping is what makes time pass; sleepers wake in the order of their times."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def timestamp(self) -> float:
        return self._now.timestamp()

    async def sleep(self, seconds: float) -> None:
        target = self._now + timedelta(seconds=seconds)
        await asyncio.sleep(0)
        self._now = max(self._now, target)

    def advance(self, by: timedelta) -> None:
        self._now += by


class Simulated:
    """The simulator's control routes."""

    def __init__(self, url: str) -> None:
        self.url = url
        # No TLS here: certificates are slow to read. No connection is used twice: the server may just be closing it.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.AsyncClient(base_url=url, timeout=30, verify=False, limits=limits)

    async def close(self) -> None:
        await self._client.aclose()

    async def requests(self, path: str = "market_chart") -> list[dict[str, Any]]:
        """What was asked since the log was last forgotten, history only unless told."""
        return [entry for entry in (await self._client.get("/_control/log")).json() if path in entry["path"]]

    async def forget(self) -> None:
        await self._client.delete("/_control/log")

    async def fault(self, kind: str, **options: Any) -> None:
        answer = await self._client.post("/_control/faults", json={"provider": "coingecko", "kind": kind} | options)
        assert answer.status_code == 200, answer.text

    async def change(self, change: str, coin: str, to: str = "") -> None:
        """Something happens to the list of coins: see `simulator.catalogue`."""
        answer = await self._client.post("/_control/catalogue", json={"change": change, "coin": coin, "to": to})
        assert answer.status_code == 204, answer.text

    async def restore(self) -> None:
        """Undo every change of the list."""
        await self._client.delete("/_control/catalogue")

    async def heal(self) -> None:
        await self._client.delete("/_control/faults")

    async def truth(
        self, coin: str, currency: str, granularity: Granularity, start: datetime, end: datetime
    ) -> list[Row]:
        """`[bucket, price, market cap, volume]` of every complete bucket that a correct ingest ends up with."""
        query = {
            "coin": coin,
            "currency": currency,
            "granularity": granularity.value,
            "from": int(start.timestamp()),
            "to": int(end.timestamp()),
        }
        answer = await self._client.get("/_control/truth", params=query)
        assert answer.status_code == 200, answer.text
        return list(answer.json())


@dataclass
class World:
    database: Database
    database_url: str
    simulator: Simulated
    clock: FakeClock
    settings: IngestSettings
    client: httpx.AsyncClient

    @property
    def provider(self) -> CoinGecko:
        return CoinGecko(self.client, budget_of(self.settings).reach_days)

    @property
    def fetcher(self) -> Fetcher:
        return Fetcher(self.database, self.provider, budget_of(self.settings).key, self.clock)

    @property
    def spot(self) -> SpotPass:
        return SpotPass(self.database, self.provider, budget_of(self.settings).key, self.clock)

    def schedule(self, cron: str = DEFAULT_CRON, history_days: int = 90) -> Schedule:
        """A worker's schedule, as it is when the worker has just started."""
        return Schedule(self.database, self.spot, self.clock, cron, history_days)

    async def configure(self, **changes: Any) -> None:
        """Other settings from now on: a plan with its key, a pace."""
        self.settings = replace(self.settings, **changes)
        await self.client.aclose()
        self.client = make_client(self.settings)
        async with self.database.transaction() as connection:
            await configure_budget(connection, NAME, budget_of(self.settings), simulated=True)

    async def know(self, coins: Sequence[str] = DEFAULT_COINS, currencies: Sequence[str] = CURRENCIES) -> None:
        """Make coins and currencies known, as a worker does when it starts."""
        pacer = Pacer(self.database, budget_of(self.settings).key, self.clock)
        await sync_catalogue(self.database, self.provider, pacer, self.clock, coins, currencies)

    async def record(self, key: str | None = None, **request: Any) -> Recorded:
        """Record a refresh of everything that is tracked, or of what the request says."""
        order = await self.request(**request)
        async with self.database.transaction() as connection:
            return await record_refresh(connection, order, self.clock.now(), "test", key)

    async def request(self, coins: Sequence[str] | None = None, **given: Any) -> RefreshRequest:
        async with self.database.connection() as connection:
            if coins is None:
                rows = await list_tracked(connection)
            else:
                rows = [CoinRow._make(row) for row in (await read_by_slug(connection, coins, ALONE)).coins]
            currencies = await list_currencies(connection)
        defaults: dict[str, Any] = {"granularities": tuple(Granularity), "history_days": 90, "asked": {}}
        return RefreshRequest(series=series_of(rows, currencies), **(defaults | given))

    async def refresh(self, **request: Any) -> RunRow:
        """A refresh from beginning to end."""
        recorded = await self.record(**request)
        await self.work()
        return await self.run(recorded.run_id)

    async def work(self) -> None:
        """Do every open task, in the order they were queued; time passes until deferred ones may go on."""
        while task := await self._next_task():
            task_id, retry_at = task
            if retry_at:
                await self.clock.sleep(max(0.0, (retry_at - self.clock.now()).total_seconds()))
            await self.fetcher.run_task(task_id)

    async def run(self, run_id: int) -> RunRow:
        async with self.database.connection() as connection:
            return (await read_runs(connection, [run_id]))[run_id]

    async def totals(self, run_id: int) -> RunTotals:
        async with self.database.connection() as connection:
            return (await read_totals(connection, [run_id])).get(run_id, RunTotals())

    async def scalar(self, query: str, *parameters: object) -> Any:
        async with self.database.connection() as connection:
            row = await (await connection.execute(query, parameters)).fetchone()
        return row[0] if row else None

    async def execute(self, query: str, *parameters: object) -> None:
        async with self.database.connection() as connection:
            await connection.execute(query, parameters)

    async def stored(self, coin: str, currency: str, granularity: Granularity) -> list[Row]:
        """Complete buckets in the form of the truth: `[bucket, price, market cap, volume]`."""
        query = sql.SQL(
            "select extract(epoch from ts)::int8, price, market_cap, volume_24h from {} p "
            "join coins c on c.id = p.coin_id join currencies y on y.id = p.currency_id "
            "where c.slug = %s and y.code = %s and ts < %s order by ts"
        ).format(sql.Identifier(granularity.table))
        async with self.database.connection() as connection:
            now = floor(self.clock.now(), granularity.width)
            rows = await (await connection.execute(query, (coin, currency, now))).fetchall()
        return [list(row) for row in rows]

    async def assert_true(self, coins: Sequence[str] = DEFAULT_COINS, days: int = 90) -> None:
        """Nothing lost, nothing twice, nothing different: so far back the tables are the simulator's truth."""
        for granularity in Granularity:
            end = floor(self.clock.now(), granularity.width)
            start = end - timedelta(days=days)
            for coin in coins:
                for currency in self.settings.currencies:
                    truth = await self.simulator.truth(coin, currency, granularity, start, end)
                    stored = await self.stored(coin, currency, granularity)
                    found = [row for row in stored if row[0] >= start.timestamp()]
                    assert found == truth, f"{coin} in {currency}, {granularity}"

    async def table_hash(self, granularity: Granularity) -> str:
        """Equal for equal tables: over key, price, market cap, volume, high and low of complete buckets."""
        query = sql.SQL(
            "select coin_id, currency_id, extract(epoch from ts)::int8, price, market_cap, volume_24h, high, low "
            "from {} where ts < %s order by 1, 2, 3"
        ).format(sql.Identifier(granularity.table))
        async with self.database.connection() as connection:
            rows = await (await connection.execute(query, (floor(self.clock.now(), granularity.width),))).fetchall()
        return hashlib.sha256(orjson.dumps([list(row) for row in rows])).hexdigest()

    async def _next_task(self) -> tuple[int, datetime | None] | None:
        async with self.database.connection() as connection:
            cursor = await connection.execute(
                "select id, retry_at from refresh_tasks where status in ('PENDING', 'RUNNING', 'DEFERRED') "
                "order by retry_at nulls first, id limit 1"
            )
            row = await cursor.fetchone()
        return (row[0], row[1]) if row else None


@asynccontextmanager
async def open_world(
    database: Database, database_url: str, simulator: SimulatorSettings | None = None
) -> AsyncIterator[World]:
    """Plan: CoinGecko's demo plan with more calls than any test makes, so that only tests of pacing meet limits."""
    clock = FakeClock()
    listener = listen("127.0.0.1", 0)
    limits = simulator or SimulatorSettings(demo_per_minute=PLENTY, public_per_minute=PLENTY)
    async with serving(create_simulator(limits, clock.timestamp), listener):
        url = address(listener)
        settings = IngestSettings(
            plan=Plan.DEMO,
            api_key="CG-demo",
            coingecko_url=f"{url}/coingecko/api/v3",
            calls_per_minute=PLENTY,
            simulated=True,
            coins=DEFAULT_COINS,
            currencies=CURRENCIES,
        )
        world = World(database, database_url, Simulated(url), clock, settings, make_client(settings))
        await world.configure()
        try:
            yield world
        finally:
            await world.client.aclose()
            await world.simulator.close()


def hours_ago(count: int, now: datetime = NOW) -> datetime:
    return floor(now, HOUR) - count * HOUR
