"""Answers to GET can be kept, and are asked about before they are used again: ETag, If-None-Match, 304."""

from __future__ import annotations

import httpx
import pytest

from db.pool import Database
from tests.api import Api, add_coins, execute

VERSION = {"query": "{ server { version } }"}
COINS = {"query": "{ coins { nodes { slug name } } }"}
LARGE = {"query": "{ __schema { types { name description } } }"}


@pytest.fixture
async def client(lone_api: Api) -> httpx.AsyncClient:
    return lone_api.client


def tag(answer: httpx.Response) -> str:
    return answer.headers["etag"]


async def ask_again(client: httpx.AsyncClient, if_none_match: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.get("/graphql", params=VERSION, headers={"if-none-match": if_none_match} | named)


async def test_a_client_that_has_the_answer_gets_304_without_it(client: httpx.AsyncClient) -> None:
    first = await client.get("/graphql", params=VERSION)

    again = await ask_again(client, tag(first))

    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    for name in ("etag", "vary", "cache-control"):
        assert again.headers[name] == first.headers[name]
    assert "content-type" not in again.headers
    assert "content-length" not in again.headers


async def test_each_use_is_preceded_by_a_question_and_no_cache_for_several_keeps_it(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphql", params=VERSION)

    assert answer.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    "form", ["{tag}", "{strong}", "*", '"other", {tag}', '{tag},"other"', ' W/"a,b" ,{tag}', '"", {strong}']
)
async def test_a_list_of_tags_a_star_and_a_strong_tag_match_weakly(client: httpx.AsyncClient, form: str) -> None:
    weak = tag(await client.get("/graphql", params=VERSION))

    again = await ask_again(client, form.format(tag=weak, strong=weak.removeprefix("W/")))

    assert again.status_code == 304


@pytest.mark.parametrize("form", ["", '"other"', 'W/"other", "more"', "{bare}", '"{bare}x"', "garbage", '"*"'])
async def test_any_other_tag_gets_the_answer(client: httpx.AsyncClient, form: str) -> None:
    bare = tag(await client.get("/graphql", params=VERSION)).removeprefix('W/"').removesuffix('"')

    again = await ask_again(client, form.format(bare=bare))

    assert (again.status_code, list(again.json())) == (200, ["data"])


async def test_a_tag_in_a_second_header_counts_too(client: httpx.AsyncClient) -> None:
    known = tag(await client.get("/graphql", params=VERSION))

    again = await client.get(
        "/graphql", params=VERSION, headers=[("if-none-match", '"other"'), ("if-none-match", known)]
    )

    assert again.status_code == 304


async def test_a_tag_stands_for_the_answer_in_every_encoding_but_not_in_every_type(client: httpx.AsyncClient) -> None:
    async def tag_of(**headers: str) -> str:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return tag(await client.get("/graphql", params=LARGE, headers=named))

    assert await tag_of(accept_encoding="gzip") == await tag_of(accept_encoding="identity")
    assert await tag_of(accept="application/json") != await tag_of(accept="application/graphql-response+json")


async def test_the_tag_changes_with_the_data(api: Api, database: Database) -> None:
    await add_coins(database, 2)
    before = await api.client.get("/graphql", params=COINS)
    unchanged = await api.client.get("/graphql", params=COINS, headers={"if-none-match": tag(before)})
    await execute(database, "update coins set name = 'Renamed' where id = 1")

    changed = await api.client.get("/graphql", params=COINS, headers={"if-none-match": tag(before)})

    assert (unchanged.status_code, changed.status_code) == (304, 200)
    assert "Renamed" in changed.text


@pytest.mark.parametrize("query", ["{", "{ nothing }", '{ refreshRun(id: "x") { id } }'])
async def test_an_answer_with_errors_is_kept_by_nobody(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get("/graphql", params={"query": query}, headers={"if-none-match": "*"})

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert "etag" not in answer.headers


async def test_an_answer_to_post_is_kept_by_nobody(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json=VERSION, headers={"if-none-match": "*"})

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert "etag" not in answer.headers


async def test_the_schema_has_a_tag_too(client: httpx.AsyncClient) -> None:
    first = await client.get("/schema.graphql")

    again = await client.get("/schema.graphql", headers={"if-none-match": tag(first)})

    assert (first.headers["cache-control"], again.status_code, again.content) == ("no-cache", 304, b"")
    assert again.headers["vary"] == first.headers["vary"] == "accept-encoding"
