"""What is compared: readings through the product's own functions, and questions to its API."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import orjson

from benchmarks.cases import Histories, LatestPrices, Question
from benchmarks.client import Client, Request
from benchmarks.dialects import PricegraphQL
from benchmarks.scale.scale import Scale
from db.batches import in_batches
from db.candle_query import CandleQuery, Wanted
from db.candles import read_candles
from db.coverage import CoverageQuery, Place, read_coverage
from db.latest import list_latest
from db.pool import Connection
from db.series import DAY, HOUR, Granularity, Series, Window

QUARTER = timedelta(days=90)
YEAR = timedelta(days=365)
# What a page of coins holds at most.
_PAGE = 1000
_POINT = ("price", "market_cap", "volume_24h")
_CANDLE = ("price", "high", "low", "close", "volume_24h")
_CANDLES = """
query($coins: [String!]!, $from: Time!, $to: Time!) {
  priceHistory(coins: $coins, from: $from, to: $to, interval: DAY_1, granularity: HOURLY) {
    history { points { time price high low close volume24h } coverage { completeness gaps { reason } } }
  }
}
"""
_EVERYTHING = (*_POINT, "high", "low", "observed_at", "provider_id", "revision")


@dataclass(frozen=True)
class Target:
    """Where a reading looks: some coins, anywhere among all of them, or all."""

    coins: Sequence[int]
    scale: Scale

    def last(self, length: timedelta) -> Window:
        return Window(max(self.scale.start, self.scale.end - length), self.scale.end)

    @property
    def slugs(self) -> list[str]:
        return [f"coin-{coin}" for coin in self.coins]


@dataclass(frozen=True)
class Access:
    """The two ways to a database."""

    connection: Connection
    api: Client


@dataclass(frozen=True)
class Reading:
    """`coins`: how many it is about; None is all of them, and then the cost for each coin is compared."""

    name: str
    coins: int | None
    read: Callable[[Access, Target], Awaitable[object]]
    through_api: bool = False


async def _read(
    access: Access, target: Target, granularity: Granularity, window: Window, step: timedelta, columns: tuple[str, ...]
) -> object:
    wanted = [Wanted(coin, window) for coin in target.coins]
    query = CandleQuery(1, granularity, step, wanted, columns, versions=True, provisional=True)
    return await read_candles(access.connection, query)


async def _hours(access: Access, target: Target) -> object:
    return await _read(access, target, Granularity.HOURLY, target.last(QUARTER), HOUR, _POINT)


async def _hours_in_full(access: Access, target: Target) -> object:
    return await _read(access, target, Granularity.HOURLY, target.last(QUARTER), HOUR, _EVERYTHING)


async def _days(access: Access, target: Target) -> object:
    return await _read(access, target, Granularity.DAILY, target.last(YEAR), DAY, _POINT)


async def _daily_candles(access: Access, target: Target) -> object:
    return await _read(access, target, Granularity.HOURLY, target.last(YEAR), DAY, _CANDLE)


async def _latest(access: Access, target: Target) -> object:
    return await list_latest(access.connection, target.coins, 1)


async def _coverage(access: Access, target: Target) -> object:
    found = []
    for coins in in_batches(target.coins, _PAGE):
        places = [Place(Series(coin, 1), Granularity.HOURLY, target.last(QUARTER)) for coin in coins]
        found.append(await read_coverage(access.connection, CoverageQuery(places, explained=True, observed=False)))
    return found


async def _ask_hours(access: Access, target: Target) -> object:
    return _ask(access, Histories(target.slugs, "usd", Granularity.HOURLY, target.last(QUARTER)))


async def _ask_days(access: Access, target: Target) -> object:
    return _ask(access, Histories(target.slugs, "usd", Granularity.DAILY, target.last(YEAR)))


async def _ask_candles(access: Access, target: Target) -> object:
    window = target.last(YEAR)
    variables = {"coins": target.slugs, "from": window.start, "to": window.end}
    return _send(access, Request("/graphql", orjson.dumps({"query": _CANDLES, "variables": variables})))


async def _ask_latest(access: Access, target: Target) -> object:
    return _ask(access, LatestPrices(target.slugs))


def _ask(access: Access, question: Question) -> bytes:
    return _send(access, PricegraphQL().ask(question))


def _send(access: Access, request: Request) -> bytes:
    body = access.api.ask(request)
    if b'"errors"' in body:
        raise RuntimeError(f"the answer holds errors: {body[:500]!r}")
    return body


READINGS = (
    Reading("90 days of 1 coin", 1, _hours),
    Reading("90 days of 1 coin, with state and origin", 1, _hours_in_full),
    Reading("90 days of 11 coins", 11, _hours),
    Reading("365 days of 1 coin", 1, _days),
    Reading("daily candles of a year's hours, 1 coin", 1, _daily_candles),
    Reading("latest price of all coins", None, _latest),
    Reading("coverage of 90 days, all coins", None, _coverage),
    Reading("API: 90 days of 1 coin (h1)", 1, _ask_hours, through_api=True),
    Reading("API: 90 days of 11 coins (h11)", 11, _ask_hours, through_api=True),
    Reading("API: 365 days of 1 coin (d365)", 1, _ask_days, through_api=True),
    Reading("API: daily candles of a year's hours, with coverage, 1 coin", 1, _ask_candles, through_api=True),
    Reading("API: latest price of 11 coins (light)", 11, _ask_latest, through_api=True),
)


def targets(scale: Scale, reading: Reading) -> Iterator[Target]:
    """One after the other without end, and the same ones for every database of that scale."""
    everything = range(1, scale.coins + 1)
    dice = random.Random(reading.name)  # noqa: S311 - nothing secret
    while True:
        coins = everything if reading.coins is None else dice.sample(everything, min(reading.coins, scale.coins))
        yield Target(list(coins), scale)
