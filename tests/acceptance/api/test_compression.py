"""Answers are compressed as the client takes it, and are the same in every encoding."""

from __future__ import annotations

import httpx
import pytest

from db.pool import PoolSettings, open_database
from tests.acceptance.api.conftest import NOWHERE
from tests.api import Api, open_api

ENCODINGS = ["zstd", "br", "gzip"]
TYPES = "__schema { types { name description fields { name description args { name description } } } }"
LARGE = {"query": f"{{ {TYPES} }}"}
# So large that a thread compresses it.
HUGE = {"query": "{ " + " ".join(f"a{number}: {TYPES}" for number in range(10)) + " }"}


@pytest.fixture
async def client(lone_api: Api) -> httpx.AsyncClient:
    lone_api.client.headers["accept-encoding"] = "identity"
    return lone_api.client


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("query", [LARGE, HUGE], ids=["large", "huge"])
async def test_a_large_answer_is_compressed_and_means_the_same(
    client: httpx.AsyncClient, encoding: str, query: dict[str, str]
) -> None:
    plain = await client.post("/graphql", json=query)
    encoded = await client.post("/graphql", json=query, headers={"accept-encoding": encoding})

    assert "content-encoding" not in plain.headers
    assert encoded.headers["content-encoding"] == encoding
    assert encoded.content == plain.content
    assert int(encoded.headers["content-length"]) == encoded.num_bytes_downloaded < len(plain.content) / 3


async def test_the_largest_answer_here_is_large_enough_for_a_thread(client: httpx.AsyncClient) -> None:
    assert len((await client.post("/graphql", json=HUGE)).content) > 200_000


async def test_a_small_answer_and_an_error_stay_as_they_are(client: httpx.AsyncClient) -> None:
    for query in ("{ __typename }", "{"):
        answer = await client.post("/graphql", json={"query": query}, headers={"accept-encoding": "gzip, br, zstd"})

        assert "content-encoding" not in answer.headers


async def test_browsers_of_today_get_zstandard_and_older_ones_brotli_or_gzip(client: httpx.AsyncClient) -> None:
    for taken, expected in (
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip, deflate", "gzip"),
    ):
        answer = await client.post("/graphql", json=LARGE, headers={"accept-encoding": taken})

        assert answer.headers["content-encoding"] == expected


async def test_an_encoding_that_is_refused_is_not_used(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json=LARGE, headers={"accept-encoding": "zstd;q=0, br;q=0.1, gzip;q=0.5"})

    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("query", [LARGE, {"query": "{ __typename }"}, {"query": "{"}])
async def test_caches_are_told_what_an_answer_depends_on_whether_it_is_compressed_or_not(
    client: httpx.AsyncClient, query: dict[str, str]
) -> None:
    for encoding in ("gzip", "identity"):
        for answer in (
            await client.post("/graphql", json=query, headers={"accept-encoding": encoding}),
            await client.get("/graphql", params=query, headers={"accept-encoding": encoding}),
        ):
            assert answer.headers["vary"] == "accept, accept-encoding"


async def test_what_cors_adds_to_it_stands_beside() -> None:
    async with (
        open_database(NOWHERE, PoolSettings(wait=0.2)) as database,
        open_api(database, cors_origins="https://app.example.com") as api,
    ):
        answer = await api.client.post("/graphql", json=LARGE, headers={"origin": "https://app.example.com"})

    assert {name.strip().lower() for name in answer.headers["vary"].split(",")} == {
        "accept",
        "accept-encoding",
        "origin",
    }


async def test_the_schema_is_compressed_too(client: httpx.AsyncClient) -> None:
    plain = await client.get("/schema.graphql")
    encoded = await client.get("/schema.graphql", headers={"accept-encoding": "br"})

    assert (encoded.headers["content-encoding"], encoded.text) == ("br", plain.text)
    assert plain.headers["vary"] == encoded.headers["vary"] == "accept-encoding"
