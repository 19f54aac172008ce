"""With `PRICEGRAPH_REQUIRE_TOKEN`, reading needs a token too."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from db.pool import Database
from db.tokens import Scope, create_token
from pricegraph.settings import SettingsError, read_settings
from tests.api import OPERATOR_TOKEN, Api, open_api
from tests.world import NOW

pytestmark = pytest.mark.one_store

TYPENAME = "{ __typename }"
JSON = "application/json"
GRAPHQL = "application/graphql-response+json"


@pytest.fixture
async def closed(database: Database) -> AsyncIterator[Api]:
    """A client without a token, of a server that wants one."""
    async with open_api(database, require_token="true") as api:
        del api.client.headers["authorization"]
        yield api


async def test_without_a_token_nothing_is_answered_whatever_is_asked(closed: Api) -> None:
    introspection = "{ __schema { queryType { name } } }"
    bodies: list[object] = [{"query": TYPENAME}, {"query": introspection}, {"query": "{"}, [], "nonsense"]
    for accept in (JSON, GRAPHQL):
        for content in bodies:
            answer = await closed.client.post("/graphql", json=content, headers={"accept": accept})

            assert (answer.status_code, answer.headers["content-type"]) == (401, accept)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "data" not in answer.json()
            (error,) = answer.json()["errors"]
            assert error["extensions"]["code"] == "UNAUTHENTICATED"
            assert "Authorization: Bearer <token>" in error["message"]
    assert (await closed.client.get("/graphql", params={"query": TYPENAME})).status_code == 401


async def test_every_known_token_may_read_even_one_without_a_scope(closed: Api, database: Database) -> None:
    async with database.connection() as connection:
        reader = await create_token(connection, "reader", [], NOW)
        refresher = await create_token(connection, "refresher", [Scope.REFRESH], NOW)

    for token in (reader, refresher, OPERATOR_TOKEN):
        answer = await closed.post(TYPENAME, headers={"authorization": f"Bearer {token}"})
        assert answer.json() == {"data": {"__typename": "Query"}}
    for token in ("pg_unknown", ""):
        assert (await closed.post(TYPENAME, headers={"authorization": f"Bearer {token}"})).status_code == 401


async def test_health_pages_and_schema_stay_open(closed: Api) -> None:
    """GraphiQL must load before anybody can put a token into it."""
    for path in ("/healthz", "/readyz", "/", "/graphiql", "/schema.graphql"):
        assert (await closed.client.get(path)).status_code == 200, path
    browser = await closed.client.get("/graphql", headers={"accept": "text/html"})
    assert (browser.status_code, browser.headers["location"]) == (303, "/graphiql")


@pytest.mark.parametrize(("written", "required"), [("true", True), ("1", True), ("false", False), ("", False)])
async def test_it_is_off_unless_switched_on(monkeypatch: pytest.MonkeyPatch, written: str, required: bool) -> None:
    monkeypatch.setenv("PRICEGRAPH_REQUIRE_TOKEN", written)

    assert read_settings().require_token is required


def test_a_word_that_is_neither_yes_nor_no_is_a_mistake_and_told() -> None:
    with pytest.raises(SettingsError, match="PRICEGRAPH_REQUIRE_TOKEN"):
        read_settings(PRICEGRAPH_REQUIRE_TOKEN="perhaps")
