"""The API as a client meets it, and rows put straight into the store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

import httpx
from psycopg import AsyncCursor
from psycopg.rows import TupleRow
from starlette.types import ASGIApp

from db.pool import Database
from db.prices import Point, upsert_points
from db.reference import PROVIDER_IDS
from db.series import Granularity, Series
from pricegraph.app import create_app
from pricegraph.settings import read_settings
from tests.world import NOW

OPERATOR_TOKEN = "the-bootstrap-token-of-an-operator"
COINGECKO = PROVIDER_IDS["COINGECKO"]

REFRESH = """
mutation Refresh($input: RefreshInput!) {
  refreshPrices(input: $input) {
    outcome
    estimate { requests points seconds }
    errors { code message retryable field }
    run {
      id status createdAt startedAt finishedAt heartbeatAt resumesAt exitCode
      requests tasksTotal tasksDone rowsInserted rowsCorrected rowsUnchanged rowsRejected
    }
  }
}
"""
# One series over three days: one request to the provider.
ONE = {"coins": ["bitcoin"], "currencies": ["usd"], "from": "now-3d", "granularities": ["HOURLY"]}


@dataclass
class Api:
    """A client that sends the operator's token unless a header says otherwise."""

    client: httpx.AsyncClient

    async def post(
        self, query: str, variables: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        body = {"query": query, "variables": variables}
        return await self.client.post("/graphql", json=body, headers=headers)

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a request in which nothing goes wrong."""
        body = (await self.post(query, variables)).json()
        assert "errors" not in body, body["errors"]
        data: dict[str, Any] = body["data"]
        return data

    async def fail(self, query: str, **variables: Any) -> dict[str, Any]:
        """The first error of a request in which something does."""
        body = (await self.post(query, variables)).json()
        assert "errors" in body, body
        error: dict[str, Any] = body["errors"][0]
        return error


async def refresh(api: Api, **given: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await api.ask(REFRESH, input=given))["refreshPrices"]
    return payload


def make_app(
    database: Database, now: Callable[[], datetime] = lambda: NOW, reads: Database | None = None, **settings: object
) -> ASGIApp:
    return create_app(read_settings(token=OPERATOR_TOKEN, **settings), database, now, reads)


@asynccontextmanager
async def open_api(
    database: Database, now: Callable[[], datetime] = lambda: NOW, reads: Database | None = None, **settings: object
) -> AsyncIterator[Api]:
    transport = httpx.ASGITransport(make_app(database, now, reads, **settings))
    headers = {"authorization": f"Bearer {OPERATOR_TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers, timeout=60) as client:
        yield Api(client)


async def execute(database: Database, query: str, *parameters: object) -> list[TupleRow]:
    async with database.connection() as connection:
        cursor = await connection.execute(query, parameters or None)
        return await cursor.fetchall() if cursor.description else []


async def add_coins(database: Database, count: int) -> None:
    """`coin-1` to `coin-<count>`, whose ids are their numbers, in usd and eur; those that are there already stay."""
    await execute(database, "update currencies set tracked = true where code in ('usd', 'eur')")
    await execute(
        database,
        "insert into coins (slug, symbol, name, rank, tracked) "
        "select 'coin-' || i, 's' || i, 'Coin ' || i, i, true from generate_series("
        "(select count(*) from coins) + 1, %s) i",
        count,
    )


async def add_points(
    database: Database, granularity: Granularity, times: Sequence[datetime], coin_id: int = 1, currency_id: int = 1
) -> list[Point]:
    """Points of different values at these times."""
    points = [
        Point(time, 100.0 + coin_id + place / 7, time + timedelta(seconds=41), 1e9 + place, 1e6 + place)
        for place, time in enumerate(times)
    ]
    async with database.transaction() as connection:
        await upsert_points(connection, Series(coin_id, currency_id), granularity, COINGECKO, points, NOW)
    return points


class CountingCursor(AsyncCursor[TupleRow]):
    """Notes every statement."""

    statements: ClassVar[list[str]] = []

    async def execute(self, query: Any, *arguments: Any, **options: Any) -> CountingCursor:
        self.statements.append(str(query))
        return await super().execute(query, *arguments, **options)

    async def executemany(self, query: Any, *arguments: Any, **options: Any) -> None:
        self.statements.append(str(query))
        await super().executemany(query, *arguments, **options)


def iso(instant: datetime) -> str:
    """As the API writes it."""
    return instant.isoformat().replace("+00:00", "Z")
