"""Every failure has a code and a hint, and none shows the inside of the server."""

from __future__ import annotations

import asyncio
import base64
import re
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from db.pool import Database, PoolSettings, open_database
from tests.api import Api, add_coins, execute, open_api

INTERNAL_WORDS = re.compile(
    r"psycopg|sqlalchemy|strawberry|traceback|exception|\bselect\b.*\bfrom\b|\.py\b|/usr/|/work|0x[0-9a-f]{6}|errors\.",
    re.I,
)


def cursor(*key: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def history(**arguments: str) -> str:
    given = {"coins": '["coin-1"]'} | arguments
    written = ", ".join(f"{name}: {value}" for name, value in given.items())
    return f"{{ priceHistory({written}) {{ slug }} }}"


def after(list_name: str, cursor: str) -> str:
    return f'{{ {list_name}(after: "{cursor}") {{ nodes {{ id }} }} }}'


MANY = "[" + ", ".join(['"coin-1"'] * 1001) + "]"
FAILURES = [
    ('{ coin(slug: "S2") { slug } }', "NOT_FOUND", "did you mean coin-2?"),
    ('{ coin(slug: "COIN-2") { slug } }', "NOT_FOUND", "did you mean coin-2?"),
    ('{ coin(slug: "") { slug } }', "NOT_FOUND", "`coins(filter: {search})` finds similar ones"),
    ('{ coin(slug: "nothing") { slug } }', "NOT_FOUND", "`coins(filter: {search})` finds similar ones"),
    ('{ coin(slug: "coin-1") { latestPrice(currency: "dogs") { price } } }', "NOT_FOUND", "in: usd, eur"),
    ('{ coins { nodes { history(currency: "dogs") { interval } } } }', "NOT_FOUND", "in: usd, eur"),
    (history(currency='"dogs"'), "NOT_FOUND", "in: usd, eur"),
    (history(**{"from": '"now"'}), "RANGE_INVALID", "in the future"),
    (history(**{"from": '"now-1d"', "to": '"now-2d"'}), "RANGE_INVALID", "earlier than `to`"),
    (history(**{"from": '"now-1d"', "to": '"now-1d"'}), "RANGE_INVALID", "earlier than `to`"),
    (history(**{"from": '"now+1d"', "to": '"now+2d"'}), "RANGE_INVALID", "before now"),
    (history(**{"from": '"0001-01-01T00:00:00Z"'}), "RANGE_INVALID", "2009-01-03"),
    (history(**{"from": '"now-999999y"'}), "RANGE_INVALID", "outside the calendar"),
    (history(**{"to": '"now+999999y"'}), "RANGE_INVALID", "outside the calendar"),
    (history(**{"from": '"2026-01-01T00:00:00"'}), "BAD_INPUT", "append Z for UTC"),
    (history(**{"from": '"2026-01-01"'}), "BAD_INPUT", "append Z for UTC"),
    (history(**{"from": '"last week"'}), "BAD_INPUT", "now-7d"),
    (history(**{"from": "1700000000"}), "BAD_INPUT", "now-7d"),
    (history(**{"from": "null"}), "BAD_INPUT", "Time!"),
    (history(interval="HOUR_3"), "BAD_INPUT", "HOUR_1"),
    (history(interval='"HOUR_1"'), "BAD_INPUT", "HOUR_1"),
    (history(gaps="GUESS"), "BAD_INPUT", "GapPolicy"),
    (history(coins=MANY), "COST_EXCEEDED", "1,000"),
    (history(coins="[5]"), "BAD_INPUT", "String"),
    (history(coins="[null]"), "BAD_INPUT", "String"),
    (f"{{ coins(filter: {{ slugs: {MANY} }}) {{ nodes {{ slug }} }} }}", "COST_EXCEEDED", "1,000"),
    ('{ coins(filter: { staleLongerThan: "1mo" }) { nodes { slug } } }', "BAD_INPUT", "7d"),
    ('{ coins(filter: { staleLongerThan: "999999w" }) { nodes { slug } } }', "BAD_INPUT", "36525d"),
    ("{ coins(first: 0) { nodes { slug } } }", "BAD_INPUT", "between 1 and 1000"),
    ("{ coins(first: -1) { nodes { slug } } }", "BAD_INPUT", "between 1 and 1000"),
    ("{ coins(first: 5000) { nodes { slug } } }", "BAD_INPUT", "between 1 and 1000"),
    ("{ coins(first: 99999999999) { nodes { slug } } }", "BAD_INPUT", "32-bit"),
    ('{ coins(first: "5") { nodes { slug } } }', "BAD_INPUT", "Int"),
    ("{ refreshRuns(first: 0) { nodes { id } } }", "BAD_INPUT", "between 1 and 1000"),
    ('{ coins(after: "garbage") { nodes { slug } } }', "BAD_INPUT", "endCursor"),
    ('{ coins(after: "") { nodes { slug } } }', "BAD_INPUT", "endCursor"),
    (after("coins", cursor("SLUG", "coin-1")), "BAD_INPUT", "endCursor"),
    (after("coins", cursor("RANK", 2**63, 1)), "BAD_INPUT", "endCursor"),
    (after("refreshRuns", cursor("tasks", 1)), "BAD_INPUT", "endCursor"),
    ('{ refreshRun(id: "5") { id } }', "BAD_INPUT", "RefreshRun"),
    ("{ refreshRun(id: 5) { id } }", "BAD_INPUT", "RefreshRun"),
    ('{ refreshRun(id: "Q29pbjox") { id } }', "BAD_INPUT", "RefreshRun"),
    ('{ refreshRun(id: "UmVmcmVzaFJ1bjo5OTk5OTk") { id } }', "NOT_FOUND", "`refreshRuns` lists them"),
    ("{ coin { slug } }", "BAD_INPUT", "slug"),
    ("{ coins { nodes { slugg } } }", "BAD_INPUT", "Did you mean 'slug'"),
    ("{ coins }", "BAD_INPUT", "selection of subfields"),
    ("{ nothing }", "BAD_INPUT", "nothing"),
    ("{", "BAD_INPUT", "Syntax Error"),
    ("", "BAD_INPUT", "empty"),
    ("subscription { a }", "BAD_INPUT", "subscription operation is not supported"),
    ("query A { __typename } query B { __typename }", "BAD_INPUT", "operationName"),
    ("fragment A on Query { __typename }", "BAD_INPUT", "no operation"),
]


async def test_every_mistake_has_a_code_and_a_hint(api: Api, database: Database) -> None:
    await add_coins(database, 3)
    for query, code, hint in FAILURES:
        response = await api.post(query)
        (error, *_) = response.json()["errors"]
        assert (response.status_code, error["extensions"]["code"]) == (200, code), (query[:200], error)
        assert hint in error["message"], (query[:200], error)
        assert not INTERNAL_WORDS.search(response.text), response.text[:500]
        assert error["extensions"]["requestId"] == response.headers["x-request-id"]
        assert error["extensions"]["retryable"] is False


async def test_the_argument_at_fault_is_named(api: Api, database: Database) -> None:
    await add_coins(database, 1)
    for query, field in (
        ('{ coin(slug: "x") { slug } }', ["slug"]),
        (history(currency='"dogs"'), ["currency"]),
        (history(**{"from": '"now+1d"'}), ["from"]),
        ('{ coins(filter: { search: "a\\u0000" }) { nodes { slug } } }', ["filter", "search"]),
        ('{ coins(after: "x") { nodes { slug } } }', ["after"]),
        ("{ coins(first: 0) { nodes { slug } } }", ["first"]),
        ('{ refreshRun(id: "x") { id } }', ["id"]),
    ):
        assert (await api.fail(query))["extensions"]["field"] == field


NASTY = [
    "\0",
    "a\0b",
    "\x01\x7f",
    "x" * 900_000,
    "'; drop table coins; --",
    "%_\\",
    "🙂" * 100,
    "\u202e",
    "\ufeff",
    "{}",
]
TEXT_ARGUMENTS = [
    "query($t: String!) { coin(slug: $t) { slug } }",
    "query($t: String!) { coins(filter: { search: $t }) { totalCount nodes { slug } } }",
    "query($t: String!) { coins(filter: { symbol: $t }) { totalCount nodes { slug } } }",
    "query($t: String!) { coins(filter: { slugs: [$t] }) { totalCount nodes { slug } } }",
    "query($t: String!) { coins(after: $t) { nodes { slug } } }",
    "query($t: String!) { coins(orderBy: NAME, after: $t) { nodes { slug } } }",
    "query($t: String!) { refreshRuns(after: $t) { nodes { id } } }",
    "query($t: ID!) { refreshRun(id: $t) { id } }",
    'query($t: String!) { priceHistory(coins: ["coin-1", $t]) { slug error { code } } }',
    'query($t: String!) { priceHistory(coins: ["coin-1"], currency: $t) { slug } }',
    'query($t: Time!) { priceHistory(coins: ["coin-1"], from: $t) { slug } }',
    'query($t: String!) { coin(slug: "coin-1") { latestPrice(currency: $t) { price } } }',
    "mutation($t: String!) { refreshPrices(input: { coins: [$t] }) { outcome errors { code } } }",
    "mutation($t: String!) { refreshPrices(input: { currencies: [$t] }) { outcome errors { code } } }",
    "mutation($t: String!) { refreshPrices(input: { idempotencyKey: $t }) { outcome errors { code } } }",
    "mutation($t: Time!) { refreshPrices(input: { from: $t }) { outcome errors { code } } }",
]


@pytest.mark.slow
async def test_no_text_whatever_is_an_internal_error(api: Api, database: Database) -> None:
    await add_coins(database, 1)
    for query in TEXT_ARGUMENTS:
        for text in [*NASTY, cursor("NAME", "a\0", 1), cursor("RANK", 2**62, -(2**63)), cursor("SLUG", "x" * 10_000)]:
            response = await api.post(query, {"t": text})
            assert response.status_code == 200
            assert "INTERNAL" not in response.text, (query, text[:20], response.text[:500])
            assert not INTERNAL_WORDS.search(response.text), (query, text[:20], response.text[:500])
            # A client that sends a megabyte by mistake is not sent it back, but for a slug "as it was asked for".
            assert len(response.content) < 2_000 or "priceHistory(coins: [" in query


async def test_a_nul_in_one_slug_fails_no_other_coin(api: Api, database: Database) -> None:
    await add_coins(database, 1)

    results = (await api.ask('{ priceHistory(coins: ["a\\u0000", "coin-1"]) { error { code } } }'))["priceHistory"]

    assert results == [{"error": {"code": "NOT_FOUND"}}, {"error": None}]


@pytest.mark.parametrize("document", ['{ coin(slug: "\\ud800") { slug } }', '{ coin(slug: "a") { slug } } \0'])
async def test_what_is_no_text_at_all_is_a_bad_document(lone_api: Api, document: str) -> None:
    assert (await lone_api.fail(document))["extensions"]["code"] == "BAD_INPUT"


async def test_an_absurd_number_of_points_costs_no_statement(lone_api: Api) -> None:
    coins = ["coin-1"] * 1000
    query = 'query($c: [String!]!) { priceHistory(coins: $c, from: "now-10y", interval: HOUR_1) { slug } }'

    error = await lone_api.fail(query, c=coins)

    assert error["extensions"]["code"] == "COST_EXCEEDED"
    assert "10,000,000 points" in error["message"]
    assert "100,000" in error["message"]


async def test_the_points_of_all_fields_of_a_request_count_together(api: Api, database: Database) -> None:
    await add_coins(database, 30)
    fields = " ".join(f'h{i}: history(from: "now-1y", interval: HOUR_1) {{ interval }}' for i in range(3))
    query = f"query($n: Int!) {{ coins(first: $n) {{ nodes {{ {fields} }} }} }}"
    await api.ask(query, n=3)

    error = await api.fail(query, n=30)

    assert error["extensions"]["code"] == "COST_EXCEEDED"


BROKEN = '{ coin(slug: "coin-1") { history { points { price } } } }'


async def test_a_surprise_is_masked_and_logged_under_the_id_that_the_client_gets(api: Api, database: Database) -> None:
    await add_coins(database, 1)
    await execute(database, "drop table price_hourly")

    with capture_logs() as logs:
        response = await api.post(BROKEN)

    (error,) = response.json()["errors"]
    request_id = response.headers["x-request-id"]
    assert response.status_code == 200
    assert error["extensions"] == {"code": "INTERNAL", "retryable": False, "requestId": request_id}
    assert error["message"] == f"something went wrong in the server; its log has request {request_id}"
    assert response.json()["data"] == {"coin": {"history": None}}
    assert [(entry["log_level"], entry["request_id"]) for entry in logs] == [("error", request_id)]
    assert "price_hourly" in str(logs[0]["exc_info"])


async def test_mistakes_of_clients_are_not_logged(
    api: Api, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as logs:
        for query in ('{ coin(slug: "x") { slug } }', "{ nothing }", "{", history(**{"from": '"now+1d"'})):
            await api.fail(query)

    assert logs == []
    assert [record for record in caplog.records if record.name.startswith("strawberry")] == []


async def test_a_surprise_outside_of_a_resolver_is_masked_too(api: Api, database: Database) -> None:
    await execute(database, "drop table api_tokens cascade")

    with capture_logs() as logs:
        response = await api.post("{ __typename }", headers={"authorization": "Bearer some-other-token"})

    assert response.status_code == 500
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert logs[0]["request_id"] == response.headers["x-request-id"]
    assert not INTERNAL_WORDS.search(response.text)


async def test_request_ids_differ(lone_api: Api) -> None:
    assert len({(await lone_api.post("{ __typename }")).headers["x-request-id"] for _ in range(20)}) == 20


async def failing(api: Api, query: str = "{ coins { nodes { slug } } }") -> dict[str, Any]:
    async with asyncio.timeout(8):
        extensions: dict[str, Any] = (await api.fail(query))["extensions"]
    return extensions


READS = [
    "{ coins { nodes { slug } } }",
    '{ coin(slug: "coin-1") { slug } }',
    "{ refreshRuns { nodes { id } } }",
    "{ currencies { code } }",
    "{ server { store } }",
    '{ priceHistory(coins: ["coin-1"]) { slug } }',
]


@pytest.mark.parametrize("query", READS)
async def test_a_database_that_is_away_is_unavailable_within_seconds(lone_api: Api, query: str) -> None:
    error = await failing(lone_api, query)

    assert (error["code"], error["retryable"]) == ("UNAVAILABLE", True)


async def test_a_query_that_takes_too_long_is_a_timeout(database: Database, database_url: str) -> None:
    async with (
        open_database(database_url, PoolSettings(statement_timeout=0.1)) as impatient,
        open_api(impatient) as api,
        database.transaction() as blocker,
    ):
        await blocker.execute("lock table coins, currencies, refresh_runs in access exclusive mode")
        for query in READS[:4]:
            error = await failing(api, query)
            assert (error["code"], error["retryable"]) == ("TIMEOUT", True)


@pytest.mark.slow
async def test_a_pool_without_a_free_connection_is_unavailable_and_recovers(database_url: str) -> None:
    async with (
        open_database(database_url, PoolSettings(max_size=1, wait=0.2)) as narrow,
        open_api(narrow) as api,
    ):
        async with narrow.connection():
            for query in READS:
                assert (await failing(api, query))["code"] == "UNAVAILABLE"
        for query in READS[2:5]:
            await api.ask(query)


@pytest.mark.slow
async def test_connections_that_broke_are_replaced_and_nobody_sees_more_than_unavailable(
    api: Api, database: Database
) -> None:
    await asyncio.gather(*(api.ask(query) for query in READS[2:5] * 4))
    await execute(
        database,
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()",
    )

    async with asyncio.timeout(30):
        while "errors" in (answer := (await api.post(READS[2])).json()):
            assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    for query in READS[2:5]:
        await api.ask(query)
