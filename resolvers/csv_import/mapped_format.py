"""Files whose columns somebody describes; our own format is the one that is described here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from db.transactions import Kind
from resolvers.csv_import.records import Record, read_table
from resolvers.csv_import.rows import Among, AssetWord, Leg, Reading, Row, Unreadable
from resolvers.csv_import.times import TimeFormat
from resolvers.errors import ApiError, Code
from resolvers.transaction_drafts import Wording


class Field(StrEnum):
    """What a column may hold; in our own format columns have these names in lower case."""

    AT = "AT"
    KIND = "KIND"
    COIN = "COIN"
    CURRENCY = "CURRENCY"
    ASSET = "ASSET"
    QUANTITY = "QUANTITY"
    UNIT_PRICE = "UNIT_PRICE"
    UNIT_PRICE_CURRENCY = "UNIT_PRICE_CURRENCY"
    FEE = "FEE"
    FEE_CURRENCY = "FEE_CURRENCY"
    EXTERNAL_ID = "EXTERNAL_ID"


class KindPair(NamedTuple):
    """What a quantity means, by its sign. None: such a sign makes no sense."""

    plus: Kind | None
    minus: Kind | None


# Without a sign the kind tells the direction; a minus only where something goes out.
WORDS = {
    kind.value: KindPair(kind, None if kind in (Kind.BUY, Kind.DEPOSIT, Kind.REWARD, Kind.TRANSFER_IN) else kind)
    for kind in Kind
}
_BY_SIGN = KindPair(Kind.DEPOSIT, Kind.WITHDRAWAL)
_ASSETS = {Field.COIN: Among.COINS, Field.CURRENCY: Among.MONEY, Field.ASSET: Among.CODES}


@dataclass(frozen=True, slots=True)
class Description:
    """Where each field stands: in a column, by its name in lower case, or the same `values` for every row.

    `kinds`: what the file's words for kinds mean, in upper case.
    """

    columns: Mapping[Field, str]
    values: Mapping[Field, str] = field(default_factory=dict)
    kinds: Mapping[str, KindPair] = field(default_factory=dict)
    times: TimeFormat = field(default_factory=TimeFormat)
    optional: frozenset[Field] = frozenset()

    def check(self) -> None:
        """Raises ApiError when it does not say enough, or too much."""
        if twice := self.columns.keys() & self.values.keys():
            raise _wrong(f"{min(twice)} has both a column and a value; give it one of them")
        given = self.columns.keys() | self.values.keys()
        for missing in (Field.AT, Field.QUANTITY):
            if missing not in given:
                raise _wrong(f"no column is named for {missing}")
        if not given & _ASSETS.keys():
            raise _wrong("nothing says what the transactions are of: name a column for COIN, CURRENCY or ASSET")

    def cell(self, record: Record, wanted: Field) -> str:
        column = self.columns.get(wanted)
        return record.cells.get(column, "") if column is not None else self.values.get(wanted, "")


OWN = Description(
    columns={one: one.value.lower() for one in Field if one is not Field.ASSET},
    optional=frozenset(Field) - {Field.AT, Field.KIND, Field.QUANTITY},
)


def read_mapped(text: str, description: Description, reading: Reading) -> Iterator[Row]:
    needed = [column for one, column in description.columns.items() if one not in description.optional]

    def is_header(columns: Sequence[str]) -> bool:
        return all(column in columns for column in needed)

    table = read_table(text, is_header, "the columns " + ", ".join(needed))
    for column in needed:
        if table.columns.count(column) > 1:
            raise ApiError(Code.BAD_INPUT, f"the header has `{column}` twice; rename one of them", field=["csv"])
    return (_read(record, description, reading) for record in table.records)


def _read(record: Record, description: Description, reading: Reading) -> Row:
    try:
        if record.problem:
            raise Unreadable(record.problem)
        id_ = description.cell(record, Field.EXTERNAL_ID) or None
        return Row(record.line, [_leg(record, description, reading)], id_)
    except ValueError as error:
        return Row(record.line, remark=str(error))


def _leg(record: Record, description: Description, reading: Reading) -> Leg:
    def cell(wanted: Field) -> str:
        return description.cell(record, wanted)

    quantity = reading.number(_need(cell(Field.QUANTITY), Field.QUANTITY))
    wording = Wording(
        kind=_kind(cell(Field.KIND), quantity, description),
        at=description.times.parse(_need(cell(Field.AT), Field.AT)),
        quantity=quantity.copy_abs(),
        unit_price=reading.amount(cell(Field.UNIT_PRICE), cell(Field.UNIT_PRICE_CURRENCY), "unit_price"),
        fee=reading.amount(cell(Field.FEE), cell(Field.FEE_CURRENCY), "fee"),
    )
    return Leg(_asset(record, description, reading), wording)


def _asset(record: Record, description: Description, reading: Reading) -> AssetWord:
    words = [
        reading.asset(text, among) for one, among in _ASSETS.items() if (text := description.cell(record, one)) != ""
    ]
    if len(words) != 1:
        raise Unreadable("it names no coin and no currency" if not words else "it names both a coin and a currency")
    return words[0]


def _kind(word: str, quantity: Decimal, description: Description) -> Kind:
    if not word and Field.KIND not in description.columns:
        pair = _BY_SIGN
    else:
        name = "_".join(word.upper().split())
        found = description.kinds.get(word.upper()) or WORDS.get(name)
        if found is None:
            raise Unreadable(f"{word[:40]!r} is no kind of transaction")
        pair = found
    kind = pair.minus if quantity.is_signed() else pair.plus
    if kind is None:
        side = "below" if quantity.is_signed() else "above"
        raise Unreadable(f"a quantity {side} zero does not go with {word[:40]!r}")
    return kind


def _need(text: str, wanted: Field) -> str:
    if not text:
        raise Unreadable(f"`{wanted.lower()}` is empty")
    return text


def _wrong(text: str) -> ApiError:
    return ApiError(Code.BAD_INPUT, text, field=["mapping", "columns"])
