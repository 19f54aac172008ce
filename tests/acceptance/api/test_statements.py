"""The number of SQL statements of a request: one or a few, whatever the number of coins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import cycle
from typing import NamedTuple

import pytest

from db.pool import Database, PoolSettings, open_database
from db.series import HOUR, Granularity, floor
from tests.api import Api, CountingCursor, add_coins, add_points, execute, open_api
from tests.world import NOW

pytestmark = pytest.mark.slow  # in all, not each


class Case(NamedTuple):
    """A query, and what it costs: each statement by what it reads."""

    statements: tuple[str, ...]
    query: str


COINS, POINTS, COVERED = "coins, currencies, latest prices", "points and rates", "what is stored, and why not all"
COVERED_POINTS = f"{POINTS}, {COVERED}"
CASES = {
    "priceHistory": Case(
        (COINS, POINTS),
        """
        query($coins: [String!]!) {
          priceHistory(coins: $coins, from: "now-3h") { history { currency { code } points { price state } } }
        }""",
    ),
    "priceHistory with coverage and gaps": Case(
        (COINS, COVERED_POINTS),
        """
        query($coins: [String!]!) {
          priceHistory(coins: $coins, from: "now-3h") { history { points { price } coverage { gaps { reason } } } }
        }""",
    ),
    **{
        f"priceHistory with {gaps}, and why it is stale": Case(
            (COINS, COVERED_POINTS),
            f"""
            query($coins: [String!]!) {{
              priceHistory(coins: $coins, from: "now-3h", gaps: {gaps}, interval: HOUR_4) {{
                error {{ code }} history {{ columns {{ price }} freshness {{ isStale reason }} }}
              }}
            }}""",
        )
        for gaps in ("OMIT", "CARRY")
    },
    "priceHistory with ERROR": Case(
        (COINS, POINTS),
        """
        query($coins: [String!]!) {
          priceHistory(coins: $coins, from: "now-3h", gaps: ERROR, interval: HOUR_4) {
            error { code } history { columns { price } points { ...Times __typename } }
          }
        }
        fragment Times on PricePoint { time seen: observedAt }""",
    ),
    "priceHistory with ERROR, coverage and freshness": Case(
        (COINS, COVERED_POINTS),
        """
        query($coins: [String!]!) {
          priceHistory(coins: $coins, from: "now-4h/h", to: "now-3h/h", gaps: ERROR) {
            error { code } history { points { price } coverage { gaps { reason } } freshness { reason } }
          }
        }""",
    ),
    "priceHistory with everything about it": Case(
        (COINS, COVERED_POINTS),
        """
        query($coins: [String!]!) {
          priceHistory(coins: $coins, from: "now-3h") {
            history {
              points { price } columns { high } summary { mean } coverage { gaps { reason } } freshness { reason }
            }
          }
        }""",
    ),
    "priceHistory in a converted currency": Case(
        (COINS, COVERED_POINTS),
        """
        query($coins: [String!]!) {
          priceHistory(coins: $coins, currency: "gbp", from: "now-3h", gaps: CARRY) {
            history { columns { price } coverage { completeness gaps { reason nextAttemptAt } } }
          }
        }""",
    ),
    "pricesAt, converted and not": Case(
        (COINS, "nearest samples and their rates"),
        """
        query($inputs: [PriceAtInput!]!) { pricesAt(inputs: $inputs) { price granularity error { code } } }""",
    ),
    "coins with latest prices": Case(
        (COINS,),
        "query($first: Int!) { coins(first: $first) { nodes { slug latestPrice { price currency { code } } } } }",
    ),
    "coins with latest prices in two currencies, and their change": Case(
        (COINS,),
        """
        query($first: Int!) {
          coins(first: $first) {
            edges { node { usd: latestPrice { change24hPercent } ...Euros } cursor } pageInfo { hasNextPage }
          }
        }
        fragment Euros on Coin { eur: latestPrice(currency: "EUR") { price } }""",
    ),
    "coins with latest prices in a converted currency": Case(
        (COINS, "latest prices and rates"),
        """
        query($first: Int!, $currency: String! = "gbp") {
          coins(first: $first) { nodes { latestPrice(currency: $currency) { price fxRate change24hPercent } } }
        }""",
    ),
    "coins with latest prices, and why they are stale": Case(
        (COINS, COVERED),
        "query($first: Int!) { coins(first: $first) { nodes { latestPrice { price freshness { reason } } } } }",
    ),
    "coins with coverage": Case(
        (COINS, COVERED), "query($first: Int!) { coins(first: $first) { nodes { coverage { completeness } } } }"
    ),
    "coins with coverage of both stores": Case(
        (COINS, COVERED),
        """
        query($first: Int!) {
          coins(first: $first) {
            nodes { hours: coverage { completeness } days: coverage(granularity: DAILY) { gaps { reason } } }
          }
        }""",
    ),
    "coins with coverage and gaps in a converted currency": Case(
        (COINS, COVERED),
        """
        query($first: Int!) {
          coins(first: $first) { nodes { coverage(currency: "gbp") { completeness gaps { reason } } } }
        }""",
    ),
    "coins with histories and gaps": Case(
        (COINS, COVERED_POINTS),
        """
        query($first: Int!) {
          coins(first: $first) {
            nodes { history(from: "now-3h") { columns { price } coverage { gaps { reason nextAttemptAt } } } }
          }
        }""",
    ),
    "coins with histories of two ranges": Case(
        (COINS, POINTS, POINTS),
        """
        query($first: Int!) {
          coins(first: $first) {
            nodes {
              day: history(from: "now-1d") { columns { price } }
              hours: history(from: "now-3h") { columns { price } }
            }
          }
        }""",
    ),
    "coins with histories of two ranges and gaps": Case(
        (COINS, "a snapshot", COVERED_POINTS, POINTS),
        """
        query($first: Int!) {
          coins(first: $first) {
            nodes {
              day: history(from: "now-1d") { columns { price } coverage { gaps { reason } } }
              hours: history(from: "now-3h") { columns { price } coverage { gaps { reason } } }
            }
          }
        }""",
    ),
    "coins with revisions": Case(
        (COINS, "revisions"),
        "query($first: Int!) { coins(first: $first) { nodes { revisions { nodes { time note } } } } }",
    ),
    "coins with what they are about": Case(
        (COINS, "profiles and ids"),
        """
        query($first: Int!) {
          coins(first: $first) { nodes { description homepage externalIds { provider value } } }
        }""",
    ),
    "issues": Case(
        ("issues, coins, currencies", "evidence"),
        """
        query($first: Int!) {
          dataIssues(first: $first) { nodes { coin { slug } currency { code } evidence { note } } }
        }""",
    ),
    "runs with tasks": Case(
        ("runs and sums", "tasks, coins, currencies"),
        """
        query($first: Int!) {
          refreshRuns {
            nodes { exitCode requests rowsInserted tasks(first: $first) { nodes { coin { slug } currency { code } } } }
          }
        }""",
    ),
}
LIGHT = {
    "coins": "{ coins(first: 11) { nodes { slug symbol latestPrice { price observedAt } } pageInfo { endCursor } } }",
    "searched": '{ coins(filter: {search: "coin"}) { nodes { name latestPrice { price } } } }',
    "default": "query($unset: String) { coins { nodes { latestPrice(currency: $unset) { price } } } }",
    "coin": '{ coin(slug: "coin-1") { name } }',
    "a coin's price": '{ coin(slug: "coin-1") { latestPrice(currency: "EUR") { price } } }',
    "a coin's change over a day": '{ coin(slug: "coin-1") { latestPrice { change24hPercent } } }',
    "currencies": "{ currencies { code } }",
    "names": '{ resolveCoins(inputs: ["coin-1"]) { coin { slug } } }',
    "runs": "{ refreshRuns { nodes { status requests exitCode } } }",
    "issues": "{ dataIssues { nodes { message coin { slug } } } }",
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
    """Stale hours of some coins in usd, of the last one in gbp too, and for each a latest price and a fetch.

    The last one gives the rates, so that all before it are converted alike.
    """
    await add_coins(database, coins)
    await execute(database, RUN)
    await execute(database, RUN)
    await execute(database, ISSUES)
    await execute(database, "update currencies set rate_coin_id = %s where code = 'gbp'", coins)
    for coin, currency in ((1, 1), (2, 1), (500, 1), (coins, 1), (coins, 3)):
        hour = floor(NOW, HOUR)
        await add_points(database, Granularity.HOURLY, [hour - 4 * HOUR, hour - 2 * HOUR], coin, currency)
    await execute(
        database,
        "insert into price_latest (coin_id, currency_id, price, observed_at, provider_id) "
        "select id, currency, 1.5, %s, 2 from coins, unnest(array[1, 2]) currency",
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
    await fill(database, 1001)

    for name, case in CASES.items():
        counts = {size: await statements(api, case.query, **given_for(case.query, size)) for size in (1, 10, 100, 1000)}
        assert counts == dict.fromkeys(counts, len(case.statements)), name


async def test_a_light_query_costs_one_statement_and_looks_at_hypertables_for_nothing_but_the_change_over_a_day(
    counting: tuple[Database, Api],
) -> None:
    database, api = counting
    await fill(database, 501)
    hourly = set()

    for name, query in LIGHT.items():
        assert await statements(api, query) == 1, name
        hourly |= {name for statement in CountingCursor.statements if "price_hourly" in statement}

    assert hourly == {"a coin's change over a day"}


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

    assert await statements(api, "{ __typename server { version limits { maxDepth } } }") == 0
    await statements(api, '{ priceHistory(coins: ["coin-1"]) { history { columns { price } } } }')
    assert not any("fetch_windows" in one or "lag(" in one for one in CountingCursor.statements)
    await statements(api, '{ priceHistory(coins: ["coin-1"]) { history { coverage { gaps { reason } } } } }')
    assert not any("join price_hourly" in one for one in CountingCursor.statements)


async def test_only_what_is_selected_of_a_point_is_read(counting: tuple[Database, Api]) -> None:
    database, api = counting
    await fill(database, 2)

    async def columns_of(selection: str) -> set[str]:
        """What the statement that reads the points names, of what can be selected."""
        await statements(api, f'{{ priceHistory(coins: ["coin-1"], from: "now-5h") {{ history {{ {selection} }} }} }}')
        (statement,) = (one for one in CountingCursor.statements if "join price_hourly" in one)
        named = ("market_cap", "volume_24h", "provider_id", "observed_at", "revision", "p.high", "p.low")
        return {name for name in named if name in statement}

    assert await columns_of("points { time price state }") == set()
    assert await columns_of("columns { time price marketCap }") == {"market_cap"}
    assert await columns_of("points { volume24h } columns { high }") == {"volume_24h", "p.high"}
    assert await columns_of("points { t: observedAt origin revision ... on PricePoint { low @skip(if: true) } }") == {
        *("observed_at", "provider_id", "revision"),
    }
