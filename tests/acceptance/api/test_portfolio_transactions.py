"""Transactions of portfolios: added by hand all or none, listed in pages, deleted, paired as transfers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from graphql import GraphQLObjectType
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from db.pool import Database, PoolSettings, open_database
from resolvers.context import ApiSettings, Caller, Context
from resolvers.limits import Limits
from schema.execution import Executable
from schema.executor import FastExecutor
from schema.schema import make_schema
from tests.acceptance.api.test_executor import StockExecutor
from tests.api import CountingCursor, add_coins, execute, iso
from tests.portfolios import ADD, BITCOIN, BOTH, MANUAL, Person, bought, open_person
from tests.world import NOW

pytestmark = pytest.mark.one_store

PAGE = """
query($id: ID!, $first: Int = 2, $after: String, $account: ID, $coin: String, $kinds: [TransactionKind!]) {
  portfolio(id: $id) {
    transactions(first: $first, after: $after, account: $account, coin: $coin, kinds: $kinds) {
      nodes { at externalId } totalCount pageInfo { hasNextPage endCursor }
    }
  }
}
"""
DELETE = "mutation($ids: [ID!]!) { deleteTransactions(ids: $ids) { ids errors { code message field } } }"
LINK = """
mutation($outgoing: ID!, $incoming: ID!) {
  linkTransfers(outgoing: $outgoing, incoming: $incoming) {
    outgoing { id transfer { id } } incoming { id transfer { id account { label } } } errors { code message }
  }
}
"""
UNLINK = """
mutation($id: ID!) {
  unlinkTransfer(id: $id) { outgoing { id transfer { id } } incoming { id transfer { id } } errors { code } }
}
"""
EVERY_PLAIN_FIELD = """
{
  portfolios {
    transactions(first: 50) {
      nodes {
        __typename id kind quantity at externalId createdAt coin { slug rank } currency { code }
        unitPrice { amount currency { code } } fee { amount currency { code } } transfer { id kind quantity }
        account { __typename id label status ... on BitcoinAccount { address } }
      }
    }
  }
}
"""


@pytest.fixture
async def alice(database: Database) -> AsyncIterator[Person]:
    await add_coins(database, 3)
    async with open_person(database, "alice") as alice:
        yield alice


async def test_what_is_added_is_answered_and_stored_exactly(alice: Person) -> None:
    account = await alice.add_account(await alice.create_portfolio())
    exact = "12345678901234567890.123456789012345678"
    price, fee = {"amount": "60000.01", "currency": "EUR"}, {"amount": 0, "currency": "usd"}
    given = [
        bought(exact, unitPrice=price, fee=fee, externalId=" a ", at="2026-11-19T12:00:00+01:00"),
        {"kind": "DEPOSIT", "currency": "EUR", "quantity": 7, "at": "now"},
    ]

    payload = await alice.change(ADD, input={"account": account, "transactions": given})

    coin, money = payload["transactions"]
    assert (payload["known"], payload["errors"]) == (0, [])
    assert coin | {"id": ""} == {
        "id": "",
        "kind": "BUY",
        "coin": {"slug": "coin-1"},
        "currency": None,
        "quantity": exact,
        "unitPrice": {"amount": "60000.01", "currency": {"code": "eur"}},
        "fee": {"amount": "0", "currency": {"code": "usd"}},
        "at": "2026-11-19T11:00:00Z",
        "externalId": "a",
        "account": {"label": "cold"},
    }
    assert (money["coin"], money["currency"], money["quantity"]) == (None, {"code": "eur"}, "7")
    assert (money["unitPrice"], money["fee"], money["at"]) == (None, None, iso(NOW))


async def test_an_external_id_is_added_once_and_twins_without_one_are_both_kept(alice: Person) -> None:
    account = await alice.add_account(await alice.create_portfolio())
    given = {"account": account, "transactions": [bought(externalId="a"), bought(), bought()]}

    first, second = [await alice.change(ADD, input=given) for _ in range(2)]

    assert (len(first["transactions"]), first["known"]) == (3, 0)
    assert (len(second["transactions"]), second["known"], second["errors"]) == (2, 1, [])


WRONG: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"coin": "kitten"}, "NOT_FOUND", ["coin"]),
    ({"coin": None, "currency": "kitten"}, "NOT_FOUND", ["currency"]),
    ({"currency": "usd"}, "BAD_INPUT", []),
    ({"coin": None}, "BAD_INPUT", []),
    ({"quantity": "0"}, "BAD_INPUT", ["quantity"]),
    ({"quantity": "-1"}, "BAD_INPUT", ["quantity"]),
    ({"quantity": "0.0000000000000000001"}, "BAD_INPUT", ["quantity"]),
    ({"quantity": "100000000000000000000"}, "BAD_INPUT", ["quantity"]),
    ({"at": "now+1s"}, "BAD_INPUT", ["at"]),
    ({"at": "2009-01-02T23:59:59Z"}, "BAD_INPUT", ["at"]),
    ({"unitPrice": {"amount": "-1", "currency": "usd"}}, "BAD_INPUT", ["unitPrice", "amount"]),
    ({"unitPrice": {"amount": "1", "currency": "kitten"}}, "NOT_FOUND", ["unitPrice", "currency"]),
    ({"fee": {"amount": "1e9", "currency": "usd"} | {"amount": "1" + "0" * 20}}, "BAD_INPUT", ["fee", "amount"]),
    ({"externalId": " "}, "BAD_INPUT", ["externalId"]),
    ({"externalId": "x" * 201}, "BAD_INPUT", ["externalId"]),
]


async def test_each_wrong_transaction_is_refused_by_its_place_and_none_is_added(
    alice: Person, database: Database
) -> None:
    account = await alice.add_account(await alice.create_portfolio())
    given = [bought(), *(bought() | wrong for wrong, _, _ in WRONG)]

    payload = await alice.change(ADD, input={"account": account, "transactions": given})

    assert [(error["code"], error["field"]) for error in payload["errors"]] == [
        (code, ["input", "transactions", str(place), *field]) for place, (_, code, field) in enumerate(WRONG, 1)
    ]
    assert payload["transactions"] == []
    assert await execute(database, "select 1 from transactions") == []


async def test_what_cannot_be_added_to_at_all_is_refused(alice: Person) -> None:
    portfolio = await alice.create_portfolio()
    manual, bitcoin = await alice.add_account(portfolio), await alice.add_account(portfolio, BITCOIN, "chain")

    async def refused(account: str, transactions: list[dict[str, Any]]) -> tuple[str, list[str]]:
        [error] = (await alice.change(ADD, input={"account": account, "transactions": transactions}))["errors"]
        return error["code"], error["field"]

    assert await refused(bitcoin, [bought()]) == ("BAD_INPUT", ["input", "account"])
    assert await refused("QWNjb3VudDo5OTk", [bought()]) == ("NOT_FOUND", ["input", "account"])
    assert await refused(manual, []) == ("BAD_INPUT", ["input", "transactions"])
    assert await refused(manual, [bought()] * 1_001) == ("COST_EXCEEDED", ["input", "transactions"])
    assert await alice.add(manual, *[bought()] * 1_000)


@pytest.mark.parametrize("quantity", [0.5, "1e3", "NaN", "", True])
async def test_a_number_that_is_not_exact_is_refused_before_anything_is_done(alice: Person, quantity: object) -> None:
    given = {"account": "QWNjb3VudDox", "transactions": [bought() | {"quantity": quantity}]}

    error = await alice.api.fail(ADD, input=given)

    assert error["extensions"]["code"] == "BAD_INPUT"
    assert 'such as "0.5"' in error["message"]


async def test_pages_go_from_the_newest_to_the_oldest_over_all_accounts(alice: Person) -> None:
    portfolio = await alice.create_portfolio()
    cold, warm = await alice.add_account(portfolio), await alice.add_account(portfolio, label="warm")
    await alice.add(cold, bought(at="now-3h", externalId="3"), bought(at="now-1h", externalId="1", coin="coin-2"))
    await alice.add(warm, bought(at="now-3h", externalId="3 too"), bought(at="now-2h", externalId="2", kind="FEE"))

    async def listed(**given: Any) -> tuple[list[str], int]:
        ids: list[str] = []
        after, more = None, True
        while more:
            found = await alice.ask(PAGE, id=portfolio, after=after, **given)
            page = found["portfolio"]["transactions"]
            ids += [one["externalId"] for one in page["nodes"]]
            after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        return ids, page["totalCount"]

    assert await listed() == (["1", "2", "3 too", "3"], 4)
    assert await listed(first=1) == (["1", "2", "3 too", "3"], 4)
    assert await listed(account=warm) == (["2", "3 too"], 2)
    assert await listed(coin="coin-1", kinds=["BUY", "SELL"]) == (["3 too", "3"], 2)
    assert await listed(coin="coin-3") == ([], 0)


async def test_a_page_of_something_else_is_refused(alice: Person) -> None:
    portfolio, other = await alice.create_portfolio(), await alice.create_portfolio(name="other")
    account = await alice.add_account(other)

    async def code(**given: Any) -> str:
        return str((await alice.api.fail(PAGE, id=portfolio, **given))["extensions"]["code"])

    assert await code(account=account) == "NOT_FOUND"
    assert await code(account="QWNjb3VudDo5OTk") == "NOT_FOUND"
    assert await code(account=portfolio) == "BAD_INPUT"
    assert await code(coin="kitten") == "NOT_FOUND"
    assert await code(first=0) == "BAD_INPUT"
    assert await code(after="kitten") == "BAD_INPUT"


async def test_one_request_asks_for_so_many_transactions_at_most(alice: Person) -> None:
    for name in "abcd":
        await alice.create_portfolio(name=name)

    def document(aliases: int) -> str:
        pages = " ".join(f"a{place}: transactions(first: 1000) {{ totalCount }}" for place in range(aliases))
        return f"{{ portfolios {{ {pages} }} }}"

    assert len((await alice.ask(document(25)))["portfolios"]) == 4
    assert (await alice.api.fail(document(26)))["extensions"]["code"] == "COST_EXCEEDED"


async def test_transactions_are_deleted_all_or_none_and_only_those_added_by_hand(
    alice: Person, database: Database
) -> None:
    portfolio = await alice.create_portfolio()
    ids = await alice.add(await alice.add_account(portfolio), bought(), bought())
    await alice.add_account(portfolio, BITCOIN, "chain")
    await execute(
        database,
        "insert into transactions (account_id, asset_id, kind, at, quantity, created_at) "
        "select a.id, t.asset_id, t.kind, t.at, 1, t.at from accounts a, transactions t "
        "where a.kind = 'BITCOIN' order by t.id limit 1",
    )
    [synced] = (await alice.ask("{ portfolios { transactions(kinds: [BUY]) { nodes { id account { label } } } } }"))[
        "portfolios"
    ]
    chain = next(one["id"] for one in synced["transactions"]["nodes"] if one["account"]["label"] == "chain")

    refused = await alice.change(DELETE, ids=[ids[0], chain, "VHJhbnNhY3Rpb246OTk5"])
    assert [(error["code"], error["field"]) for error in refused["errors"]] == [
        ("BAD_INPUT", ["ids", "1"]),
        ("NOT_FOUND", ["ids", "2"]),
    ]
    assert len(await execute(database, "select 1 from transactions")) == 3

    assert await alice.change(DELETE, ids=ids) == {"ids": ids, "errors": []}
    assert len(await execute(database, "select 1 from transactions")) == 1


async def test_a_transfer_is_found_by_itself_and_shows_its_other_side(alice: Person) -> None:
    portfolio = await alice.create_portfolio()
    cold, warm = await alice.add_account(portfolio), await alice.add_account(portfolio, label="warm")
    [sent] = await alice.add(cold, bought("1", at="now-2h", kind="TRANSFER_OUT"))
    [received] = await alice.add(warm, bought("0.999", at="now-1h", kind="TRANSFER_IN"))

    found = (await alice.ask("{ portfolios { transactions { nodes { id transfer { id } } } } }"))["portfolios"][0]

    pairs = {one["id"]: one["transfer"]["id"] for one in found["transactions"]["nodes"]}
    assert pairs == {sent: received, received: sent}


async def test_transfers_are_paired_and_taken_apart_by_hand(alice: Person) -> None:
    portfolio = await alice.create_portfolio()
    cold, warm = await alice.add_account(portfolio), await alice.add_account(portfolio, label="warm")
    [sent, paid] = await alice.add(cold, bought("1", at="now-9d", kind="WITHDRAWAL"), bought("1", at="now-9d"))
    [received] = await alice.add(warm, bought("0.9", at="now-3d", kind="DEPOSIT"))

    linked = await alice.change(LINK, outgoing=sent, incoming=received)
    assert linked["outgoing"] == {"id": sent, "transfer": {"id": received}}
    assert linked["incoming"] == {"id": received, "transfer": {"id": sent, "account": {"label": "cold"}}}

    async def code(**given: str) -> list[str]:
        return [error["code"] for error in (await alice.change(LINK, **given))["errors"]]

    assert await code(outgoing=sent, incoming=received) == ["CONFLICT"]
    assert await code(outgoing=paid, incoming=received) == ["BAD_INPUT"]
    assert await code(outgoing=sent, incoming="VHJhbnNhY3Rpb246OTk5") == ["NOT_FOUND"]

    parted = await alice.change(UNLINK, id=received)
    assert (parted["outgoing"], parted["incoming"]) == (
        {"id": sent, "transfer": None},
        {"id": received, "transfer": None},
    )
    assert [error["code"] for error in (await alice.change(UNLINK, id=sent))["errors"]] == ["CONFLICT"]


async def fill(alice: Person, portfolios: int) -> None:
    """In each a manual account and an address, transactions of coins and money, and a transfer."""
    for number in range(portfolios):
        portfolio = await alice.create_portfolio(name=str(number))
        cold = await alice.add_account(portfolio)
        await alice.add_account(portfolio, MANUAL, "warm")
        price = {"amount": "1.5", "currency": "eur"}
        money = {"kind": "DEPOSIT", "currency": "usd", "quantity": "1", "at": "now-1d"}
        await alice.add(cold, bought(unitPrice=price), bought(coin="coin-2", fee=price), money)
        await alice.add(cold, bought("1", at="now-2h", kind="TRANSFER_OUT"))
        warm = (await alice.ask("{ portfolios { accounts { id } } }"))["portfolios"][-1]["accounts"][1]["id"]
        await alice.add(warm, bought("1", at="now-1h", kind="TRANSFER_IN"))


async def test_a_page_is_completed_column_by_column_as_graphql_core_would(
    alice: Person, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(alice, 1)
    caller = Caller("token:alice", frozenset(BOTH), "alice")
    completed: list[str] = []
    stock = StrawberryGraphQLCoreExecutionContext.complete_object_value

    def complete(self: FastExecutor, return_type: GraphQLObjectType, *given: Any) -> Any:
        completed.append(return_type.name)
        return stock(self, return_type, *given)

    monkeypatch.setattr(FastExecutor, "complete_object_value", complete)
    fast, slow = [
        await Executable(make_schema(), Limits(), executor).execute(
            EVERY_PLAIN_FIELD, Context(database, database, ApiSettings("test"), NOW, "a-request", caller=caller)
        )
        for executor in (FastExecutor, StockExecutor)
    ]

    written, expected = (orjson.dumps(result.data, option=orjson.OPT_UTC_Z) for result in (fast, slow))
    assert (written, fast.errors) == (expected, None)
    assert str(fast.data).count("TRANSFER_") == 4
    assert set(completed) == {"Portfolio", "TransactionConnection"}


async def test_statements_do_not_grow_with_the_number_of_portfolios(
    alice: Person, database: Database, database_url: str
) -> None:
    query = """
    {
      portfolios {
        currency { code }
        accounts { label status reconciliation { derived coin { slug } } syncs { status } }
        transactions(coin: "coin-1", kinds: [BUY]) {
          totalCount nodes { coin { slug } unitPrice { currency { code } } account { label } transfer { id } }
        }
      }
    }
    """
    token = alice.api.client.headers["authorization"]
    async with (
        open_database(database_url, PoolSettings(max_size=8), CountingCursor) as counted,
        open_person(counted, "other") as client,
    ):
        counts = []
        client.api.client.headers["authorization"] = token
        for portfolios in (1, 3):
            await execute(database, "delete from portfolios")
            await fill(alice, portfolios)
            CountingCursor.statements.clear()
            assert len((await client.ask(query))["portfolios"]) == portfolios
            counts.append(len(CountingCursor.statements))

    # token; portfolios, currencies, accounts, coin; reconciliations, syncs, transactions, assets, count
    assert counts == [10, 10], CountingCursor.statements
