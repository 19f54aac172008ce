"""Transactions from files: a dry run by default, what is new by its identity, and no row lost by another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from db.pool import Database
from db.tokens import Scope
from tests.api import execute, iso
from tests.coinbase_exports import SIGNED
from tests.portfolios import BITCOIN, Person, bought, open_person
from tests.world import NOW

pytestmark = [pytest.mark.one_store, pytest.mark.slow]  # no prices are touched

IMPORT = """
mutation($input: ImportTransactionsInput!, $outcomes: [ImportOutcome!], $first: Int = 100, $after: Int = 0) {
  importTransactions(input: $input) {
    applied new duplicate rejected ignored transactions
    rows(outcomes: $outcomes, first: $first, after: $after) {
      line outcome reason
      transactions {
        kind coin { slug } currency { code } quantity unitPrice { amount currency { code } }
        fee { amount currency { code } } at externalId
      }
    }
    errors { code message field }
  }
}
"""
STORED = """
{ portfolios { transactions(first: 1000) { nodes {
  kind quantity at externalId coin { slug } currency { code } account { label } transfer { id }
} } } }
"""
OWN = """at,kind,coin,currency,quantity,unit_price,unit_price_currency,fee,fee_currency,external_id
2026-11-01T12:00:00Z,BUY,bitcoin,,0.5,60000,usd,12.5,usd,a
2026-11-02T12:00:00+01:00,deposit,,EUR,"1,000.00",,,,,
2026-11-03T12:00:00Z,TRANSFER OUT,btc,,1e-3,,,,,
"""
HEADER = "at,kind,coin,quantity\n"
TWIN = "2026-11-01T12:00:00Z,BUY,bitcoin,1\n"
COINS = [
    ("bitcoin", "btc", "Bitcoin", 1, True),
    ("ethereum", "eth", "Ethereum", 2, True),
    ("solana", "sol", "Solana", 5, True),
    ("usd-coin", "usdc", "USDC", 7, True),
    ("bridged-bitcoin", "btc", "Bridged Bitcoin", 900, False),
    ("first-cat", "cat", "First Cat", None, False),
    ("second-cat", "cat", "Second Cat", None, False),
]


@pytest.fixture
async def alice(database: Database) -> AsyncIterator[Person]:
    for coin in COINS:
        await execute(
            database, "insert into coins (slug, symbol, name, rank, tracked) values (%s, %s, %s, %s, %s)", *coin
        )
    async with open_person(database, "alice") as alice:
        yield alice


@pytest.fixture
async def account(alice: Person) -> str:
    return await alice.add_account(await alice.create_portfolio())


async def run(person: Person, account: str, csv: str, apply: bool = True, **more: Any) -> dict[str, Any]:
    shown = {name: more.pop(name) for name in ("outcomes", "first", "after") if name in more}
    given = {"account": account, "csv": csv, "dryRun": not apply} | more
    payload = await person.change(IMPORT, input=given, **shown)
    assert payload["errors"] == []
    return payload


def counts(payload: dict[str, Any]) -> tuple[int, int, int]:
    return payload["new"], payload["duplicate"], payload["rejected"]


async def stored(person: Person) -> list[dict[str, Any]]:
    [found] = (await person.ask(STORED))["portfolios"]
    return list(found["transactions"]["nodes"])


async def refused(person: Person, **given: Any) -> tuple[str, list[str]]:
    [error] = (await person.change(IMPORT, input=given))["errors"]
    return error["code"], error["field"]


async def test_our_own_format_is_read_as_it_is_written(alice: Person, account: str) -> None:
    payload = await run(alice, account, OWN)

    assert [row["reason"] for row in payload["rows"]] == [None] * 3
    buy, deposit, transfer = [one for row in payload["rows"] for one in row["transactions"]]
    assert [row["line"] for row in payload["rows"]] == [2, 3, 4]
    assert buy == {
        "kind": "BUY",
        "coin": {"slug": "bitcoin"},
        "currency": None,
        "quantity": "0.5",
        "unitPrice": {"amount": "60000", "currency": {"code": "usd"}},
        "fee": {"amount": "12.5", "currency": {"code": "usd"}},
        "at": "2026-11-01T12:00:00Z",
        "externalId": "a",
    }
    assert (deposit["currency"], deposit["coin"], deposit["quantity"]) == ({"code": "eur"}, None, "1000")
    assert deposit["at"] == "2026-11-02T11:00:00Z"
    assert (transfer["kind"], transfer["coin"], transfer["quantity"]) == ("TRANSFER_OUT", {"slug": "bitcoin"}, "0.001")
    assert [one["quantity"] for one in await stored(alice)] == ["0.001", "1000", "0.5"]


async def test_a_dry_run_says_what_would_be_done_and_stores_nothing(alice: Person, account: str) -> None:
    file = OWN + OWN.splitlines(keepends=True)[1] + "2026-11-04,BUY,bitcoin,,kitten,,,,,\n"

    planned = await run(alice, account, file, apply=False)
    assert (counts(planned), planned["applied"], planned["transactions"]) == ((3, 1, 1), False, 3)
    assert await stored(alice) == []

    done = await run(alice, account, file)
    assert done | {"applied": False} == planned
    assert done["applied"]

    again = await run(alice, account, file, apply=False)
    assert (counts(again), again["transactions"]) == ((0, 4, 1), 0)


async def test_importing_twice_adds_nothing(alice: Person, account: str) -> None:
    await run(alice, account, OWN)

    again = await run(alice, account, OWN)

    assert (counts(again), again["transactions"]) == ((0, 3, 0), 0)
    assert len(await stored(alice)) == 3


async def test_twins_of_one_file_are_both_kept_and_a_longer_file_adds_the_rest(alice: Person, account: str) -> None:
    other = TWIN.replace("01T", "02T")

    first = await run(alice, account, HEADER + TWIN + TWIN)
    second = await run(alice, account, HEADER + other + TWIN + TWIN + TWIN)
    third = await run(alice, account, HEADER + TWIN + other)

    assert [counts(one) for one in (first, second, third)] == [(2, 0, 0), (2, 2, 0), (0, 2, 0)]
    assert len(await stored(alice)) == 4


async def test_what_one_account_has_is_new_to_another(alice: Person, account: str) -> None:
    other = await alice.add_account(await alice.create_portfolio(name="other"))
    await run(alice, account, OWN)

    assert counts(await run(alice, other, OWN, apply=False)) == (3, 0, 0)
    assert counts(await run(alice, other, OWN)) == (3, 0, 0)


async def test_two_imports_of_one_file_at_the_same_time_store_it_once(alice: Person, account: str) -> None:
    both = await asyncio.gather(run(alice, account, OWN), run(alice, account, OWN))

    assert sum(one["transactions"] for one in both) == 3
    assert len(await stored(alice)) == 3


async def test_an_id_that_stands_for_two_different_rows_is_refused_and_the_same_row_again_is_a_duplicate(
    alice: Person, account: str
) -> None:
    header = "at,kind,coin,quantity,external_id\n"
    rows = [f"2026-11-01T12:00:00Z,BUY,bitcoin,{quantity},x\n" for quantity in (1, 1, 2)]

    payload = await run(alice, account, header + "".join(rows))

    assert [row["outcome"] for row in payload["rows"]] == ["NEW", "DUPLICATE", "REJECTED"]
    assert "another row has the id 'x'" in payload["rows"][2]["reason"]
    assert len(await stored(alice)) == 1


BAD: list[tuple[str, str]] = [
    ("2026-11-01T12:00:00Z,BUY,bitcoin", "it has 3 cells and the header 4"),
    ("2026-11-01T12:00:00Z,BUY,bitcoin,1,1", "more cells than the header"),
    ('2026-11-01T12:00:00Z,BUY,bitcoin,"1', "its quotes do not match"),
    ('2026-11-01T12:00:00Z,"BUY"S,bitcoin,1', "its quotes do not match"),
    ("yesterday,BUY,bitcoin,1", "'yesterday' is not a time"),
    ("2027-01-01T12:00:00Z,BUY,bitcoin,1", "`at` must be between 2009-01-03 and now"),
    (",BUY,bitcoin,1", "`at` is empty"),
    ("2026-11-01T12:00:00Z,KITTEN,bitcoin,1", "'KITTEN' is no kind of transaction"),
    ("2026-11-01T12:00:00Z,BUY,bitcoin,-1", "below zero does not go with 'BUY'"),
    ("2026-11-01T12:00:00Z,BUY,bitcoin,0", "`quantity` must be above zero"),
    ('2026-11-01T12:00:00Z,BUY,bitcoin,"1,5"', "is not a number"),
    ("2026-11-01T12:00:00Z,BUY,bitcoin,1e-19", "more than 20 digits before the point or 18 after it"),
    ("2026-11-01T12:00:00Z,BUY,,1", "it names no coin and no currency"),
    ("2026-11-01T12:00:00Z,BUY,kitten,1", "no coin goes by 'kitten'"),
    ("2026-11-01T12:00:00Z,BUY,cat,1", "'cat' may be first-cat or second-cat"),
]


async def test_bad_rows_say_what_is_wrong_and_lose_no_other(alice: Person, account: str) -> None:
    good = TWIN.removesuffix("\n")
    lines = [line for bad, _ in BAD for line in (bad, good)]

    payload = await run(alice, account, HEADER + "\r\n".join(lines))

    wrong = [row for row in payload["rows"] if row["outcome"] == "REJECTED"]
    assert counts(payload) == (len(BAD), 0, len(BAD))
    assert [row["line"] for row in wrong] == list(range(2, 2 + len(lines), 2))
    for row, (_, reason) in zip(wrong, BAD, strict=True):
        assert reason in row["reason"]
    assert len(await stored(alice)) == len(BAD)


async def test_a_name_in_doubt_is_settled_by_names(alice: Person, account: str) -> None:
    names = [{"name": "CAT", "coin": "second-cat"}]

    payload = await run(alice, account, HEADER + TWIN.replace("bitcoin", "cat"), names=names)

    assert payload["rows"][0]["transactions"][0]["coin"] == {"slug": "second-cat"}


async def test_a_symbol_means_the_tracked_coin(alice: Person, account: str) -> None:
    payload = await run(alice, account, HEADER + TWIN.replace("bitcoin", "BTC"))

    assert payload["rows"][0]["transactions"][0]["coin"] == {"slug": "bitcoin"}


async def test_an_export_of_coinbase_becomes_transactions_with_what_was_paid_for_them(
    alice: Person, account: str
) -> None:
    payload = await run(alice, account, SIGNED, format="COINBASE")

    def short(one: dict[str, Any]) -> str:
        asset = (one["coin"] or {}).get("slug") or one["currency"]["code"]
        price = one["unitPrice"] and f" at {one['unitPrice']['amount']} {one['unitPrice']['currency']['code']}"
        fee = one["fee"] and f" fee {one['fee']['amount']} {one['fee']['currency']['code']}"
        return f"{one['externalId']} {one['kind']} {one['quantity']} {asset}{price or ''}{fee or ''}"

    assert (counts(payload), payload["ignored"], payload["transactions"]) == ((7, 0, 1), 1, 10)
    assert [short(one) for row in payload["rows"] for one in row["transactions"]] == [
        "i1 BUY 0.01 bitcoin at 90000 eur fee 14.9 eur",
        "i2 DEPOSIT 1000 eur",
        "fill:i3 BUY 2 solana at 1000 eur fee 12 eur",
        "fill:i3:cash WITHDRAWAL 2012 eur",
        "fill:i4 SELL 1 solana at 190 usd fee 1 usd",
        "fill:i4:cash DEPOSIT 189.1 usd-coin",
        "i5:out SELL 1 ethereum at 3000 eur",
        "i5:in BUY 0.03 bitcoin at 99000 eur fee 30 eur",
        "i6 WITHDRAWAL 0.01 bitcoin",
        "i7 REWARD 0.001 solana at 150 eur",
    ]
    assert [row["reason"] for row in payload["rows"] if row["reason"]] == [
        "a move inside Coinbase: what is held stays the same",
        "'mystery payout' is a type that nobody here knows; add it with `addTransactions`",
    ]
    assert counts(await run(alice, account, SIGNED, format="COINBASE")) == (0, 7, 1)


GENERIC = """Datum;Art;Menge;Währung;Preis;Gebühr
01.11.2026 12:30;Kauf;0,5;BTC;60.000,00 ;1,25
02.11.2026 08:00;Handel;-0,25;BTC;;
"""
MAPPING = {
    "columns": [
        {"field": "AT", "column": "datum"},
        {"field": "KIND", "column": "Art"},
        {"field": "QUANTITY", "column": "Menge"},
        {"field": "ASSET", "column": "Währung"},
        {"field": "UNIT_PRICE", "column": "Preis"},
        {"field": "UNIT_PRICE_CURRENCY", "value": "eur"},
        {"field": "FEE", "column": "Gebühr"},
        {"field": "FEE_CURRENCY", "value": "eur"},
    ],
    "kinds": [{"word": "kauf", "kind": "BUY"}, {"word": "Handel", "kind": "BUY", "whenNegative": "SELL"}],
    "timeFormat": "%d.%m.%Y %H:%M",
    "timeZone": "Europe/Berlin",
}


async def test_any_other_file_is_read_as_its_mapping_says(alice: Person, account: str) -> None:
    payload = await run(alice, account, GENERIC, format="GENERIC", mapping=MAPPING, decimalComma=True)

    buy, sell = [one for row in payload["rows"] for one in row["transactions"]]
    assert (buy["kind"], buy["quantity"], buy["at"]) == ("BUY", "0.5", "2026-11-01T11:30:00Z")
    assert buy["unitPrice"] == {"amount": "60000", "currency": {"code": "eur"}}
    assert buy["fee"] == {"amount": "1.25", "currency": {"code": "eur"}}
    assert (sell["kind"], sell["quantity"], sell["unitPrice"], sell["fee"]) == ("SELL", "0.25", None, None)


async def test_without_a_word_for_the_kind_the_sign_says_which_way(alice: Person, account: str) -> None:
    columns = [{"field": name, "column": name} for name in ("AT", "QUANTITY")] + [{"field": "COIN", "value": "bitcoin"}]
    file = "At\tQuantity\n2026-11-01 12:00\t2\n2026-11-02 12:00\t−0.5\n"

    payload = await run(alice, account, file, format="GENERIC", mapping={"columns": columns})

    found = [(one["kind"], one["quantity"]) for row in payload["rows"] for one in row["transactions"]]
    assert found == [("DEPOSIT", "2"), ("WITHDRAWAL", "0.5")]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"format": "GENERIC"}, ["mapping"]),
        ({"mapping": MAPPING}, ["mapping"]),
        ({"format": "COINBASE"}, ["csv"]),
        ({"csv": ""}, ["csv"]),
        ({"format": "GENERIC", "mapping": MAPPING | {"timeFormat": "kitten"}}, ["mapping", "timeFormat"]),
        ({"format": "GENERIC", "mapping": MAPPING | {"timeFormat": "%d %d"}}, ["mapping", "timeFormat"]),
        ({"format": "GENERIC", "mapping": MAPPING | {"timeZone": "Europe/Kitten"}}, ["mapping", "timeZone"]),
        ({"format": "GENERIC", "mapping": {"columns": []}}, ["mapping", "columns"]),
        ({"format": "GENERIC", "mapping": {"columns": [{"field": "AT"}]}}, ["mapping", "columns"]),
        ({"csv": HEADER + " " * 10_000_000}, ["csv"]),
        pytest.param({"csv": HEADER + TWIN * 100_001}, ["csv"], marks=pytest.mark.slow),
    ],
)
async def test_a_file_that_cannot_be_read_at_all_is_refused(
    alice: Person, account: str, given: dict[str, Any], field: list[str]
) -> None:
    code, at = await refused(alice, **({"account": account, "csv": HEADER + TWIN} | given))

    assert code == ("COST_EXCEEDED" if len(given.get("csv", "")) > 1_000 else "BAD_INPUT")
    assert at == ["input", *field]


async def test_only_manual_accounts_of_ones_own_take_a_file(alice: Person, account: str, database: Database) -> None:
    chain = await alice.add_account(await alice.create_portfolio(name="other"), BITCOIN)
    file = HEADER + TWIN
    await run(alice, account, file)

    assert await refused(alice, account=chain, csv=file) == ("BAD_INPUT", ["input", "account"])
    async with open_person(database, "bob") as bob:
        assert await refused(bob, account=account, csv=file) == ("NOT_FOUND", ["input", "account"])
        assert await refused(bob, account="QWNjb3VudDo5OTk", csv=file) == ("NOT_FOUND", ["input", "account"])
        own = await bob.add_account(await bob.create_portfolio())
        assert counts(await run(bob, own, file)) == (1, 0, 0)
    async with open_person(database, "reader", Scope.PORTFOLIO_READ, owner="alice") as reader:
        [error] = (await reader.change(IMPORT, input={"account": account, "csv": file}))["errors"]
        assert error["code"] == "FORBIDDEN"


async def test_what_is_imported_is_paired_with_what_another_account_sent(alice: Person, account: str) -> None:
    [portfolio] = (await alice.ask("{ portfolios { id } }"))["portfolios"]
    warm = await alice.add_account(portfolio["id"], label="warm")
    await alice.add(warm, bought("1", at="2026-11-01T11:00:00Z", kind="TRANSFER_OUT", coin="bitcoin"))

    await run(alice, account, HEADER + TWIN.replace("BUY", "TRANSFER_IN"))

    assert [one["transfer"] is not None for one in await stored(alice)] == [True, True]


async def test_rows_are_shown_by_outcome_and_in_pages(alice: Person, account: str) -> None:
    file = HEADER + "".join(TWIN.replace(",1\n", f",{quantity}\n") for quantity in (1, 2, "x", 3, "y"))

    async def lines(**shown: Any) -> list[int]:
        payload = await run(alice, account, file, apply=False, **shown)
        return [row["line"] for row in payload["rows"]]

    assert await lines() == [2, 3, 4, 5, 6]
    assert await lines(outcomes=["REJECTED"]) == [4, 6]
    assert await lines(outcomes=["NEW"], first=2) == [2, 3]
    assert await lines(outcomes=["NEW"], first=2, after=3) == [5]


async def test_a_file_may_be_larger_than_other_requests_but_only_with_the_scope(
    alice: Person, account: str, database: Database
) -> None:
    file = HEADER + TWIN + "\n" * 1_500_000

    assert counts(await run(alice, account, file)) == (1, 0, 0)
    async with open_person(database, "reader", Scope.PORTFOLIO_READ) as reader:
        answer = await reader.api.post(IMPORT, {"input": {"account": account, "csv": file}})
        assert answer.status_code == 413
    inline = '{ coin(slug: "' + "x" * 1_100_000 + '") { id } }'
    assert (await alice.api.post(inline)).status_code == 413


async def test_what_is_stored_says_when(alice: Person, account: str, database: Database) -> None:
    await run(alice, account, OWN)

    assert {iso(row[0]) for row in await execute(database, "select created_at from transactions")} == {iso(NOW)}
