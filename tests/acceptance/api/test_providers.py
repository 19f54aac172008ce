"""`providers`: whether the provider is asked, and what is left of its budgets."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from db.pool import Database
from db.providers import Budget, block, configure_budget, note_failure, note_success, take_budget
from tests.api import Api, execute, iso, open_api
from tests.world import NOW

pytestmark = [pytest.mark.slow, pytest.mark.one_store]

PROVIDERS = """
{ providers {
    provider breaker reason retryAt lastSuccessAt historyLimit
    budgets { window limit used remaining resetsAt }
} }
"""
KEY = "coingecko:demo:1234"
PLAN = Budget(KEY, 80, timedelta(minutes=1), 5, 10_000, 365)


@pytest.fixture
async def configured(database: Database) -> Database:
    """CoinGecko's demo plan, of which nothing is used."""
    async with database.transaction() as connection:
        await configure_budget(connection, "COINGECKO", PLAN, simulated=True)
    return database


async def status(api: Api) -> dict[str, Any]:
    (found,) = (await api.ask(PROVIDERS))["providers"]
    return dict(found)


async def test_there_is_none_before_a_worker_has_started(api: Api) -> None:
    assert (await api.ask(PROVIDERS))["providers"] == []


async def test_an_unused_plan_has_everything_left(configured: Database, api: Api) -> None:
    assert await status(api) == {
        "provider": "COINGECKO",
        "breaker": "CLOSED",
        "reason": None,
        "retryAt": None,
        "lastSuccessAt": None,
        "historyLimit": "365d",
        "budgets": [
            {"window": "1m", "limit": 80, "used": 0, "remaining": 80, "resetsAt": iso(NOW)},
            {"window": "30d", "limit": 10_000, "used": 0, "remaining": 10_000, "resetsAt": "2026-12-01T00:00:00Z"},
        ],
    }


async def test_a_plan_without_limits_says_so(configured: Database, api: Api) -> None:
    async with configured.transaction() as connection:
        await configure_budget(connection, "COINGECKO", Budget(KEY, 400, PLAN.period, 10, None, None), simulated=True)
    found = await status(api)
    assert found["historyLimit"] is None
    assert [budget["window"] for budget in found["budgets"]] == ["1m"]


async def test_calls_of_the_month_are_those_answered_with_data(configured: Database, api: Api) -> None:
    async with configured.connection() as connection:
        for _ in range(3):
            await note_success(connection, KEY, NOW - timedelta(seconds=1))
        await note_failure(connection, KEY, NOW)
    found = await status(api)
    assert (found["budgets"][1]["used"], found["budgets"][1]["remaining"]) == (3, 9_997)
    assert found["lastSuccessAt"] == iso(NOW - timedelta(seconds=1))

    later = datetime(2026, 12, 1, tzinfo=UTC)
    async with open_api(configured, lambda: later) as december:
        month = (await status(december))["budgets"][1]
    assert month == {
        "window": "31d",
        "limit": 10_000,
        "used": 0,
        "remaining": 10_000,
        "resetsAt": "2027-01-01T00:00:00Z",
    }


async def test_what_the_pace_says_is_left_can_be_called_within_a_minute_and_no_more(
    configured: Database, api: Api
) -> None:
    async with configured.connection() as connection:
        for _ in range(12):
            await take_budget(connection, KEY, NOW)
        pace = (await status(api))["budgets"][0]
        assert (pace["used"], pace["remaining"]) == (12, 68)
        assert pace["resetsAt"] == iso(NOW + 12 * timedelta(seconds=60 / 75))
        waits = [(await take_budget(connection, KEY, NOW)).wait for _ in range(pace["remaining"] + 1)]
    assert waits[-2] <= 60 < waits[-1]
    full = (await status(api))["budgets"][0]
    assert (full["used"], full["remaining"]) == (80, 0)


async def test_reserved_calls_wear_off_one_by_one(configured: Database) -> None:
    async with configured.connection() as connection:
        for _ in range(10):
            await take_budget(connection, KEY, NOW)
    for seconds in (0.0, 0.3, 0.8, 4.0, 7.9, 8.0, 100.0):
        async with open_api(configured, partial(NOW.__add__, timedelta(seconds=seconds))) as api:
            assert (await status(api))["budgets"][0]["used"] == max(0, math.ceil(10 - seconds / 0.8)), seconds


async def test_a_provider_that_asked_to_wait_is_left_alone_until_then(configured: Database, api: Api) -> None:
    until = NOW + timedelta(minutes=2)
    async with configured.connection() as connection:
        await block(connection, KEY, until, "RATE_LIMITED")
    found = await status(api)
    assert (found["breaker"], found["reason"], found["retryAt"]) == ("OPEN", "the provider asked to wait", iso(until))
    async with open_api(configured, lambda: until) as later:
        found = await status(later)
    assert (found["breaker"], found["reason"], found["retryAt"]) == ("CLOSED", None, None)


async def test_a_spent_month_opens_the_breaker_until_the_next(configured: Database, api: Api) -> None:
    async with configured.connection() as connection:
        await note_success(connection, KEY, NOW)
    await execute(configured, "update provider_budget set month_used = 10000")
    found = await status(api)
    assert (found["breaker"], found["reason"], found["retryAt"], found["budgets"][1]["remaining"]) == (
        "OPEN",
        "the month's calls are used up",
        "2026-12-01T00:00:00Z",
        0,
    )


async def test_a_provider_that_is_down_is_open_then_half_open_and_closed_by_a_success(configured: Database) -> None:
    async def breaker(at: datetime) -> tuple[str, str | None, str | None]:
        async with open_api(configured, lambda: at) as api:
            found = await status(api)
        return found["breaker"], found["reason"], found["retryAt"]

    minute = timedelta(minutes=1)
    async with configured.connection() as connection:
        for _ in range(4):
            await note_failure(connection, KEY, NOW)
        assert await breaker(NOW) == ("CLOSED", None, None)
        await note_failure(connection, KEY, NOW)
        assert await breaker(NOW) == ("OPEN", "the provider is down", iso(NOW + minute))
        assert await breaker(NOW + minute) == ("HALF_OPEN", "the provider is down", None)
        assert (await take_budget(connection, KEY, NOW + minute)).probe
        assert (await breaker(NOW + minute))[0] == "OPEN"
        await note_success(connection, KEY, NOW + minute)
    assert await breaker(NOW + minute) == ("CLOSED", None, None)


async def test_neither_the_key_nor_its_digest_is_shown(configured: Database, api: Api) -> None:
    shown = (await api.post(PROVIDERS)).text
    assert "1234" not in shown
    assert KEY not in shown
