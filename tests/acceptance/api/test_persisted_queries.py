"""Automatic persisted queries: a client sends a hash instead of a query that it has sent before."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import httpx
import pytest

from db.pool import PoolSettings, open_database
from tests.acceptance.api.conftest import NOWHERE
from tests.api import Api, open_api

pytestmark = pytest.mark.one_store

GRAPHQL = "application/graphql-response+json"
QUERY = "query A($hide: Boolean = false) { __typename @skip(if: $hide) server { version } }"
MISS = "PersistedQueryNotFound"


@pytest.fixture
async def client(lone_api: Api) -> httpx.AsyncClient:
    return lone_api.client


def by_hash(query: str = QUERY, **more: Any) -> dict[str, Any]:
    """A request that holds but the hash."""
    digest = sha256(query.encode()).hexdigest()
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}, **more}


def in_full(query: str = QUERY, **more: Any) -> dict[str, Any]:
    return by_hash(query, **more) | {"query": query}


async def post(client: httpx.AsyncClient, body: dict[str, Any], accept: str = GRAPHQL) -> httpx.Response:
    return await client.post("/graphql", json=body, headers={"accept": accept})


async def get(client: httpx.AsyncClient, body: dict[str, Any], accept: str = GRAPHQL) -> httpx.Response:
    parameters = {name: part if isinstance(part, str) else json.dumps(part) for name, part in body.items()}
    return await client.get("/graphql", params=parameters, headers={"accept": accept})


@pytest.mark.parametrize("send", [post, get])
async def test_a_hash_is_unknown_until_the_query_came_with_it_and_then_stands_for_it(
    client: httpx.AsyncClient, send: Any
) -> None:
    unknown = await send(client, by_hash())
    full = await send(client, in_full())
    known = await send(client, by_hash())

    error = unknown.json()["errors"][0]
    assert (error["message"], error["extensions"]["code"]) == (MISS, "PERSISTED_QUERY_NOT_FOUND")
    assert full.json() == known.json() == {"data": full.json()["data"]}


async def test_what_came_by_post_is_known_by_get_with_variables_and_name_of_its_own(client: httpx.AsyncClient) -> None:
    await post(client, in_full())

    answer = await get(client, by_hash(variables={"hide": True}, operationName="A"))

    assert list(answer.json()["data"]) == ["server"]


async def test_an_unknown_hash_is_404_with_the_type_of_the_specification_and_200_as_plain_json(
    client: httpx.AsyncClient,
) -> None:
    for accept, status in ((GRAPHQL, 404), ("application/json", 200)):
        for send in (post, get):
            answer = await send(client, by_hash(), accept)

            assert (answer.status_code, answer.headers["content-type"]) == (status, accept)
            assert answer.headers["cache-control"] == "no-store"


async def test_a_browser_that_follows_a_link_with_a_hash_gets_the_answer(client: httpx.AsyncClient) -> None:
    await post(client, in_full())

    assert "data" in (await get(client, by_hash(), accept="text/html,*/*;q=0.8")).json()


async def test_the_answer_by_hash_can_be_kept(client: httpx.AsyncClient) -> None:
    await post(client, in_full())

    assert (await get(client, by_hash())).headers["etag"] == (await get(client, {"query": QUERY})).headers["etag"]


@pytest.mark.parametrize("query", ["{", "{ nothing }", "query($a: Int!) { __typename }", "subscription { a }"])
async def test_a_query_that_is_not_valid_is_not_kept(client: httpx.AsyncClient, query: str) -> None:
    await post(client, in_full(query))

    assert (await post(client, by_hash(query))).json()["errors"][0]["message"] == MISS


async def test_a_query_whose_fields_fail_is_kept(client: httpx.AsyncClient) -> None:
    query = '{ refreshRun(id: "x") { id } }'
    await post(client, in_full(query))

    assert (await post(client, by_hash(query))).json()["data"] == {"refreshRun": None}


async def test_a_mutation_stays_one_that_does_not_travel_by_get(client: httpx.AsyncClient) -> None:
    mutation = 'mutation { cancelRefresh(id: "x") { outcome } }'
    await post(client, in_full(mutation))

    assert "data" in (await post(client, by_hash(mutation))).json()
    assert (await get(client, by_hash(mutation))).status_code == 405


async def test_a_hash_of_something_else_is_refused_and_changes_nothing(client: httpx.AsyncClient) -> None:
    for wrong in (by_hash("{ other }"), by_hash()):
        refused = await post(client, wrong | {"query": QUERY if wrong != by_hash() else QUERY + " "})

        assert refused.status_code == 400
        assert "must be the SHA-256" in refused.json()["errors"][0]["message"]
    assert (await post(client, by_hash())).json()["errors"][0]["message"] == MISS


@pytest.mark.parametrize(
    "given",
    [
        5,
        "x",
        [],
        {},
        {"version": 1},
        {"version": 1, "sha256Hash": None},
        {"version": 1, "sha256Hash": ["a"]},
        {"version": 2, "sha256Hash": sha256(QUERY.encode()).hexdigest()},
        {"sha256Hash": sha256(QUERY.encode()).hexdigest()},
    ],
)
async def test_what_is_no_persisted_query_of_version_1_is_told_so(client: httpx.AsyncClient, given: Any) -> None:
    for query in ({}, {"query": QUERY}):
        answer = await post(client, {"extensions": {"persistedQuery": given}} | query)

        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_INPUT")
        assert "persistedQuery" in answer.json()["errors"][0]["message"]


async def test_null_and_other_extensions_change_nothing(client: httpx.AsyncClient) -> None:
    for extensions in ({"persistedQuery": None}, {"clientLibrary": {"name": "x"}}):
        assert "data" in (await post(client, {"query": QUERY, "extensions": extensions})).json()


async def test_two_processes_share_nothing_and_each_learns_for_itself(client: httpx.AsyncClient) -> None:
    await post(client, in_full())
    async with open_database(NOWHERE, PoolSettings(wait=0.2)) as database, open_api(database) as other:
        assert (await post(other.client, by_hash())).json()["errors"][0]["message"] == MISS
        await post(other.client, in_full())
        assert "data" in (await post(other.client, by_hash())).json()


async def test_a_stranger_is_told_nothing_where_reading_needs_a_token() -> None:
    async with (
        open_database(NOWHERE, PoolSettings(wait=0.2)) as database,
        open_api(database, require_token=True) as api,
    ):
        await post(api.client, in_full())
        del api.client.headers["authorization"]

        assert (await post(api.client, by_hash())).status_code == 401
