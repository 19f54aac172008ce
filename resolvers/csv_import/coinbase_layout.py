"""The columns of Coinbase's transaction export, in all the forms that it has had.

To 2021 the header named the currency of amounts (`EUR Subtotal`); then came the `Spot Price Currency`; and since 2024
there are an `ID`, signs of money in the amounts, and a minus where something goes out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from resolvers.csv_import.numbers import parse_number
from resolvers.csv_import.records import Record
from resolvers.csv_import.rows import Unreadable
from resolvers.csv_import.times import TimeFormat

EXPECTED = "`Timestamp`, `Transaction Type`, `Asset` and `Quantity Transacted`"
_NEEDED = {"timestamp", "transaction type", "asset", "quantity transacted"}
_COLUMNS = {
    "id": r"id",
    "time": r"timestamp",
    "type": r"transaction type",
    "asset": r"asset",
    "quantity": r"quantity transacted",
    "currency": r"(?:spot )?price currency",
    "price": r"(?:(?P<code>[a-z]{3}) )?(?:spot )?price at transaction",
    "subtotal": r"(?:[a-z]{3} )?subtotal",
    "total": r"(?:[a-z]{3} )?(?:total|amount transacted)(?: \(.*\))?",
    "fees": r"(?:[a-z]{3} )?fees(?: and/or spread)?",
    "notes": r"notes",
}
_TIMES, _DATES = TimeFormat(), TimeFormat("%m/%d/%Y")


class Entry(NamedTuple):
    """One row. `quantity` has the sign that is written; amounts are of `currency`, without a sign."""

    line: int
    id: str | None
    type: str
    at: datetime
    asset: str
    quantity: Decimal
    currency: str
    price: Decimal | None
    subtotal: Decimal | None
    total: Decimal | None
    fees: Decimal | None
    notes: str


def is_header(columns: Sequence[str]) -> bool:
    return set(columns) >= _NEEDED


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column holds what; `currency` is that of a header that names it."""

    columns: dict[str, str]
    currency: str

    @classmethod
    def of(cls, header: Sequence[str]) -> Layout:
        columns: dict[str, str] = {}
        currency = ""
        for name, pattern in _COLUMNS.items():
            for column in header:
                if match := re.fullmatch(pattern, column):
                    columns[name] = column
                    currency = match.groupdict().get("code") or currency
                    break
        return cls(columns, currency)

    def read(self, record: Record) -> Entry:
        """Raises ValueError, in words."""
        if record.problem:
            raise Unreadable(record.problem)
        cells = {name: record.cells[column] for name, column in self.columns.items()}
        for name in ("time", "type", "asset", "quantity"):
            if not cells[name]:
                raise Unreadable(f"`{self.columns[name]}` is empty")
        time = cells["time"]
        return Entry(
            line=record.line,
            id=cells.get("id") or None,
            type=" ".join(cells["type"].lower().split()),
            at=(_DATES if "/" in time else _TIMES).parse(time),
            asset=cells["asset"].upper(),
            quantity=parse_number(cells["quantity"]),
            currency=cells.get("currency") or self.currency,
            price=_amount(cells.get("price")),
            subtotal=_amount(cells.get("subtotal")),
            total=_amount(cells.get("total")),
            fees=_amount(cells.get("fees")),
            notes=cells.get("notes", ""),
        )


def _amount(text: str | None) -> Decimal | None:
    return parse_number(text).copy_abs() if text else None
