"""The number of SQL statements of a request does not grow with the number of coins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import cycle

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
    **{
        f"priceHistory with {gaps}": f"""
        query($coins: [String!]!) {{
          priceHistory(coins: $coins, from: "now-3h", gaps: {gaps}, interval: HOUR_4) {{
            error {{ code }} history {{ columns {{ price }} freshness {{ isStale reason }} }}
          }}
        }}"""
        for gaps in ("OMIT", "CARRY", "ERROR")
    },
    "priceHistory in a converted currency": """
        query($coins: [String!]!) {
          priceHistory(coins: $coins, currency: "gbp", from: "now-3h", gaps: CARRY) {
            history { columns { price } coverage { completeness gaps { reason nextAttemptAt } } freshness { reason } }
          }
        }""",
    "pricesAt": """
        query($inputs: [PriceAtInput!]!) { pricesAt(inputs: $inputs) { price granularity error { code } } }""",
    "coins with latest prices in a converted currency, and why they are stale": """
        query($first: Int!) {
          coins(first: $first) { nodes { latestPrice(currency: "gbp") { price fxRate freshness { reason } } } }
        }""",
    "coins with coverage in a converted currency": """
        query($first: Int!) {
          coins(first: $first) { nodes { coverage(currency: "gbp") { completeness gaps { reason } } } }
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
    "coins with revisions": """
        query($first: Int!) { coins(first: $first) { nodes { revisions { totalCount nodes { time note } } } } }""",
    "issues": """
        query($first: Int!) {
          dataIssues(first: $first) { totalCount nodes { coin { slug } currency { code } evidence { note } } }
        }""",
    "coins with what they are about": """
        query($first: Int!) {
          coins(first: $first) { nodes { description homepage externalIds { provider value } } }
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
ISSUES = """
insert into data_issues
    (kind, coin_id, currency_id, provider_id, message, occurrences, evidence, detected_at, last_seen_at)
select 'OUTLIER', id, 1, 2, '', 1, '[{"time": null, "value": "", "note": ""}]', now(), now() from coins
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


async def fill(database: Database, coins: int) -> None:
    """Stale hours of the first coins in usd, of the first one in gbp too, and for each a latest price and a fetch."""
    await add_coins(database, coins)
    await execute(database, RUN)
    await execute(database, ISSUES)
    await execute(database, "update currencies set rate_coin_id = 1 where code = 'gbp'")
    for coin, currency in ((1, 1), (1, 3), (2, 1), (500, 1)):
        hour = floor(NOW, HOUR)
        await add_points(database, Granularity.HOURLY, [hour - 4 * HOUR, hour - 2 * HOUR], coin, currency)
    await execute(
        database,
        "insert into price_latest (coin_id, currency_id, price, observed_at, provider_id) "
        "select id, currency, 1.5, %s, 2 from coins, unnest(array[1, 3]) currency",
        NOW - 3 * HOUR,
    )
    await execute(
        database,
        "insert into fetch_windows (coin_id, currency_id, granularity, provider_id, from_ts, to_ts, outcome, asked_at) "
        "select id, 1, 'HOURLY', 2, %s, %s, 'NO_DATA', %s from coins",
        *(NOW - 3 * HOUR, NOW - 2 * HOUR, NOW),
    )


def given_for(query: str, size: int) -> dict[str, object]:
    slugs = [f"coin-{i}" for i in range(1, size + 1)]
    if "$coins" in query:
        return {"coins": slugs}
    if "$inputs" in query:
        pairs = zip(slugs, cycle(["usd", "gbp"]), strict=False)
        return {"inputs": [{"coin": slug, "at": "now-1h", "currency": currency} for slug, currency in pairs]}
    return {"first": size}


async def test_a_thousand_coins_cost_as_many_statements_as_one(counting: tuple[Database, Api]) -> None:
    database, api = counting
    await fill(database, 1000)
    await api.ask("{ coins { totalCount } }")  # SQLAlchemy asks the server a few things on first sight

    for name, query in QUERIES.items():
        # The first coin gives the rates, so that the second one is the first that is converted.
        counts = {size: await statements(api, query, **given_for(query, size)) for size in (2, 10, 100, 1000)}
        assert len(set(counts.values())) == 1, f"{name}: {counts}"
        assert counts[2] <= 20, f"{name}: {counts}"


async def test_the_last_of_ten_thousand_coins_cost_as_many_statements_as_the_first_eleven(
    counting: tuple[Database, Api],
) -> None:
    database, api = counting
    await fill(database, 10_000)
    query = """
    query Page($first: Int!, $after: String) {
      coins(orderBy: SLUG, first: $first, after: $after) {
        nodes { coverage { actualPoints expectedPoints gaps { reason } } } pageInfo { endCursor }
      }
    }
    """
    await api.ask("{ coins { totalCount } }")
    counts, after, covered = set(), None, 0
    for first in (11, *[1000] * 10):
        CountingCursor.statements.clear()
        page = (await api.ask(query, first=first, after=after))["coins"]
        counts.add(len(CountingCursor.statements))
        after, covered = page["pageInfo"]["endCursor"], covered + len(page["nodes"])

    assert covered == 10_000
    assert len(counts) == 1


async def test_a_total_costs_a_statement_only_when_it_is_asked_for(counting: tuple[Database, Api]) -> None:
    database, api = counting
    await add_coins(database, 3)
    await api.ask("{ coins { totalCount } }")

    assert await statements(api, "{ coins { nodes { slug } } }") == 1
    assert await statements(api, "{ coins { nodes { slug } totalCount } }") == 2
    assert await statements(api, "{ refreshRuns { nodes { id } } }") == 1
    assert await statements(api, "{ refreshRuns { nodes { id } totalCount } }") == 2
    assert await statements(api, "{ dataIssues { nodes { id } } }") == 1
    assert await statements(api, "{ dataIssues { nodes { id } totalCount } }") == 2
    changes = await statements(api, "{ coins { nodes { revisions { nodes { time } } } } }")
    assert await statements(api, "{ coins { nodes { revisions { nodes { time } totalCount } } } }") == changes + 1


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
