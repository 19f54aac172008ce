"""The table of docs/errors.md is what the server does: each code is brought about, and each of its cells compared."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from graphql import GraphQLEnumType, build_schema

from db.pool import PoolSettings, open_database
from db.tokens import create_token
from ingest.providers.coingecko import PLANS
from resolvers.errors import Code
from resolvers.limits import Limits
from schema.schema import sdl
from tests.acceptance.api.conftest import NOWHERE
from tests.api import ONE, OPERATOR_TOKEN, Api, open_api
from tests.portfolios import ADD_ACCOUNT, COINBASE
from tests.world import NOW, World

GRAPHQL = "application/graphql-response+json"
REFRESH = """
mutation Refresh($input: RefreshInput!) {
  refreshPrices(input: $input) {
    errors { code retryable }
    run { exitCode tasks { nodes { error { code retryable } } } }
  }
}
"""


class Row(NamedTuple):
    """`request` is None where the code cannot be a request error."""

    meaning: str
    advice: str
    request: int | None
    outcome: int
    retryable: bool


_ROW = re.compile(r"^\| `([A-Z_]+)` \| (.+?) \| (.+?) \| (\d{3}|–) \| (\d{3}) \| (yes|no) \|$", re.MULTILINE)
_PAGE = (Path(__file__).parents[3] / "docs" / "errors.md").read_text()
TABLE = {
    code: Row(meaning, advice, None if request == "–" else int(request), int(outcome), retryable == "yes")
    for code, meaning, advice, request, outcome, retryable in _ROW.findall(_PAGE)
}


@dataclass(frozen=True)
class Asked:
    """A request that fails in the same way however often it is sent."""

    api: Api
    query: str | None
    variables: dict[str, Any] = field(default_factory=dict)
    token: str = OPERATOR_TOKEN
    extensions: dict[str, Any] = field(default_factory=dict)

    async def send(self, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = {"query": self.query, "variables": self.variables, "extensions": self.extensions}
        headers = named | {"authorization": f"Bearer {self.token}"}
        return await self.api.client.post("/graphql", json=body, headers=headers)


async def ask_with_a_token_that_nobody_knows(world: World, api: Api) -> AsyncIterator[Asked]:
    yield Asked(api, "{ __typename }", token="pg_unknown")


async def refresh_with_a_token_that_may_only_read(world: World, api: Api) -> AsyncIterator[Asked]:
    async with world.database.connection() as connection:
        token = await create_token(connection, "reader", [], NOW)
    yield Asked(api, REFRESH, {"input": {}}, token)


async def ask_what_is_no_graphql(world: World, api: Api) -> AsyncIterator[Asked]:
    yield Asked(api, "{")


async def ask_by_a_hash_that_is_unknown(world: World, api: Api) -> AsyncIterator[Asked]:
    yield Asked(api, None, extensions={"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}})


async def ask_for_a_coin_that_is_unknown(world: World, api: Api) -> AsyncIterator[Asked]:
    yield Asked(api, '{ coin(slug: "nothing") { slug } }')


async def ask_for_the_future(world: World, api: Api) -> AsyncIterator[Asked]:
    yield Asked(api, '{ priceHistory(coins: ["bitcoin"], from: "now+1d") { slug } }')


async def ask_with_too_many_aliases(world: World, api: Api) -> AsyncIterator[Asked]:
    yield Asked(api, "{ " + " ".join(f"a{i}: __typename" for i in range(Limits().max_aliases + 1)) + " }")


async def ask_while_the_tokens_are_locked(world: World, api: Api) -> AsyncIterator[Asked]:
    impatient = PoolSettings(statement_timeout=0.1)
    async with (
        open_database(world.database_url, impatient) as database,
        open_api(database) as api,
        world.database.transaction() as blocker,
    ):
        await blocker.execute("lock table api_tokens in access exclusive mode")
        yield Asked(api, "{ __typename }", token="pg_some")


async def ask_while_the_database_is_away(world: World, api: Api) -> AsyncIterator[Asked]:
    async with open_database(NOWHERE, PoolSettings(wait=0.2)) as database, open_api(database) as api:
        yield Asked(api, "{ __typename }", token="pg_some")


async def refresh_before_any_coin_is_tracked(world: World, api: Api) -> AsyncIterator[Asked]:
    yield Asked(api, REFRESH, {"input": {}})


async def ask_for_prices_without_holes(world: World, api: Api) -> AsyncIterator[Asked]:
    await world.know(["bitcoin"], ["usd"])
    yield Asked(api, '{ coin(slug: "bitcoin") { history(from: "now-2d", gaps: ERROR) { points { price } } } }')


async def ask_in_a_currency_without_a_rate(world: World, api: Api) -> AsyncIterator[Asked]:
    await world.know(["bitcoin"], ["usd"])
    yield Asked(api, '{ coin(slug: "bitcoin") { history(currency: "jpy") { points { price } } } }')


async def refresh_when_the_month_is_spent(world: World, api: Api) -> AsyncIterator[Asked]:
    await world.know(["bitcoin"], ["usd"])
    await world.simulator.fault("quota")
    yield await finished(world, api, **ONE)


async def refresh_what_the_provider_does_not_know(world: World, api: Api) -> AsyncIterator[Asked]:
    await world.know(["bitcoin"], ["usd"])
    await world.simulator.fault("404")
    yield await finished(world, api, **ONE)


async def refresh_farther_back_than_the_key_reaches(world: World, api: Api) -> AsyncIterator[Asked]:
    """As when a plan is cut: planned in good faith, refused by the provider."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PLANS, world.settings.plan, replace(PLANS[world.settings.plan], reach_days=None))
        await world.configure()
        await world.know(["bitcoin"], ["usd"])
        given = ONE | {"from": "now-800d", "to": "now-790d", "granularities": ["DAILY"]}
        yield await finished(world, api, **given)


async def refresh_with_a_key_that_was_used_for_another(world: World, api: Api) -> AsyncIterator[Asked]:
    await world.know(["bitcoin"], ["usd"])
    await api.ask(REFRESH, input=ONE | {"idempotencyKey": "same"})
    yield Asked(api, REFRESH, {"input": ONE | {"idempotencyKey": "same", "mode": "FORCE"}})


async def add_a_key_to_a_server_that_cannot_keep_it(world: World, api: Api) -> AsyncIterator[Asked]:
    await world.know(["bitcoin"], ["usd"])
    made = await api.ask('mutation { createPortfolio(name: "main", currency: "usd") { portfolio { id } } }')
    portfolio = made["createPortfolio"]["portfolio"]["id"]
    yield Asked(api, ADD_ACCOUNT, {"input": {"portfolio": portfolio, "label": "exchange", "source": COINBASE}})


async def ask_when_a_table_is_gone(world: World, api: Api) -> AsyncIterator[Asked]:
    await world.execute("drop table api_tokens cascade")
    yield Asked(api, "{ __typename }", token="pg_some")


async def finished(world: World, api: Api, **given: Any) -> Asked:
    """A refresh that the workers are done with: its key answers the same run from now on."""
    asked = Asked(api, REFRESH, {"input": given | {"idempotencyKey": "once"}})
    assert (await asked.send()).status_code == 200
    await world.work()
    return asked


PROVOKED: dict[Code, Callable[[World, Api], AsyncIterator[Asked]]] = {
    Code.UNAUTHENTICATED: ask_with_a_token_that_nobody_knows,
    Code.FORBIDDEN: refresh_with_a_token_that_may_only_read,
    Code.BAD_INPUT: ask_what_is_no_graphql,
    Code.PERSISTED_QUERY_NOT_FOUND: ask_by_a_hash_that_is_unknown,
    Code.NOT_FOUND: ask_for_a_coin_that_is_unknown,
    Code.RANGE_INVALID: ask_for_the_future,
    Code.COST_EXCEEDED: ask_with_too_many_aliases,
    Code.TIMEOUT: ask_while_the_tokens_are_locked,
    Code.UNAVAILABLE: ask_while_the_database_is_away,
    Code.NO_DATA: refresh_before_any_coin_is_tracked,
    Code.DATA_INCOMPLETE: ask_for_prices_without_holes,
    Code.FX_UNAVAILABLE: ask_in_a_currency_without_a_rate,
    Code.PROVIDER_RATE_LIMITED: refresh_when_the_month_is_spent,
    Code.PROVIDER_PLAN_LIMIT: refresh_farther_back_than_the_key_reaches,
    Code.PROVIDER_ERROR: refresh_what_the_provider_does_not_know,
    Code.CONFLICT: refresh_with_a_key_that_was_used_for_another,
    Code.NOT_CONFIGURED: add_a_key_to_a_server_that_cannot_keep_it,
    Code.INTERNAL: ask_when_a_table_is_gone,
}


def errors_in(answer: Any) -> Iterator[dict[str, Any]]:
    """Whatever has a code, wherever it stands in an answer."""
    if isinstance(answer, dict):
        if "code" in answer:
            yield answer
        for value in answer.values():
            yield from errors_in(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from errors_in(value)


def provoke(code: Code, world: World, api: Api) -> AbstractAsyncContextManager[Asked]:
    return asynccontextmanager(PROVOKED[code])(world, api)


def test_the_table_has_every_code_with_the_meaning_that_the_schema_gives_it() -> None:
    definition = build_schema(sdl()).type_map["ErrorCode"]
    assert isinstance(definition, GraphQLEnumType)

    assert {code: row.meaning for code, row in TABLE.items()} == {
        code: value.description for code, value in definition.values.items()
    }
    assert set(TABLE) == {code.value for code in PROVOKED}


@pytest.mark.slow
@pytest.mark.parametrize("code", list(Code), ids=str)
async def test_every_cell_of_the_table_is_what_the_server_does(
    code: Code, world: World, world_api: Api, subtests: pytest.Subtests
) -> None:
    row = TABLE[code.value]
    async with provoke(code, world, world_api) as asked:
        specified = await asked.send(accept=GRAPHQL)
        by_outcome = await asked.send(pricegraph_status="outcome")

    with subtests.test(cell="retryable"):
        retryable = {error["retryable"] for error in errors_in(specified.json()) if error["code"] == code.value}
        assert retryable == {row.retryable}
    with subtests.test(cell="status of a request error"):
        assert ("data" in specified.json()) == (row.request is None)
        assert specified.status_code == (row.request or 200)
    with subtests.test(cell="status with `outcome`"):
        assert by_outcome.status_code == row.outcome
        assert ("retry-after" in by_outcome.headers) == (row.outcome == 503)
