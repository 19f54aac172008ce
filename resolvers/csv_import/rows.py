"""What a row of a file says, whatever the file's format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto

from resolvers.csv_import.numbers import parse_number
from resolvers.transaction_drafts import AmountOrder, Wording


class Among(Enum):
    """What a word for an asset may mean."""

    # A coin by its slug, else by its symbol.
    COINS = auto()
    # Money by its code.
    MONEY = auto()
    # As sources write: money of a state by its code, else a coin by its symbol, else by its slug.
    CODES = auto()


@dataclass(frozen=True, slots=True)
class AssetWord:
    text: str
    among: Among


@dataclass(frozen=True, slots=True)
class Leg:
    """One transaction. Its external id comes from the row's: `purpose` tells the legs of a row apart."""

    asset: AssetWord
    wording: Wording
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """What one row means; without legs it is refused, or `ignored`.

    `id`: the source's own, unless it has none. `remark`: why it is refused or ignored, or what was assumed.
    """

    line: int
    legs: Sequence[Leg] = ()
    id: str | None = None
    remark: str | None = None
    ignored: bool = False


class Unreadable(ValueError):
    """A row that means nothing, in words."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file writes: its decimal sign, and what it calls coins: slugs by its words in lower case."""

    decimal_comma: bool = False
    names: Mapping[str, str] = field(default_factory=dict)

    def number(self, text: str) -> Decimal:
        return parse_number(text, decimal_comma=self.decimal_comma)

    def amount(self, text: str, currency: str, name: str) -> AmountOrder | None:
        """None where the cell is empty."""
        if not text:
            return None
        if not currency:
            raise Unreadable(f"`{name}` has no currency")
        return AmountOrder(self.number(text), currency)

    def asset(self, text: str, among: Among) -> AssetWord:
        slug = self.names.get(text.lower())
        return AssetWord(text, among) if slug is None else AssetWord(slug, Among.COINS)
