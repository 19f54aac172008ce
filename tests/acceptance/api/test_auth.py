"""Changes need a token that may make them; reading needs none."""

from __future__ import annotations

import hmac
from hashlib import sha256

import pytest

from db.pool import Database
from db.tokens import Scope, create_token, revoke_token
from tests.api import OPERATOR_TOKEN, Api, add_coins, execute
from tests.world import NOW

REFRESH = """
mutation {
  refreshPrices(input: { coins: ["coin-1"], currencies: ["usd"], from: "now-2d" }) { outcome errors { code message } }
}
"""
OUTCOME = {"pricegraph-status": "outcome"}


async def make_token(database: Database, name: str = "cron", *scopes: Scope) -> str:
    async with database.connection() as connection:
        return await create_token(connection, name, scopes, NOW)


@pytest.fixture
async def stranger(api: Api, database: Database) -> Api:
    """A client without a token."""
    await add_coins(database, 1)
    del api.client.headers["authorization"]
    return api


async def refresh(api: Api, authorization: str | None) -> tuple[str, str | None, int]:
    """Outcome, error code, and the status for a script that asks for the outcome."""
    headers = {"authorization": authorization} if authorization is not None else {}
    body = (await api.post(REFRESH, headers=headers)).json()
    answer = await api.post(REFRESH, headers=headers | OUTCOME)
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
    if "data" not in body:
        return "", body["errors"][0]["extensions"]["code"], answer.status_code
    payload = body["data"]["refreshPrices"]
    return payload["outcome"], payload["errors"][0]["code"] if payload["errors"] else None, answer.status_code


async def test_without_a_token_a_refresh_is_refused(stranger: Api, database: Database) -> None:
    assert await refresh(stranger, None) == ("REJECTED", "UNAUTHENTICATED", 401)
    assert await execute(database, "select count(*) from refresh_runs") == [(0,)]


UNKNOWN = [
    "Bearer pg_unknown",
    f"Basic {OPERATOR_TOKEN}",
    OPERATOR_TOKEN,
    "Bearer",
    "Bearer ",
    "",
    f"Bearer {OPERATOR_TOKEN}x",
    f"Bearer {OPERATOR_TOKEN[:-1]}",
    f"Bearer {OPERATOR_TOKEN.upper()}",
    "Bearer tökén",
    "Bearer \x7f",
    "Bearer " + "x" * 20_000,
    f"Bearer {OPERATOR_TOKEN}, Bearer {OPERATOR_TOKEN}",
]


async def test_credentials_that_nobody_knows_are_refused_even_for_reading(stranger: Api) -> None:
    """Whoever sends a token expects it to count: a typing error is not taken for a stranger."""
    for authorization in UNKNOWN:
        for query in (REFRESH, "{ __typename }"):
            answer = await stranger.client.post(
                "/graphql", json={"query": query}, headers=[(b"authorization", authorization.encode("latin-1"))]
            )

            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), authorization
            (error,) = answer.json()["errors"]
            assert error["extensions"]["code"] == "UNAUTHENTICATED"
            assert OPERATOR_TOKEN not in answer.text


async def test_the_operators_token_may_do_everything_however_the_scheme_is_written(stranger: Api) -> None:
    assert await refresh(stranger, f"Bearer {OPERATOR_TOKEN}") == ("STARTED", None, 200)
    for scheme in ("bearer", "BEARER", "Bearer "):
        assert await refresh(stranger, f"{scheme} {OPERATOR_TOKEN}") == ("JOINED", None, 200)


async def test_a_token_with_the_scope_may_refresh_until_it_is_revoked(stranger: Api, database: Database) -> None:
    token = await make_token(database, "cron", Scope.REFRESH)
    assert (await refresh(stranger, f"Bearer {token}"))[1:] == (None, 200)

    async with database.connection() as connection:
        assert await revoke_token(connection, "cron", NOW)

    assert await refresh(stranger, f"Bearer {token}") == ("", "UNAUTHENTICATED", 401)


async def test_a_token_without_the_scope_may_not(stranger: Api, database: Database) -> None:
    token = await make_token(database, "reader")

    assert await refresh(stranger, f"Bearer {token}") == ("REJECTED", "FORBIDDEN", 403)
    reading = await stranger.post("{ coins { totalCount } }", headers={"authorization": f"Bearer {token}"})
    assert reading.json() == {"data": {"coins": {"totalCount": 1}}}


async def test_reading_is_open_to_strangers(stranger: Api) -> None:
    assert await stranger.ask("{ coins { nodes { slug } } refreshRuns { totalCount } }") == {
        "coins": {"nodes": [{"slug": "coin-1"}]},
        "refreshRuns": {"totalCount": 0},
    }


async def test_a_refusal_says_how_to_get_on(stranger: Api, database: Database) -> None:
    missing = (await stranger.ask(REFRESH))["refreshPrices"]["errors"][0]["message"]
    unknown = await stranger.post(REFRESH, headers={"authorization": "Bearer x"})

    assert "Authorization: Bearer <token>" in missing
    assert "REFRESH" in missing
    assert "pricegraph token create" in unknown.text


async def test_idempotency_keys_of_two_tokens_are_two_keys(stranger: Api, database: Database) -> None:
    query = 'mutation { refreshPrices(input: { idempotencyKey: "same", coins: ["coin-1"] }) { run { id } } }'
    tokens = [await make_token(database, name, Scope.REFRESH) for name in ("one", "two")]

    answers = [await stranger.post(query, headers={"authorization": f"Bearer {token}"}) for token in tokens]

    assert len({answer.json()["data"]["refreshPrices"]["run"]["id"] for answer in answers}) == 2


async def test_the_database_holds_hashes_of_tokens_only(stranger: Api, database: Database) -> None:
    token = await make_token(database, "cron", Scope.REFRESH)
    await refresh(stranger, f"Bearer {token}")
    await refresh(stranger, f"Bearer {OPERATOR_TOKEN}")

    tables = [
        name
        for (name,) in await execute(
            database, "select table_name from information_schema.tables where table_schema = 'public'"
        )
    ]
    assert "api_tokens" in tables
    everything = [str(await execute(database, f'select t::text from "{name}" t')) for name in tables]
    for secret in (token, token.removeprefix("pg_"), OPERATOR_TOKEN):
        assert not any(secret in text or secret.encode().hex() in text for text in everything)
    assert any(sha256(token.encode()).hexdigest() in text for text in everything)


async def test_the_operators_token_is_compared_in_constant_time(stranger: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def spy(a: bytes, b: bytes) -> bool:
        compared.append((a, b))
        return compare(a, b)

    monkeypatch.setattr(hmac, "compare_digest", spy)
    await stranger.post("{ __typename }", headers={"authorization": "Bearer guess"})

    assert compared == [(b"guess", OPERATOR_TOKEN.encode())]
