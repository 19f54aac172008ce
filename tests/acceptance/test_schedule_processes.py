"""`pricegraph worker` keeps the schedule: the first start of an installation fills it, once however many there are."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from tests.demo import simulated_provider
from tests.programs import PATIENCE_SECONDS, call, environment, program

pytestmark = pytest.mark.slow


@pytest.fixture
def provider() -> Iterator[str]:
    with simulated_provider() as address:
        yield address


def surroundings(database_url: str, provider: str, **given: str) -> dict[str, str]:
    few = {
        "PRICEGRAPH_COINS": "solana",
        "PRICEGRAPH_CURRENCIES": "usd",
        "PRICEGRAPH_RATE_CURRENCIES": "eur",
        "PRICEGRAPH_HISTORY_DAYS": "5",
        "COINGECKO_PLAN": "demo",
        "COINGECKO_API_KEY": "CG-demo",
    }
    address = f"{provider}/coingecko/api/v3"
    return environment(DATABASE_URL=database_url, COINGECKO_URL=address, **(few | given))


def wait_for(database_url: str, condition: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with psycopg.connect(database_url, autocommit=True) as connection:
        while (connection.execute(f"select {condition}").fetchone() or [False])[0] is not True:
            assert time.monotonic() < deadline, f"it did not come about: {condition}"
            time.sleep(0.05)


def test_workers_that_start_at_once_fill_an_empty_installation_in_one_run(database_url: str, provider: str) -> None:
    env = surroundings(database_url, provider)
    with program("worker", env=env), program("worker", env=env):
        wait_for(database_url, "exists (select from refresh_runs where status = 'SUCCEEDED')")
        wait_for(database_url, "(select count(*) = 3 from price_latest)")

    with psycopg.connect(database_url) as connection:
        runs = connection.execute("select requested_by, tasks_total from refresh_runs").fetchall()
        stored = connection.execute(
            "select c.slug, y.code, count(*) >= 5 * 24 from price_hourly p join coins c on c.id = p.coin_id "
            "join currencies y on y.id = p.currency_id group by 1, 2 order by 1, 2"
        ).fetchall()
    assert runs == [("schedule", 3)]
    assert stored == [("bitcoin", "eur", True), ("bitcoin", "usd", True), ("solana", "usd", True)]
    paths = [entry["path"] for entry in httpx.get(f"{provider}/_control/log").json()]
    assert paths.count("/simple/price") == 1
    assert sum("market_chart" in path for path in paths) == 3


def test_a_schedule_that_makes_no_sense_is_an_error_at_the_start(database_url: str) -> None:
    ended = call("worker", env=environment(DATABASE_URL=database_url, PRICEGRAPH_REFRESH_CRON="hourly"))
    assert ended.returncode == 2
    assert "PRICEGRAPH_REFRESH_CRON" in ended.stderr
    assert "'hourly' is no cron expression" in ended.stderr
