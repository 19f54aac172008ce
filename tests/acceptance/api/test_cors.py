"""Which other sites' pages may call the API from a browser: those that `PRICEGRAPH_CORS_ORIGINS` names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from db.pool import PoolSettings, open_database
from pricegraph.settings import SettingsError, read_settings
from tests.acceptance.api.conftest import NOWHERE
from tests.api import open_api

pytestmark = pytest.mark.one_store

APP = "https://app.example.com"
LOCAL = "http://localhost:5173"
STRANGER = "https://evil.example"
QUERY = {"query": "{ __typename }"}


@asynccontextmanager
async def allowing(origins: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token, of a server without a database: neither matters here."""
    async with (
        open_database(NOWHERE, PoolSettings(wait=0.2)) as database,
        open_api(database, cors_origins=origins) as api,
    ):
        del api.client.headers["authorization"]
        yield api.client


async def preflight(client: httpx.AsyncClient, origin: str, headers: str = "content-type") -> httpx.Response:
    """What a browser asks before it sends JSON to another site."""
    asked = {"access-control-request-method": "POST", "access-control-request-headers": headers}
    return await client.options("/graphql", headers={"origin": origin} | asked)


async def test_pages_of_the_named_origins_may_send_json_a_token_and_the_status_header() -> None:
    async with allowing(f"{APP}, {LOCAL}") as client:
        for origin in (APP, LOCAL):
            asked = await preflight(client, origin, "authorization,content-type,pricegraph-status")
            answer = await client.post("/graphql", json=QUERY, headers={"origin": origin})

            assert asked.status_code == 200
            assert asked.headers["access-control-allow-origin"] == origin
            assert "POST" in asked.headers["access-control-allow-methods"]
            assert answer.json() == {"data": {"__typename": "Query"}}
            assert answer.headers["access-control-allow-origin"] == origin
            assert "Origin" in answer.headers["vary"]


async def test_they_may_read_the_request_id_and_when_to_come_back() -> None:
    async with allowing(APP) as client:
        answer = await client.post("/graphql", json=QUERY, headers={"origin": APP})

    assert answer.headers["access-control-expose-headers"] == "etag, x-request-id, retry-after"


async def test_errors_can_be_read_too() -> None:
    async with allowing(APP) as client:
        answer = await client.post("/graphql", content=b"no JSON", headers={"origin": APP})

    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (415, APP)


@pytest.mark.parametrize("origins", [APP, ""])
async def test_pages_of_other_origins_may_not(origins: str) -> None:
    async with allowing(origins) as client:
        for origin in (STRANGER, f"{APP}.evil.example", "http://app.example.com", f"{APP}:8443", "null"):
            asked = await preflight(client, origin)
            answer = await client.post("/graphql", json=QUERY, headers={"origin": origin})

            assert asked.status_code in (400, 405)
            for response in (asked, answer):
                assert "access-control-allow-origin" not in response.headers, origin


async def test_a_header_that_the_api_does_not_know_is_refused() -> None:
    async with allowing(APP) as client:
        assert (await preflight(client, APP, "x-other")).status_code == 400


async def test_a_star_lets_every_page_in_and_none_with_cookies() -> None:
    async with allowing("*") as client:
        asked = await preflight(client, STRANGER, "authorization,content-type")
        answer = await client.post("/graphql", json=QUERY, headers={"origin": STRANGER, "cookie": "a=b"})

    for response in (asked, answer):
        assert response.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize(
    "origins",
    [
        "app.example.com",
        f"{APP}/",
        f"{APP}/path",
        f"{APP}:443",
        "http://app.example.com:80",
        "https://user@app.example.com",
        "https://*.example.com",
        "ftp://app.example.com",
        "null",
        f"{APP}, *x",
    ],
)
def test_an_origin_that_no_browser_sends_is_a_mistake_and_told(origins: str) -> None:
    with pytest.raises(SettingsError, match=r"PRICEGRAPH_CORS_ORIGINS: .*https://app\.example\.com.* no path"):
        read_settings(PRICEGRAPH_CORS_ORIGINS=origins)


@pytest.mark.parametrize("origins", [f"{APP},{LOCAL}", "HTTPS://App.Example.com:8443", "http://[::1]:3000", "*"])
def test_origins_read_as_browsers_write_them(origins: str) -> None:
    assert ",".join(read_settings(PRICEGRAPH_CORS_ORIGINS=origins).cors_origins) == origins.lower()
