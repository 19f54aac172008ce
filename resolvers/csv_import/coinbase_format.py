"""Coinbase's transaction export.

A trade on its market is paid from what the account holds, so its other side is a transaction of its own; what is bought
otherwise is paid from outside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

from db.transactions import Kind
from resolvers.csv_import.coinbase_layout import EXPECTED, Entry, Layout, is_header
from resolvers.csv_import.coinbase_notes import read_conversion, read_payment
from resolvers.csv_import.records import read_table
from resolvers.csv_import.rows import Among, Leg, Reading, Row, Unreadable
from resolvers.decimals import EXACT, round_amount
from resolvers.transaction_drafts import AmountOrder, Wording

_KINDS = {
    "buy": Kind.BUY,
    "sell": Kind.SELL,
    "receive": Kind.DEPOSIT,
    "deposit": Kind.DEPOSIT,
    "send": Kind.WITHDRAWAL,
    "withdrawal": Kind.WITHDRAWAL,
    "card spend": Kind.WITHDRAWAL,
    "admin debit": Kind.WITHDRAWAL,
    "donation": Kind.WITHDRAWAL,
    "subscription": Kind.FEE,
    # As seen from this account: a deposit at the exchange leaves it.
    "exchange deposit": Kind.TRANSFER_OUT,
    "pro deposit": Kind.TRANSFER_OUT,
    "exchange withdrawal": Kind.TRANSFER_IN,
    "pro withdrawal": Kind.TRANSFER_IN,
    "rewards income": Kind.REWARD,
    "reward income": Kind.REWARD,
    "staking income": Kind.REWARD,
    "inflation reward": Kind.REWARD,
    "learning reward": Kind.REWARD,
    "coinbase earn": Kind.REWARD,
    "interest payout": Kind.REWARD,
    "incentives rewards payout": Kind.REWARD,
    "credit card reward": Kind.REWARD,
    "subscription rebate": Kind.REWARD,
    "subscription rebates (24 hours)": Kind.REWARD,
}
_MARKET = {
    "advanced trade buy": Kind.BUY,
    "advance trade buy": Kind.BUY,
    "advanced trade sell": Kind.SELL,
    "advance trade sell": Kind.SELL,
}
_INSIDE = {"retail staking transfer", "retail unstaking transfer", "vault withdrawal", "cash to savings"}
_INCOMING = {Kind.BUY, Kind.DEPOSIT, Kind.REWARD, Kind.TRANSFER_IN}
_PRICED = {Kind.BUY, Kind.SELL, Kind.REWARD}
# The rows that one conversion has, as far as it has an id; else those of the same time and with the same notes.
_Group = tuple[object, ...]
_Conversions = Mapping[_Group, set[tuple[str, bool]]]


def read_coinbase(text: str, reading: Reading) -> list[Row]:
    table = read_table(text, is_header, EXPECTED)
    layout = Layout.of(table.columns)
    found: list[Entry | Row] = []
    conversions: dict[_Group, set[tuple[str, bool]]] = defaultdict(set)
    for record in table.records:
        try:
            entry = layout.read(record)
        except ValueError as error:
            found.append(Row(record.line, remark=str(error)))
            continue
        found.append(entry)
        if entry.type == "convert":
            conversions[_group(entry)].add((entry.asset, entry.quantity.is_signed()))
    return [one if isinstance(one, Row) else _read(one, reading, conversions) for one in found]


def _group(entry: Entry) -> _Group:
    return (entry.id,) if entry.id else (entry.at, entry.notes)


def _read(entry: Entry, reading: Reading, conversions: _Conversions) -> Row:
    try:
        if entry.type in _INSIDE:
            return Row(entry.line, remark="a move inside Coinbase: what is held stays the same", ignored=True)
        if entry.type == "convert":
            return Row(entry.line, _convert(entry, reading, conversions[_group(entry)]), entry.id)
        if entry.type in _MARKET:
            legs, remark = _trade(entry, reading, _MARKET[entry.type])
            return Row(entry.line, legs, entry.id, remark)
        if entry.type in _KINDS:
            return Row(entry.line, [_plain(entry, reading, _KINDS[entry.type])], entry.id)
        raise Unreadable(f"{entry.type[:60]!r} is a type that nobody here knows; add it with `addTransactions`")
    except ValueError as error:
        return Row(entry.line, remark=str(error))


def _plain(entry: Entry, reading: Reading, kind: Kind, purpose: str = "") -> Leg:
    if entry.quantity.is_signed() and kind in _INCOMING:
        raise Unreadable(f"a quantity below zero does not go with {entry.type!r}")
    quantity = entry.quantity.copy_abs()
    # The oldest form has but the total, which then is the price with all fees in it.
    worth = entry.total if entry.subtotal is None and entry.fees is None else entry.subtotal
    price = _price(entry, worth, quantity) if kind in _PRICED else None
    wording = Wording(kind, entry.at, quantity, price, _fee(entry))
    return Leg(reading.asset(entry.asset, Among.CODES), wording, purpose)


def _trade(entry: Entry, reading: Reading, kind: Kind) -> tuple[list[Leg], str | None]:
    """With what was paid or received for it, all fees in it; and what had to be assumed."""
    payment = read_payment(entry.notes)
    code = payment.code if payment else entry.currency
    amount = payment.amount if payment else entry.total
    if not amount or not code:
        raise Unreadable("neither its total nor its notes say what was paid")
    cash = Wording(Kind.WITHDRAWAL if kind is Kind.BUY else Kind.DEPOSIT, entry.at, amount)
    legs = [_plain(entry, reading, kind, "trade"), Leg(reading.asset(code, Among.CODES), cash, "cash")]
    return legs, None if payment else f"its notes do not say what it was paid with: taken as {code}"


def _convert(entry: Entry, reading: Reading, rows: set[tuple[str, bool]]) -> list[Leg]:
    """What this row gives, what it receives, or both where no other row of the conversion says the rest.

    What is given is worth the total, and what is received the total less the fees.
    """
    own, minus = entry.quantity.copy_abs(), entry.quantity.is_signed()
    told = read_conversion(entry.notes)
    if told is None:
        if not any(asset != entry.asset and sign != minus for asset, sign in rows):
            raise Unreadable("neither its notes nor another row say what it was converted into")
        return [_side(entry, reading, entry.asset, own, given=minus)]
    source, target, assets = told.from_code.upper(), told.to_code.upper(), {asset for asset, _ in rows}
    if entry.asset not in (source, target):
        raise Unreadable(f"its notes speak of {source} and {target}, not of {entry.asset}")
    legs = [_side(entry, reading, entry.asset, own, given=entry.asset == source)]
    if entry.asset == source and target not in assets:
        legs.append(_side(entry, reading, target, told.received, given=False))
    if entry.asset == target and source not in assets:
        legs.insert(0, _side(entry, reading, source, told.given, given=True))
    return legs


def _side(entry: Entry, reading: Reading, code: str, quantity: Decimal, *, given: bool) -> Leg:
    if given:
        wording = Wording(Kind.SELL, entry.at, quantity, _price(entry, entry.total or entry.subtotal, quantity))
    else:
        wording = Wording(Kind.BUY, entry.at, quantity, _price(entry, entry.subtotal, quantity), _fee(entry))
    return Leg(reading.asset(code, Among.CODES), wording, "out" if given else "in")


def _price(entry: Entry, worth: Decimal | None, quantity: Decimal) -> AmountOrder | None:
    """Of one: by what all of it was worth, for the price that is written is rounded."""
    if worth is not None and quantity:
        return _money(entry, round_amount(EXACT.divide(worth, quantity)))
    return _money(entry, entry.price)


def _fee(entry: Entry) -> AmountOrder | None:
    return _money(entry, entry.fees or None)


def _money(entry: Entry, amount: Decimal | None) -> AmountOrder | None:
    if amount is None:
        return None
    if not entry.currency:
        raise Unreadable("its amounts have no currency")
    return AmountOrder(amount, entry.currency)
