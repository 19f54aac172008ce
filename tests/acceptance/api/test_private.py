"""What belongs to one owner is not there for another: over every field, node, cursor, mutation and error text.

The documents are made from the schema, so that fields to come are walked as well.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import pytest
from graphql import GraphQLObjectType, build_schema, get_named_type, is_abstract_type, is_leaf_type

from db.pool import Database
from resolvers.ids import encode_id, split_id
from schema.schema import sdl
from tests.api import add_coins, execute
from tests.literals import SAMPLES, arguments
from tests.portfolios import ADD, ADD_ACCOUNT, BITCOIN, COINBASE, PRIVATE_KEY, Person, bought, open_person
from tests.world import NOW

pytestmark = [pytest.mark.slow, pytest.mark.one_store]

SCHEMA = build_schema(sdl())
# Every text and number of Alice's has one of these in it.
MARK, QUANTITY = "only-of-alice", "918273645.5"
SECRETS = (MARK, QUANTITY, BITCOIN["bitcoin"]["address"])
PRIVATE_TYPES = ("Portfolio", "Account", "Transaction", "SyncRun")
NOBODYS = 10**9


@dataclass
class Both:
    """Alice has something of everything, Bob a portfolio with an account and a transaction.

    `ids` are Alice's; `nobodys` are of the same types.
    """

    alice: Person
    bob: Person
    bobs: str
    ids: dict[str, str]

    @property
    def nobodys(self) -> dict[str, str]:
        return {name: encode_id(split_id(id_, PRIVATE_TYPES)[0], NOBODYS) for name, id_ in self.ids.items()}


async def fill(alice: Person, database: Database) -> dict[str, str]:
    """Ids of Alice's, one of each kind of thing."""
    portfolio = await alice.create_portfolio(name=MARK)
    manual, other = await alice.add_account(portfolio, label=MARK), await alice.add_account(portfolio, label="warm")
    coinbase = {"coinbase": {"keyName": MARK, "privateKey": PRIVATE_KEY}}
    await alice.add_account(portfolio, BITCOIN, f"chain {MARK}")
    exchange = await alice.add_account(portfolio, coinbase, f"exchange {MARK}")
    price = {"amount": QUANTITY, "currency": "usd"}
    transactions = await alice.add(
        manual,
        bought(QUANTITY, externalId=MARK, unitPrice=price, fee=price),
        bought(QUANTITY, kind="TRANSFER_OUT", at="now-2h"),
    )
    await alice.add(other, bought(QUANTITY, kind="TRANSFER_IN", at="now-1h"))
    await execute(database, "update accounts set status = 'ERROR', problem = %s", MARK)
    await execute(database, "insert into unknown_assets select id, %s, %s, %s from accounts", MARK, QUANTITY, NOW)
    await execute(
        database,
        "insert into balances select a.id, s.id, %s, %s from accounts a, assets s where a.kind <> 'MANUAL'",
        NOW,
        QUANTITY,
    )
    failed = (
        "update sync_runs set status = 'FAILED', finished_at = %s, error_code = 'PROVIDER_ERROR', error_message = %s"
    )
    await execute(database, failed, NOW, MARK)
    [(sync,)] = await execute(database, "select min(id) from sync_runs")
    return {
        "Portfolio": portfolio,
        "Account": manual,
        "CoinbaseAccount": exchange,
        "Transaction": transactions[0],
        "Transfer": transactions[1],
        "SyncRun": encode_id("SyncRun", sync),
    }


@pytest.fixture
async def both(database: Database) -> AsyncIterator[Both]:
    await add_coins(database, 2)
    async with open_person(database, "alice") as alice, open_person(database, "bob") as bob:
        ids = await fill(alice, database)
        portfolio = await bob.create_portfolio(name="mine")
        await bob.add(await bob.add_account(portfolio, label="mine"), bought("2"))
        yield Both(alice, bob, portfolio, ids)


class Place(NamedTuple):
    """A field of a type, and what stands around it in a document."""

    parent: str
    name: str
    field: Any
    head: str
    tail: str


def walk(id_: str) -> Iterator[str]:
    """Queries that go through each field of each type once, with this id wherever one is asked for."""
    query = SCHEMA.query_type
    assert query
    samples = SAMPLES | {"ID": f'"{id_}"', "String": '"coin-1"'}
    places = deque(Place("Query", name, field, "{", "}") for name, field in query.fields.items())
    known = set()
    while places:
        place = places.popleft()
        if (place.parent, place.name) in known or is_leaf_type(get_named_type(place.field.type)):
            continue
        known.add((place.parent, place.name))
        for document, inner in _enter(place, samples):
            yield document
            places += inner


def _enter(place: Place, samples: dict[str, str]) -> Iterator[tuple[str, list[Place]]]:
    """For each type that may be there: a query for its leaves, and where it goes on."""
    type_ = get_named_type(place.field.type)
    head, tail = f"{place.head} {place.name}{arguments(place.field, samples)} {{", f"}} {place.tail}"
    for one in SCHEMA.get_possible_types(type_) if is_abstract_type(type_) else (type_,):
        opened, closed = (head, tail) if one is type_ else (f"{head} ... on {one.name} {{", f"}} {tail}")
        leaves = [key for key, inner in one.fields.items() if is_leaf_type(get_named_type(inner.type))]
        plain = " ".join(f"{key}{arguments(one.fields[key], samples)}" for key in leaves)
        inner = [Place(one.name, key, field, opened, closed) for key, field in one.fields.items()]
        yield f"{opened} __typename {plain} {closed}", inner


async def test_whatever_is_asked_nothing_of_alices_is_in_an_answer_to_bob(both: Both) -> None:
    seen_by_alice = ""
    for document in dict.fromkeys(chain.from_iterable(walk(id_) for id_ in both.ids.values())):
        bobs = (await both.bob.api.post(document)).text
        assert [one for one in SECRETS if one in bobs] == [], document
        assert "INTERNAL" not in bobs, document
        seen_by_alice += (await both.alice.api.post(document)).text

    for one in SECRETS:  # the walk does reach what it looks for
        assert one in seen_by_alice
    assert PRIVATE_KEY.splitlines()[1] not in seen_by_alice


NODE = "query($id: ID!) { node(id: $id) { __typename id } }"
PORTFOLIO = "query($id: ID!) { portfolio(id: $id) { name } }"


async def test_an_id_of_alices_is_to_bob_an_id_of_nothing(both: Both) -> None:
    for id_ in both.ids.values():
        assert (await both.alice.ask(NODE, id=id_))["node"]["id"] == id_
        assert (await both.bob.ask(NODE, id=id_)) == {"node": None}
    assert await told(both.bob, PORTFOLIO, both.ids["Portfolio"]) == await told(
        both.bob, PORTFOLIO, both.nobodys["Portfolio"]
    )


OF_AN_ACCOUNT = """
query($id: ID!, $mine: ID!) {
  portfolio(id: $mine) { transactions(account: $id) { totalCount nodes { id } } }
}
"""


async def test_a_list_of_bobs_cannot_be_narrowed_to_an_account_of_alices(both: Both) -> None:
    alices, nobodys = [
        await told(both.bob, OF_AN_ACCOUNT, ids["Account"], mine=both.bobs) for ids in (both.ids, both.nobodys)
    ]

    assert "NOT_FOUND" in alices
    assert alices == nobodys


PAGE = """
query($after: String) {
  portfolios { transactions(after: $after) { nodes { quantity } pageInfo { startCursor } } }
}
"""


async def test_a_cursor_of_alices_shows_bob_his_own_only(both: Both) -> None:
    [alices] = (await both.alice.ask(PAGE))["portfolios"]

    found = await both.bob.ask(PAGE, after=alices["transactions"]["pageInfo"]["startCursor"])

    assert found["portfolios"][0]["transactions"]["nodes"] in ([], [{"quantity": "2"}])


def mutations(id_: str) -> Iterator[tuple[str, str]]:
    """Each one that takes an id, with this one, and its name."""
    mutation = SCHEMA.mutation_type
    assert mutation
    for name, field in mutation.fields.items():
        given = arguments(field, SAMPLES | {"ID": f'"{id_}"', "String": '"coin-1"', "Secret": _written(PRIVATE_KEY)})
        given = given or f'(ids: ["{id_}"])' * (name == "syncAccounts")
        if id_ in given:
            payload = get_named_type(field.type)
            assert isinstance(payload, GraphQLObjectType)
            shown = " ".join(key for key, one in payload.fields.items() if is_leaf_type(get_named_type(one.type)))
            yield name, f"mutation {{ {name}{given} {{ {shown} errors {{ code message field retryable }} }} }}"


def _written(text: str) -> str:
    return '"' + text.replace("\n", "\\n") + '"'


async def test_a_mutation_does_to_what_is_alices_what_it_does_to_nothing(
    both: Both, database: Database, subtests: pytest.Subtests
) -> None:
    before = await everything_of(database, "alice")
    tried = set()
    for thing, id_ in both.ids.items():
        for (name, alices), (_, nobodys) in zip(mutations(id_), mutations(both.nobodys[thing]), strict=True):
            with subtests.test(mutation=name, id_of=thing):
                tried.add(name)
                answers = [await told(both.bob, document, id_) for document in (alices, nobodys)]
                assert without_ids(answers[0]) == without_ids(answers[1])
                assert '"errors":[{"code":"' in answers[0]
    assert await everything_of(database, "alice") == before
    assert {"deletePortfolio", "removeAccount", "deleteTransactions", "linkTransfers", "addAccount"} <= tried
    assert {"replaceCoinbaseKey", "addTransactions", "syncAccounts", "unlinkTransfer", "renamePortfolio"} <= tried


async def test_bob_adds_nothing_to_what_is_alices(both: Both, database: Database) -> None:
    before = await everything_of(database, "alice")

    async def tried(ids: dict[str, str]) -> list[dict[str, Any]]:
        place = {"portfolio": ids["Portfolio"], "label": "new"}
        return [
            await both.bob.change(ADD, input={"account": ids["Account"], "transactions": [bought()]}),
            await both.bob.change(ADD_ACCOUNT, input=place | {"source": BITCOIN}),
            await both.bob.change(ADD_ACCOUNT, input=place | {"source": COINBASE}),
        ]

    alices, nobodys = await tried(both.ids), await tried(both.nobodys)

    assert [payload["errors"][0]["code"] for payload in alices] == ["NOT_FOUND"] * 3
    assert alices == nobodys
    assert await everything_of(database, "alice") == before


LINK = """
mutation($outgoing: ID!, $incoming: ID!) {
  linkTransfers(outgoing: $outgoing, incoming: $incoming) { errors { code message } }
}
"""


async def test_a_transaction_of_bobs_is_not_paired_with_one_of_alices(both: Both) -> None:
    account = await both.bob.add_account(both.bobs, label="warm")
    [sent] = await both.bob.add(account, bought(QUANTITY, kind="TRANSFER_OUT", at="now-2h"))
    [received] = await both.bob.add(account, bought(QUANTITY, kind="TRANSFER_IN", at="now-1h"))

    async def tried(id_: str) -> list[dict[str, Any]]:
        pairs = [{"outgoing": sent, "incoming": id_}, {"outgoing": id_, "incoming": received}]
        return [await both.bob.change(LINK, **pair) for pair in pairs]

    alices, nobodys = await tried(both.ids["Transaction"]), await tried(both.nobodys["Transaction"])

    assert [payload["errors"][0]["code"] for payload in alices] == ["NOT_FOUND"] * 2
    assert alices == nobodys


async def test_names_and_addresses_of_alices_are_not_taken_for_bob(both: Both) -> None:
    portfolio = await both.bob.create_portfolio(name=MARK)
    await both.bob.add_account(portfolio, BITCOIN, MARK)
    await both.bob.add(await both.bob.add_account(portfolio, label="warm"), bought(externalId=MARK))


async def told(person: Person, document: str, id_: str, **variables: str) -> str:
    """An answer, without what differs from request to request."""
    text = (await person.api.post(document, {"id": id_} | variables)).text
    return re.sub(r'"requestId":"\w+"', "", text)


def without_ids(answer: str) -> str:
    """Answers repeat the ids that they were asked with, in refusals of an id of another type."""
    return re.sub(r"'[A-Za-z0-9_-]{8,}'|\"[A-Za-z0-9_-]{12,}\"", "ID", answer)


async def everything_of(database: Database, owner: str) -> list[str]:
    accounts = "select a.id from accounts a join portfolios p on p.id = a.portfolio_id where p.owner = %s"
    tables = ("transactions", "balances", "unknown_assets", "sync_runs")
    queries = [
        "select p::text from portfolios p where owner = %s order by 1",
        f"select a::text from accounts a where id in ({accounts}) order by 1",
        *(f"select t::text from {table} t where account_id in ({accounts}) order by 1" for table in tables),
    ]
    return [str(await execute(database, query, owner)) for query in queries]
