"""Portfolios and their accounts: made, named, read, deleted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest

from db.pool import Database
from db.tokens import Scope
from tests.api import add_coins, execute, iso
from tests.portfolios import (
    ADD_ACCOUNT,
    ADDRESS,
    BITCOIN,
    COINBASE,
    CREATE,
    KEY_NAME,
    MANUAL,
    PRIVATE_KEY,
    Person,
    open_person,
)
from tests.world import NOW

pytestmark = pytest.mark.one_store

ACCOUNTS = """
{
  portfolios {
    name
    accounts {
      __typename label status problem lastSyncedAt createdAt
      ... on CoinbaseAccount { keyName unknownAssets { code quantity seenAt } }
      ... on BitcoinAccount { address }
      reconciliation { coin { slug } currency { code } derived reported difference checkedAt }
      syncs { status createdAt startedAt finishedAt resumesAt requests transactionsNew error { code message } exitCode }
    }
  }
}
"""
RENAME = """
mutation($id: ID!, $name: String!) {
  renamePortfolio(id: $id, name: $name) { portfolio { name } errors { code field } }
}
"""
DELETE = "mutation($id: ID!) { deletePortfolio(id: $id) { ids errors { code } } }"
REMOVE = "mutation($id: ID!) { removeAccount(id: $id) { ids errors { code } } }"
REPLACE = """
mutation($input: ReplaceKeyInput!) {
  replaceCoinbaseKey(input: $input) {
    account { status ... on CoinbaseAccount { keyName } } errors { code message field }
  }
}
"""


@pytest.fixture
async def alice(database: Database) -> AsyncIterator[Person]:
    await add_coins(database, 3)
    async with open_person(database, "alice") as alice:
        yield alice


async def add(alice: Person, **given: Any) -> dict[str, Any]:
    payload = await alice.change(ADD_ACCOUNT, input=given)
    return payload["errors"][0] if payload["errors"] else {}


async def test_a_portfolio_is_made_named_and_deleted(alice: Person) -> None:
    made = await alice.change(CREATE, name=" savings ", currency="EUR")
    id_ = made["portfolio"]["id"]
    assert made["portfolio"] == {"id": id_, "name": "savings", "currency": {"code": "eur"}, "createdAt": iso(NOW)}

    assert (await alice.change(RENAME, id=id_, name="pension"))["portfolio"] == {"name": "pension"}
    found = await alice.ask("query($id: ID!) { portfolio(id: $id) { name accounts { id } } }", id=id_)
    assert found == {"portfolio": {"name": "pension", "accounts": []}}

    assert await alice.change(DELETE, id=id_) == {"ids": [id_], "errors": []}
    assert await alice.ask("{ portfolios { id } }") == {"portfolios": []}
    assert [one["code"] for one in (await alice.change(DELETE, id=id_))["errors"]] == ["NOT_FOUND"]


REFUSED_PORTFOLIOS: list[tuple[dict[str, Any], str, str]] = [
    ({"name": " "}, "BAD_INPUT", "name"),
    ({"name": "x" * 201}, "BAD_INPUT", "name"),
    ({"name": "a\0b"}, "BAD_INPUT", "name"),
    ({"currency": "kitten"}, "NOT_FOUND", "currency"),
    ({"name": "taken"}, "CONFLICT", "name"),
]


async def test_a_portfolio_that_cannot_be_made_is_refused_in_words(alice: Person, subtests: pytest.Subtests) -> None:
    await alice.create_portfolio(name="taken")

    for given, code, field in REFUSED_PORTFOLIOS:
        with subtests.test(given=given):
            [error] = (await alice.change(CREATE, **given))["errors"]
            assert (error["code"], error["field"]) == (code, [field])


async def test_names_are_unique_for_each_owner_only(alice: Person, database: Database) -> None:
    first, second = await alice.create_portfolio(name="a"), await alice.create_portfolio(name="b")
    assert first != second

    assert [one["code"] for one in (await alice.change(RENAME, id=second, name="a"))["errors"]] == ["CONFLICT"]
    async with open_person(database, "bob") as bob:
        await bob.create_portfolio(name="a")


async def test_each_kind_of_account_shows_what_it_is_and_nothing_of_its_key(alice: Person, database: Database) -> None:
    portfolio = await alice.create_portfolio()
    for label, source in (("cold", MANUAL), ("chain", BITCOIN), ("exchange", COINBASE)):
        await alice.add_account(portfolio, source, label)

    answer = await alice.api.post(ACCOUNTS)
    manual, bitcoin, coinbase = answer.json()["data"]["portfolios"][0]["accounts"]

    assert (manual["__typename"], manual["status"], manual["syncs"]) == ("ManualAccount", "OK", [])
    assert (bitcoin["__typename"], bitcoin["status"], bitcoin["address"]) == ("BitcoinAccount", "SYNCING", ADDRESS)
    assert (coinbase["__typename"], coinbase["keyName"]) == ("CoinbaseAccount", KEY_NAME)
    assert [one["status"] for one in bitcoin["syncs"] + coinbase["syncs"]] == ["QUEUED", "QUEUED"]
    [(secret,)] = await execute(database, "select secret from accounts where secret is not null")
    for text in (answer.text, str(secret), secret.hex()):
        assert PRIVATE_KEY.splitlines()[1] not in text
    assert "PRIVATE KEY" not in answer.text


REFUSED_ACCOUNTS: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"label": ""}, "BAD_INPUT", ["input", "label"]),
    ({"label": "cold"}, "CONFLICT", ["input", "label"]),
    ({"source": {"manual": False}}, "BAD_INPUT", ["input", "source", "manual"]),
    ({"source": {"bitcoin": {"address": "bc1qq"}}}, "BAD_INPUT", ["input", "source", "bitcoin", "address"]),
    ({"source": {"bitcoin": {"address": ADDRESS.upper()}}}, "CONFLICT", ["input", "source"]),
    (
        {"source": {"coinbase": {"keyName": "k", "privateKey": "-----BEGIN kitten"}}},
        "BAD_INPUT",
        ["input", "source", "coinbase", "privateKey"],
    ),
    (
        {"source": {"coinbase": {"keyName": "", "privateKey": PRIVATE_KEY}}},
        "BAD_INPUT",
        ["input", "source", "coinbase", "keyName"],
    ),
    ({"portfolio": "UG9ydGZvbGlvOjk5"}, "NOT_FOUND", ["input", "portfolio"]),
]


async def test_an_account_that_cannot_be_added_is_refused_in_words(alice: Person, subtests: pytest.Subtests) -> None:
    portfolio = await alice.create_portfolio()
    await alice.add_account(portfolio)
    await alice.add_account(portfolio, BITCOIN, "chain")

    for given, code, field in REFUSED_ACCOUNTS:
        with subtests.test(given=given):
            error = await add(alice, **({"portfolio": portfolio, "label": "new", "source": MANUAL} | given))
            assert (error["code"], error["field"]) == (code, field)
            assert "kitten" not in error["message"]


async def test_an_address_that_two_requests_add_at_once_is_added_once(alice: Person) -> None:
    portfolio = await alice.create_portfolio()
    wanted = [{"portfolio": portfolio, "label": label, "source": BITCOIN} for label in "abcd"]

    refused = await asyncio.gather(*(add(alice, **one) for one in wanted))

    assert sorted(error.get("code", "") for error in refused) == ["", "CONFLICT", "CONFLICT", "CONFLICT"]


async def test_without_an_encryption_key_no_key_is_taken(database: Database) -> None:
    async with open_person(database, "alice", encryption_key=None) as alice:
        portfolio = await alice.create_portfolio()

        error = await add(alice, portfolio=portfolio, label="exchange", source=COINBASE)

    assert error["code"] == "NOT_CONFIGURED"
    assert "PRICEGRAPH_ENCRYPTION_KEY" in error["message"]
    assert await execute(database, "select 1 from accounts") == []


async def test_another_key_ends_what_the_old_one_was_refused_for(alice: Person, database: Database) -> None:
    account = await alice.add_account(await alice.create_portfolio(), COINBASE)
    [(old,)] = await execute(database, "select secret from accounts")
    await execute(database, "update sync_runs set status = 'FAILED', finished_at = now()")
    await execute(database, "update accounts set status = 'AUTH_FAILED', problem = 'refused'")

    given = {"account": account, "keyName": "organizations/1/apiKeys/3", "privateKey": PRIVATE_KEY}
    payload = await alice.change(REPLACE, input=given)

    assert payload == {"account": {"status": "SYNCING", "keyName": "organizations/1/apiKeys/3"}, "errors": []}
    assert await execute(database, "select status, problem from accounts") == [("OK", None)]
    assert (await execute(database, "select secret from accounts"))[0] != (old,)


async def test_only_coinbase_accounts_have_a_key_to_replace(alice: Person) -> None:
    account = await alice.add_account(await alice.create_portfolio(), BITCOIN)

    payload = await alice.change(REPLACE, input={"account": account, "keyName": "k", "privateKey": PRIVATE_KEY})

    assert [error["code"] for error in payload["errors"]] == ["NOT_FOUND"]


async def test_an_account_is_removed_with_all_that_it_has(alice: Person, database: Database) -> None:
    account = await alice.add_account(await alice.create_portfolio(), COINBASE)
    await execute(database, "insert into unknown_assets select id, 'WAT', 1.50, %s from accounts", NOW)

    assert await alice.change(REMOVE, id=account) == {"ids": [account], "errors": []}

    for table in ("accounts", "sync_runs", "unknown_assets"):
        assert await execute(database, f"select 1 from {table}") == []


STATUSES = [
    ("OK", 1, False, "OK"),
    ("OK", 27, False, "STALE"),
    ("OK", None, False, "STALE"),
    ("OK", None, True, "SYNCING"),
    ("AUTH_FAILED", 27, False, "AUTH_FAILED"),
    ("AUTH_FAILED", 1, True, "SYNCING"),
    ("INCOMPLETE", 1, False, "INCOMPLETE"),
    ("ERROR", None, False, "ERROR"),
]


async def test_the_status_of_an_account_follows_from_its_syncs_and_the_clock(
    alice: Person, database: Database, subtests: pytest.Subtests
) -> None:
    await alice.add_account(await alice.create_portfolio(), BITCOIN)

    for stored, hours, is_open, shown in STATUSES:
        with subtests.test(stored=stored, hours=hours, is_open=is_open):
            at = NOW - timedelta(hours=hours) if hours else None
            await execute(database, "update accounts set status = %s, last_synced_at = %s", stored, at)
            await execute(database, "update sync_runs set finished_at = %s", None if is_open else NOW)

            found = await alice.ask("{ portfolios { accounts { status lastSyncedAt } } }")

            assert found["portfolios"][0]["accounts"] == [{"status": shown, "lastSyncedAt": iso(at) if at else None}]


async def test_reconciliation_sets_what_follows_from_transactions_against_what_was_reported(
    alice: Person, database: Database
) -> None:
    await alice.add_account(await alice.create_portfolio(), BITCOIN)
    await execute(database, "insert into assets (coin_id) select id from coins where slug = 'coin-1'")
    await execute(database, "insert into assets (currency_id) select id from currencies where code = 'eur'")
    await execute(database, "update accounts set last_synced_at = %s", NOW)
    for hours, kind, quantity in ((5, "DEPOSIT", "1.5"), (4, "WITHDRAWAL", "0.25"), (1, "DEPOSIT", "9")):
        await execute(
            database,
            "insert into transactions (account_id, asset_id, kind, at, quantity, created_at) "
            "select a.id, s.id, %s, %s, %s, now() from accounts a, assets s where s.coin_id is not null",
            kind,
            NOW - timedelta(hours=hours),
            quantity,
        )
    for hours, quantity in ((6, "7"), (2, "1.3")):
        await execute(
            database,
            "insert into balances select a.id, s.id, %s, %s from accounts a, assets s",
            NOW - timedelta(hours=hours),
            quantity,
        )

    found = (await alice.ask(ACCOUNTS))["portfolios"][0]["accounts"][0]["reconciliation"]

    common = {"reported": "1.3", "checkedAt": iso(NOW)}
    assert found == [
        {"coin": {"slug": "coin-1"}, "currency": None, "derived": "1.25", "difference": "0.05"} | common,
        {"coin": None, "currency": {"code": "eur"}, "derived": "0", "difference": "1.3"} | common,
    ]


async def test_unknown_assets_are_told_by_the_sources_name(alice: Person, database: Database) -> None:
    await alice.add_account(await alice.create_portfolio(), COINBASE)
    await execute(database, "insert into unknown_assets select id, 'WAT', 1.50, %s from accounts", NOW)

    [found] = (await alice.ask(ACCOUNTS))["portfolios"][0]["accounts"]

    assert found["unknownAssets"] == [{"code": "WAT", "quantity": "1.5", "seenAt": iso(NOW)}]


async def test_reading_and_writing_are_two_scopes(database: Database) -> None:
    async with (
        open_person(database, "reader", Scope.PORTFOLIO_READ, owner="alice") as reader,
        open_person(database, "writer", Scope.PORTFOLIO_WRITE, owner="alice") as writer,
        open_person(database, "neither", Scope.ADMIN, owner="alice") as neither,
    ):
        await writer.create_portfolio()
        assert [error["code"] for error in (await reader.change(CREATE, name="x"))["errors"]] == ["FORBIDDEN"]
        assert len((await reader.ask("{ portfolios { id } }"))["portfolios"]) == 1
        for person in (writer, neither):
            error = await person.api.fail("{ portfolios { id } }")
            assert error["extensions"]["code"] == "FORBIDDEN"
            assert "PORTFOLIO_READ" in error["message"]
        del reader.api.client.headers["authorization"]
        for query in ("{ portfolios { id } }", '{ node(id: "UG9ydGZvbGlvOjE") { id } }'):
            assert (await reader.api.fail(query))["extensions"]["code"] == "UNAUTHENTICATED"


async def test_several_mutations_of_one_request_see_what_the_ones_before_have_done(alice: Person) -> None:
    portfolio = await alice.create_portfolio()
    await alice.add_account(portfolio)

    answer = await alice.ask(
        """
        mutation($id: ID!, $input: AddAccountInput!) {
          before: renamePortfolio(id: $id, name: "a") { portfolio { accounts { label } } }
          addAccount(input: $input) { account { label } }
          after: renamePortfolio(id: $id, name: "b") { portfolio { accounts { label } } }
        }
        """,
        id=portfolio,
        input={"portfolio": portfolio, "label": "warm", "source": MANUAL},
    )

    assert [one["label"] for one in answer["before"]["portfolio"]["accounts"]] == ["cold"]
    assert [one["label"] for one in answer["after"]["portfolio"]["accounts"]] == ["cold", "warm"]


# Of a key that is given in the wrong place, or in the wrong form.
MISTAKES: list[object] = [
    COINBASE | BITCOIN,
    {"coinbase": {"privateKey": PRIVATE_KEY}},
    {"coinbase": {"keyName": KEY_NAME, "privatKey": PRIVATE_KEY}},
    {"coinbase": {"keyName": KEY_NAME, "privateKey": [PRIVATE_KEY]}},
    {"coinbase": {"keyName": KEY_NAME, "privateKey": {"pem": PRIVATE_KEY}}},
    {"coinbase": {"keyName": KEY_NAME, "privateKey": PRIVATE_KEY[:-60]}},
    {"coinbase": PRIVATE_KEY},
    {"bitcoin": PRIVATE_KEY},
    {"bitcoin": {"address": PRIVATE_KEY}},
    PRIVATE_KEY,
]


async def test_no_error_repeats_a_key(alice: Person, capfd: pytest.CaptureFixture[str]) -> None:
    portfolio = await alice.create_portfolio()
    secret = PRIVATE_KEY.splitlines()[1]

    for source in MISTAKES:
        answer = await alice.api.post(ADD_ACCOUNT, {"input": {"portfolio": portfolio, "label": "x", "source": source}})
        assert "BAD_INPUT" in answer.text
        assert secret not in answer.text
        written = ADD_ACCOUNT.replace("$input: AddAccountInput!", "$id: ID!").replace(
            "input: $input", f'input: {{portfolio: $id, label: "x", source: {_written(source)}}}'
        )
        answer = await alice.api.post(written, {"id": portfolio})
        assert "BAD_INPUT" in answer.text
        assert secret not in answer.text
    assert secret not in "".join(capfd.readouterr())


def _written(source: object) -> str:
    """The argument as a literal."""
    if isinstance(source, dict):
        return "{" + ", ".join(f"{key}: {_written(value)}" for key, value in source.items()) + "}"
    return orjson.dumps(source).decode()
