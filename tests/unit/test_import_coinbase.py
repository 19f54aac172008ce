"""Coinbase's transaction export, as transactions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from resolvers.csv_import.coinbase_format import read_coinbase
from resolvers.csv_import.identity import with_ids
from resolvers.csv_import.rows import Leg, Reading, Row
from resolvers.decimals import format_decimal
from resolvers.errors import ApiError
from resolvers.transaction_drafts import AmountOrder
from tests.coinbase_exports import currency_in_header, dates_only, signed, spot_price

TIME = "2025-01-14 09:00:00 UTC"


def read(text: str) -> list[Row]:
    return list(with_ids(read_coinbase(text, Reading())))


def short(leg: Leg) -> str:
    def amount(words: str, order: AmountOrder | None) -> str:
        return f" {words} {format_decimal(order.amount)} {order.currency.lower()}" if order else ""

    wording = leg.wording
    text = f"{wording.kind} {format_decimal(wording.quantity)} {leg.asset.text}"
    return text + amount("at", wording.unit_price) + amount("fee", wording.fee)


def legs(*rows: Row) -> list[str]:
    return [short(leg) for row in rows for leg in row.legs]


def one(kind: str, quantity: str, *amounts: str, asset: str = "BTC", id_: str = "i", notes: str = "") -> list[str]:
    """A row of the newest form; price, subtotal, total and fees in euros."""
    return [id_, TIME, kind, asset, quantity, "EUR", *(amounts or ("", "", "", "")), notes]


def test_the_oldest_form_has_days_and_one_amount_with_all_fees() -> None:
    notes = "Bought 1.0000 BTC for $249.73 USD.\n\nPaid for with a bank."
    text = dates_only(["10/06/2015", "Buy", "BTC", "1.0", "247.26", "249.73", "", notes])

    [row] = read(text)

    assert legs(row) == ["BUY 1 BTC at 249.73 usd"]
    assert row.legs[0].wording.at.isoformat() == "2015-10-06T00:00:00+00:00"


def test_a_header_may_name_the_currency() -> None:
    text = currency_in_header(
        ["2020-09-27T18:36:58Z", "Buy", "BTC", "0.04", "9287.38", "400", "406", "6", "Bought 0.04 BTC for € 406 EUR"],
        ["2020-03-09T05:17:11Z", "Sell", "BTC", "0.04", "6831.48", "280", "276", "4", ""],
    )

    assert legs(*read(text)) == ["BUY 0.04 BTC at 10000 eur fee 6 eur", "SELL 0.04 BTC at 7000 eur fee 4 eur"]


@pytest.mark.parametrize("spread", [True, False])
def test_or_a_column_does(spread: bool) -> None:
    text = spot_price(
        ["2021-04-14T09:00:00Z", "Buy", "ETH", "0.5", "EUR", "1799.99", "900.00", "912.50", "12.50", ""],
        ["2022-01-07 22:41:54 UTC", "Receive", "BTC", "1", "EUR", "9", "", "", "", "Received 1 BTC from Coinbase"],
        spread=spread,
    )

    assert legs(*read(text)) == ["BUY 0.5 ETH at 1800 eur fee 12.5 eur", "DEPOSIT 1 BTC"]


KINDS = {
    "Receive": "DEPOSIT",
    "Send": "WITHDRAWAL",
    "Withdrawal": "WITHDRAWAL",
    "Card Spend": "WITHDRAWAL",
    "Subscription": "FEE",
    "Pro Deposit": "TRANSFER_OUT",
    "Exchange Withdrawal": "TRANSFER_IN",
    "Rewards Income": "REWARD",
    "Learning Reward": "REWARD",
    "INTEREST  PAYOUT": "REWARD",
}


@pytest.mark.parametrize(("type_", "kind"), KINDS.items())
def test_each_type_has_a_kind(type_: str, kind: str) -> None:
    [row] = read(signed(one(type_, "0.5")))

    assert legs(row) == [f"{kind} 0.5 BTC"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (one("Mystery Payout", "1"), "is a type that nobody here knows"),
        (one("Receive", "-1"), "below zero does not go with 'receive'"),
        (one("Convert", "1", notes="Converted stuff"), "neither its notes nor another row"),
        (one("Convert", "1", notes="Converted 1 ETH to 2 SOL"), "its notes speak of ETH and SOL, not of BTC"),
        (one("Advanced Trade Buy", "1"), "neither its total nor its notes say what was paid"),
        (one("Buy", "kitten"), "is not a number"),
        (["i", "soon", *one("Buy", "1")[2:]], "is not a time"),
        (["i", TIME, "Buy", "", *one("Buy", "1")[4:]], "`asset` is empty"),
        (["i", TIME, "Buy", "BTC", "1", "", "€1", "€1", "€1", "€0", ""], "its amounts have no currency"),
    ],
)
def test_what_cannot_be_understood_is_refused_in_words(row: list[str], reason: str) -> None:
    good = one("Send", "-1", id_="good")

    refused, kept = read(signed(row, good))

    assert not refused.legs
    assert reason in (refused.remark or "")
    assert legs(kept) == ["WITHDRAWAL 1 BTC"]


def test_a_trade_on_the_market_is_paid_in_what_its_notes_say() -> None:
    notes = "Bought 0.5 SOL for 50.3 USDC on SOL-USDC at 100 USDC/SOL"

    [row] = read(signed(one("Advanced Trade Buy", "0.5", "€90", "€45", "€45.27", "€0.27", asset="SOL", notes=notes)))

    assert legs(row) == ["BUY 0.5 SOL at 90 eur fee 0.27 eur", "WITHDRAWAL 50.3 USDC"]
    assert [leg.wording.external_id for leg in row.legs] == ["fill:i", "fill:i:cash"]
    assert row.remark is None


def test_where_the_notes_say_nothing_it_is_the_currency_of_the_prices_and_the_row_says_so() -> None:
    [row] = read(signed(one("Advanced Trade Sell", "-0.5", "€90", "-€45", "-€44.73", "€0.27", asset="SOL")))

    assert legs(row) == ["SELL 0.5 SOL at 90 eur fee 0.27 eur", "DEPOSIT 44.73 EUR"]
    assert row.remark == "its notes do not say what it was paid with: taken as EUR"


def test_notes_that_contradict_themselves_say_nothing() -> None:
    notes = "Bought 0.5 SOL for 50 USDC on SOL-EUR at 100 EUR/SOL"

    [row] = read(signed(one("Advanced Trade Buy", "0.5", "€90", "€45", "€45.27", "€0.27", asset="SOL", notes=notes)))

    assert legs(row)[1] == "WITHDRAWAL 45.27 EUR"


def test_a_conversion_without_notes_needs_a_row_for_each_side() -> None:
    for quantity in ("1", "2"):
        found = read(signed(one("Convert", "2", asset="ETH"), one("Convert", quantity, asset="USDC")))

        assert legs(*found) == []


NOTES = "Converted 2 ETH to 100 USDC"
BOTH = ["SELL 2 ETH at 50 eur", "BUY 100 USDC at 0.99 eur fee 1 eur"]
WORTH = ("€50", "€99", "€100", "€1")
OUT, IN = ("€50", "€100", "€100", "€0"), ("€0.99", "€99", "€100", "€1")
CONVERSIONS: list[list[list[str]]] = [
    # One row, without and with a sign.
    [one("Convert", "2", *WORTH, asset="ETH", notes=NOTES)],
    [one("Convert", "-2", *WORTH, asset="ETH", notes=NOTES)],
    # One row that is of what was received.
    [one("Convert", "100", *WORTH, asset="USDC", notes=NOTES)],
    # Two rows with one id, in either order, with notes and without.
    [one("Convert", "-2", *OUT, asset="ETH", notes=NOTES), one("Convert", "100", *IN, asset="USDC", notes=NOTES)],
    [one("Convert", "100", *IN, asset="USDC"), one("Convert", "-2", *OUT, asset="ETH")],
]


@pytest.mark.parametrize("rows", CONVERSIONS)
def test_a_conversion_gives_one_coin_and_brings_another_worth_the_same(rows: list[list[str]]) -> None:
    found = read(signed(*rows))

    assert sorted(legs(*found), reverse=True) == BOTH
    assert {leg.wording.external_id for row in found for leg in row.legs} == {"i:out", "i:in"}


def test_two_conversions_alike_are_two() -> None:
    row = ["2019-09-25T14:37:00Z", "Convert", "ETH", "2", "EUR", "50", "99", "100", "1", NOTES]

    found = read(spot_price(row, row))

    assert legs(*found) == BOTH * 2
    assert len({leg.wording.external_id for row in found for leg in row.legs}) == 4


@pytest.mark.parametrize("write", [lambda: "", lambda: "kitten", lambda: "a,b\n1,2\n", lambda: '"'])
def test_a_file_without_its_header_is_no_export(write: Callable[[], str]) -> None:
    with pytest.raises(ApiError, match="no line of the file is a header with `Timestamp`"):
        read(write())
