"""Over random stores, ranges and arguments: every figure of a history follows from the stored rows, on both stores."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator

import pytest

from db.pool import Database, PoolSettings, open_database
from db.series import Granularity
from tests.acceptance.api.histories import (
    EUR,
    MOMENTS,
    ask_history,
    check_result,
    forget,
    know,
    random_ask,
    random_row,
    random_rows,
    read_quoted,
    store,
)
from tests.api import execute, open_api

pytestmark = pytest.mark.slow

COINS = (1, 2, 3)
SLUGS = [f"coin-{coin}" for coin in COINS]
QUESTIONS = 10


@pytest.fixture
async def chatham(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """A database, and a process, whose clocks are 12:45 or 13:45 hours ahead."""
    monkeypatch.setenv("TZ", "Pacific/Chatham")
    time.tzset()
    async with open_database(database_url) as database:
        await execute(
            database,
            "do $$ begin execute format('alter database %I set timezone to ''Pacific/Chatham''', current_database());"
            " end $$",
        )
    async with open_database(database_url, PoolSettings(max_size=4)) as database:
        yield database
    monkeypatch.undo()
    time.tzset()


async def fill(database: Database, dice: random.Random, moment: int) -> None:
    """Everything in usd; in eur the first coin alone, with long holes."""
    now = MOMENTS[moment]
    await forget(database)
    for granularity in Granularity:
        for coin in COINS:
            await store(database, granularity, random_rows(dice, granularity, now), coin)
        rates = [random_row(dice, row.ts) for row in random_rows(dice, granularity, now)]
        await store(database, granularity, rates, 1, EUR)


async def check(database: Database, moments: range, seed: int) -> None:
    dice = random.Random(seed)
    await know(database, len(COINS))
    now = MOMENTS[0]
    async with open_api(database, lambda: now) as api:
        for moment in moments:
            now = MOMENTS[moment]
            await fill(database, dice, moment)
            for _ in range(QUESTIONS):
                ask, currency = random_ask(dice, now), dice.choice(["usd", "usd", "eur"])
                results = await ask_history(api, ask, SLUGS, currency)
                for coin, result in zip(COINS, results, strict=True):
                    rows = await read_quoted(database, ask.granularity, coin, currency)
                    check_result(result, rows, ask, now)


async def test_every_figure_of_a_history_follows_from_the_stored_rows(database: Database) -> None:
    await check(database, range(len(MOMENTS)), 20_261_120)


async def test_the_clocks_of_the_machine_and_of_the_server_change_nothing(chatham: Database) -> None:
    await check(chatham, range(1, 3), 45)
