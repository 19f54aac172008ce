"""The number of SQL statements of a request does not grow with the number of coins."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from db.pool import Database, PoolSettings, open_database
from db.series import HOUR, Granularity, floor
from tests.api import Api, CountingCursor, add_coins, add_points, execute, open_api
from tests.world import NOW

pytestmark = pytest.mark.slow  # in all, not each

QUERIES = {
    "priceHistory with coverage and gaps": """
        query($coins: [String!]!) {
          priceHistory(coins: $coins, from: "now-3h") { history { points { price } coverage { gaps { reason } } } }
        }""",
    "coins with latest prices": "query($first: Int!) { coins(first: $first) { nodes { latestPrice { price } } } }",
    "coins with latest prices in two currencies": """
        query($first: Int!) {
          coins(first: $first) { nodes { usd: latestPrice { price } eur: latestPrice(currency: "eur") { price } } }
        }""",
    "coins with histories and gaps": """
        query($first: Int!) {
          coins(first: $first) {
            nodes { history(from: "now-3h") { columns { price } coverage { gaps { reason nextAttemptAt } } } }
          }
        }""",
    "coins with coverage of both stores": """
        query($first: Int!) {
          coins(first: $first) {
            nodes {
              hours: coverage { completeness gaps { reason } }
              days: coverage(granularity: DAILY) { completeness gaps { reason } }
            }
          }
        }""",
    "runs with tasks": """
        query($first: Int!) {
          refreshRuns {
            nodes { exitCode requests rowsInserted tasks(first: $first) { nodes { coin { slug } currency { code } } } }
          }
        }""",
}
RUN = """
with run as (
    insert into refresh_runs (status, requested_by, request, tasks_total, tasks_open, tasks_deferred, created_at)
    values ('QUEUED', 'test', '{}', 1000, 1000, 0, now()) returning id
), tasks as (
    insert into refresh_tasks (coin_id, currency_id, granularity, provider_id, from_ts, to_ts, created_at)
    select id, 1, 'HOURLY', 2, now() - interval '1 day', now(), now() from coins returning id
)
insert into refresh_run_tasks select run.id, tasks.id from run, tasks
"""


@pytest.fixture
async def counting(database_url: str) -> AsyncIterator[tuple[Database, Api]]:
    async with (
        open_database(database_url, PoolSettings(max_size=4), CountingCursor) as database,
        open_api(database) as api,
    ):
        yield database, api


async def statements(api: Api, query: str, **variables: object) -> int:
    CountingCursor.statements.clear()
    await api.ask(query, **variables)
    return len(CountingCursor.statements)


async def test_a_thousand_coins_cost_as_many_statements_as_one(counting: tuple[Database, Api]) -> None:
    database, api = counting
    await add_coins(database, 1000)
    await execute(database, RUN)
    for coin in (1, 2, 500):
        await add_points(database, Granularity.HOURLY, [floor(NOW, HOUR) - HOUR], coin)
    await api.ask("{ coins { totalCount } }")  # SQLAlchemy asks the server a few things on first sight

    for name, query in QUERIES.items():
        counts: dict[int, int] = {}
        for size in (1, 10, 100, 1000):
            given = {"coins": [f"coin-{i}" for i in range(1, size + 1)]} if "$coins" in query else {"first": size}
            counts[size] = await statements(api, query, **given)
        assert len(set(counts.values())) == 1, f"{name}: {counts}"
        assert counts[1] <= 12, f"{name}: {counts}"


async def test_a_total_costs_a_statement_only_when_it_is_asked_for(counting: tuple[Database, Api]) -> None:
    database, api = counting
    await add_coins(database, 3)
    await api.ask("{ coins { totalCount } }")

    assert await statements(api, "{ coins { nodes { slug } } }") == 1
    assert await statements(api, "{ coins { nodes { slug } totalCount } }") == 2
    assert await statements(api, "{ refreshRuns { nodes { id } } }") == 1
    assert await statements(api, "{ refreshRuns { nodes { id } totalCount } }") == 2


async def test_what_is_not_asked_for_costs_nothing(counting: tuple[Database, Api]) -> None:
    database, api = counting
    await add_coins(database, 3)
    await api.ask("{ coins { totalCount } }")

    assert await statements(api, "{ __typename server { version limits { maxDepth } } }") == 0
    plain = await statements(api, '{ priceHistory(coins: ["coin-1"]) { history { columns { price } } } }')
    covered = await statements(
        api, '{ priceHistory(coins: ["coin-1"]) { history { columns { price } coverage { completeness } } } }'
    )
    assert covered == plain + 1
