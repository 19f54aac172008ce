"""How to read a file of transactions."""

from __future__ import annotations

from enum import Enum
from functools import partial

import strawberry
from strawberry import enum_value as value

from db.transactions import Kind
from resolvers.csv_import.coinbase_format import read_coinbase
from resolvers.csv_import.mapped_format import OWN, WORDS, Description, Field, KindPair, read_mapped
from resolvers.csv_import.rows import Reading
from resolvers.csv_import.times import TimeFormat
from resolvers.errors import ApiError, Code
from resolvers.transaction_import import ImportOrder
from schema.account_changes import ACCOUNT_ID
from schema.enums import TransactionKind


@strawberry.enum(description="How a file of transactions is written.")
class ImportFormat(Enum):
    PRICEGRAPH = value(
        "PRICEGRAPH",
        description="Our own: columns `at`, `kind`, `coin` or `currency`, `quantity`, and as far as they are known "
        "`unit_price`, `unit_price_currency`, `fee`, `fee_currency`, `external_id`; in any order.",
    )
    COINBASE = value("COINBASE", description="Coinbase's transaction history, in any of its forms since 2018.")
    GENERIC = value("GENERIC", description="Any other with a header: `mapping` says what its columns hold.")


@strawberry.enum(description="What a column of a file holds.")
class ImportField(Enum):
    AT = value("AT", description="When it happened.")
    KIND = value("KIND", description="A word for what it is; without it the sign of the quantity says which way.")
    COIN = value("COIN", description="A coin, by slug or by a symbol that is not in doubt.")
    CURRENCY = value("CURRENCY", description="Money, by its code.")
    ASSET = value("ASSET", description="Either of the two, by code or symbol, as exchanges write.")
    QUANTITY = value("QUANTITY", description="How much.")
    UNIT_PRICE = value("UNIT_PRICE", description="What one cost or brought.")
    UNIT_PRICE_CURRENCY = value("UNIT_PRICE_CURRENCY", description="Code of the currency of that price.")
    FEE = value("FEE", description="What was paid besides.")
    FEE_CURRENCY = value("FEE_CURRENCY", description="Code of the currency of that fee.")
    EXTERNAL_ID = value("EXTERNAL_ID", description="The source's own id: one that is known is not added again.")


@strawberry.input(description="Where something stands in a file.")
class ImportColumn:
    field: ImportField = strawberry.field(description="What is meant.")
    column: str | None = strawberry.field(default=None, description="Name of the column that holds it, in any case.")
    value: str | None = strawberry.field(default=None, description="Instead of a column: the same for every row.")


@strawberry.input(description="What a word in the column KIND means.")
class ImportKind:
    word: str = strawberry.field(description="As the file has it, in any case.")
    kind: TransactionKind = strawberry.field(description="What it means.")
    when_negative: TransactionKind | None = strawberry.field(
        default=None, description="What it means where the quantity is below zero, if that differs."
    )


@strawberry.input(description="What the columns of a GENERIC file hold, and how.")
class ImportMapping:
    columns: list[ImportColumn] = strawberry.field(
        description="At least AT, QUANTITY, and one of COIN, CURRENCY and ASSET."
    )
    kinds: list[ImportKind] = strawberry.field(
        default_factory=list, description="The file's words; the names of the kinds are understood without."
    )
    time_format: str | None = strawberry.field(
        default=None, description="As of strptime, such as `%d.%m.%Y %H:%M`; left out: ISO 8601."
    )
    time_zone: str | None = strawberry.field(
        default=None, description="Of times that name none, such as `Europe/Berlin`; left out: UTC."
    )

    def description(self) -> Description:
        columns: dict[Field, str] = {}
        values: dict[Field, str] = {}
        for one in self.columns:
            if (one.column is None) == (one.value is None):
                text = f"{one.field.name} needs either a `column` or a `value`"
                raise ApiError(Code.BAD_INPUT, text, field=["mapping", "columns"])
            if one.column is not None:
                columns[Field(one.field.name)] = " ".join(one.column.lower().split())
            else:
                values[Field(one.field.name)] = one.value or ""
        kinds = {one.word.strip().upper(): _pair(one) for one in self.kinds}
        return Description(columns, values, kinds, TimeFormat.of(self.time_format, self.time_zone))


@strawberry.input(description="What a file calls a coin.")
class ImportName:
    name: str = strawberry.field(description="As the file has it, in any case.")
    coin: str = strawberry.field(description="Slug of the coin that it means.")


@strawberry.input(description="A file of transactions, for a manual account.")
class ImportTransactionsInput:
    account: strawberry.ID = strawberry.field(description=ACCOUNT_ID)
    csv: str = strawberry.field(description="The file: at most 10 MB and 100,000 rows. Send it in a variable.")
    format: ImportFormat = strawberry.field(default=ImportFormat.PRICEGRAPH, description="How it is written.")
    mapping: ImportMapping | None = strawberry.field(
        default=None, description="What its columns hold; for GENERIC, and only for it."
    )
    decimal_comma: bool = strawberry.field(
        default=False, description="`true`: 1.234,5 is one thousand and more. Not for COINBASE, which writes 1,234.5."
    )
    names: list[ImportName] = strawberry.field(
        default_factory=list, description="Coins that it names in a way that is in doubt."
    )
    dry_run: bool = strawberry.field(default=True, description="Say what would be done, and store nothing.")

    def order(self) -> ImportOrder:
        reading = Reading(self.decimal_comma, {one.name.strip().lower(): one.coin for one in self.names})
        if (self.mapping is None) == (self.format is ImportFormat.GENERIC):
            text = "GENERIC needs a `mapping`, and the other formats have none"
            raise ApiError(Code.BAD_INPUT, text, field=["mapping"])
        if self.format is ImportFormat.COINBASE:
            read = partial(read_coinbase, reading=reading)
            return ImportOrder(self.account, self.csv, read, apply=not self.dry_run)
        description = self.mapping.description() if self.mapping else OWN
        description.check()
        mapped = partial(read_mapped, description=description, reading=reading)
        return ImportOrder(self.account, self.csv, mapped, apply=not self.dry_run)


def _pair(given: ImportKind) -> KindPair:
    kind = Kind(given.kind.name)
    return KindPair(kind, Kind(given.when_negative.name) if given.when_negative else WORDS[kind.value].minus)
