"""What a token for portfolios cannot do to the server and to others, however much it asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from db.pool import Database, PoolSettings, open_database
from tests.api import execute
from tests.portfolios import ADD_ACCOUNT, CREATE, MANUAL, PRIVATE_KEY, Person, open_person

pytestmark = pytest.mark.slow

IMPORTS = """
mutation($input: ImportTransactionsInput!) {
  a: importTransactions(input: $input) { errors { code } }
  b: importTransactions(input: $input) { errors { code field } }
}
"""
DELETE = "mutation($ids: [ID!]!) { deleteTransactions(ids: $ids) { ids } }"


@pytest.fixture
async def alice(database: Database) -> AsyncIterator[Person]:
    async with open_person(database, "alice") as person:
        yield person


def coinbase(portfolio: str, **source: object) -> dict[str, object]:
    return {"portfolio": portfolio, "label": "exchange", "source": {"coinbase": source}}


@pytest.mark.parametrize("name", [{"name": PRIVATE_KEY}, [PRIVATE_KEY]])
async def test_a_key_that_stands_in_the_wrong_place_is_not_answered(alice: Person, name: object) -> None:
    given = coinbase(await alice.create_portfolio(), keyName=name, privateKey=PRIVATE_KEY)

    answer = await alice.api.post(ADD_ACCOUNT, {"input": given})

    assert "String cannot represent a non string value." in answer.text
    assert PRIVATE_KEY.splitlines()[1] not in answer.text


async def test_what_follows_a_key_is_not_stored_without_end(alice: Person, database: Database) -> None:
    given = coinbase(await alice.create_portfolio(), keyName="key", privateKey=PRIVATE_KEY + "x" * 10_000)

    answer = await alice.api.post(ADD_ACCOUNT, {"input": given})

    assert "a Secret has at most 10,000 characters" in answer.text
    assert "xxx" not in answer.text
    assert await execute(database, "select from accounts") == []


async def test_only_a_file_makes_a_body_of_megabytes(alice: Person) -> None:
    longs = await alice.api.post("{ __typename }", {"text": "x" * 2_000_000})
    many = await alice.api.post(DELETE, {"ids": ["1"] * 400_000})
    query = await alice.api.post("{ __typename }" + " " * 1_000_000)

    assert longs.status_code == 200
    assert (many.status_code, many.json()["errors"][0]["extensions"]["code"]) == (413, "COST_EXCEEDED")
    assert (query.status_code, query.json()["errors"][0]["extensions"]["code"]) == (413, "COST_EXCEEDED")


async def test_a_file_counts_as_often_as_it_is_read(alice: Person) -> None:
    account = await alice.add_account(await alice.create_portfolio())

    payloads = await alice.ask(IMPORTS, input={"account": account, "csv": "x" * 6_000_000})

    assert payloads["a"]["errors"][0]["code"] == "BAD_INPUT"
    assert payloads["b"]["errors"] == [{"code": "COST_EXCEEDED", "field": ["input", "csv"]}]


async def test_an_owner_has_at_most_100_portfolios(alice: Person, database: Database) -> None:
    portfolios = "insert into portfolios (owner, name, currency_id, created_at)"
    await execute(database, f"{portfolios} select 'alice', i, 1, now() from generate_series(1, 99) i")
    await execute(database, f"{portfolios} select 'bob', i, 1, now() from generate_series(1, 99) i")

    assert (await alice.change(CREATE, name="the last"))["errors"] == []
    [error] = (await alice.change(CREATE, name="one more"))["errors"]

    assert (error["code"], error["field"]) == ("COST_EXCEEDED", None)


async def test_an_owner_has_at_most_1000_accounts(alice: Person, database: Database) -> None:
    one, other = await alice.create_portfolio(name="one"), await alice.create_portfolio(name="other")
    await alice.add_account(other)
    await add_accounts(database, 998)

    await alice.add_account(one, label="the last")
    given = {"portfolio": one, "label": "one more", "source": MANUAL}
    [error] = (await alice.change(ADD_ACCOUNT, input=given))["errors"]

    assert (error["code"], error["retryable"]) == ("COST_EXCEEDED", False)


async def test_the_syncs_of_many_accounts_cost_what_they_are(alice: Person, database: Database) -> None:
    await alice.create_portfolio()
    await add_accounts(database, 101)

    await alice.ask("{ portfolios { accounts { syncs { id } } } }")
    error = await alice.api.fail("{ portfolios { accounts { syncs(first: 1000) { id } } } }")

    assert error["extensions"]["code"] == "COST_EXCEEDED"


async def add_accounts(database: Database, count: int) -> None:
    """To the oldest portfolio."""
    await execute(
        database,
        "insert into accounts (portfolio_id, kind, label, created_at) "
        "select (select min(id) from portfolios), 'MANUAL', 'account ' || i, now() from generate_series(1, %s) i",
        count,
    )


@pytest.mark.parametrize("name", ["two\nlines", "\x1b[2Jgone", "tab\there", "par\u2029agraph"])
async def test_a_name_is_one_line_without_control_characters(alice: Person, name: str) -> None:
    portfolio = await alice.create_portfolio()

    for payload in (
        await alice.change(CREATE, name=name),
        await alice.change(ADD_ACCOUNT, input={"portfolio": portfolio, "label": name, "source": MANUAL}),
    ):
        assert [error["code"] for error in payload["errors"]] == ["BAD_INPUT"]


async def test_a_private_answer_is_kept_by_no_cache(alice: Person) -> None:
    await alice.create_portfolio()

    private = await alice.api.client.get("/graphql", params={"query": "{ portfolios { name } }"})
    public = await alice.api.client.get("/graphql", params={"query": "{ __typename }"})

    assert (private.status_code, private.headers["cache-control"]) == (200, "no-store")
    assert "etag" not in private.headers
    assert (public.headers["cache-control"], "etag" in public.headers) == ("private, no-cache", True)


async def test_one_request_leaves_connections_to_others(database: Database, database_url: str) -> None:
    async with open_person(database, "alice") as alice:
        await alice.create_portfolio()
    headers = alice.api.client.headers
    async with open_database(database_url, PoolSettings(min_size=1, max_size=10)) as own:
        async with open_person(own, "another", owner="alice") as person:
            person.api.client.headers["authorization"] = headers["authorization"]
            aliases = " ".join(f'h{i}: holdings(at: "now-{i}d") {{ quantity }}' for i in range(30))
            await person.ask(f"{{ portfolios {{ {aliases} }} }}")

        assert own.pool.get_stats()["pool_size"] <= 4
