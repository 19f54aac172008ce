"""What a portfolio was worth, worked out point by point from what is stored, with no regard to speed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from typing import NamedTuple

PRICE_AGE, RATE_AGE = timedelta(hours=26), timedelta(days=3)
EXACT = Context(prec=500)
_LEAST = Decimal("1e-18")
# A series is a coin in a currency; a store has the prices of each by time.
Store = Mapping[tuple[int, str], Mapping[datetime, float]]


class Move(NamedTuple):
    """A transaction. An asset is the number of a coin, or the code of a money."""

    account: int
    asset: int | str
    at: datetime
    change: Decimal


class Report(NamedTuple):
    account: int
    asset: int | str
    at: datetime
    quantity: Decimal


class Dated(NamedTuple):
    at: datetime
    figure: Decimal


@dataclass(frozen=True)
class Books:
    """Everything that is stored. Prices are stored in `base`; those of the coin `rate_coin` in other currencies too."""

    base: str
    rate_coin: int
    moves: Sequence[Move]
    reports: Sequence[Report]
    daily: Store
    hourly: Store
    latest: Mapping[tuple[int, str], tuple[datetime, float]]
    rated: Sequence[str]
    unknown: frozenset[int] = field(default_factory=frozenset)


@dataclass
class Sum:
    """A valuation as the API has it, rounded."""

    known: Decimal
    unpriced: set[tuple[int, int | str]]
    incomplete: set[int]
    as_of: datetime | None
    values: dict[tuple[int, int | str], Decimal]

    @property
    def complete(self) -> bool:
        return not self.unpriced and not self.incomplete


def value(books: Books, currency: str, at: datetime) -> Sum:
    known, oldest = Decimal(0), []
    unpriced, values = set(), {}
    for key, quantity in holdings(books, at).items():
        found = price(books, key[1], currency, at)
        if found is None:
            unpriced.add(key)
            continue
        figure, times = found
        worth = EXACT.multiply(quantity, figure)
        known = EXACT.add(known, worth)
        values[key] = rounded(worth)
        oldest += times
    return Sum(rounded(known), unpriced, incomplete(books, at), min(oldest, default=None), values)


def holdings(books: Books, at: datetime) -> dict[tuple[int, int | str], Decimal]:
    found = {}
    for account, asset in _keys(books):
        changes = [move for move in books.moves if (move.account, move.asset) == (account, asset) and move.at <= at]
        reports = [one for one in _reports(books, account, asset) if one.at <= at]
        quantity = Decimal(0)
        if reports:
            quantity = reports[-1].quantity
            changes = [move for move in changes if move.at > reports[-1].at]
        quantity = EXACT.add(quantity, _sum(changes))
        if quantity:
            found[account, asset] = quantity
    return found


def incomplete(books: Books, at: datetime) -> set[int]:
    found = set(books.unknown)
    for account, asset in _keys(books):
        for first in _reports(books, account, asset)[:1]:
            before = [move for move in books.moves if (move.account, move.asset) == (account, asset)]
            explained = _sum([move for move in before if move.at <= first.at])
            if at < first.at and explained != first.quantity:
                found.add(account)
    return found


def price(books: Books, asset: int | str, currency: str, at: datetime) -> tuple[Decimal, list[datetime]] | None:
    """The price, and the times of what it is made of."""
    if asset == currency:
        return Decimal(1), []
    if isinstance(asset, str):
        rated = rate(books, asset, currency, at)
        return (rated.figure, [rated.at]) if rated else None
    direct = currency == books.base or (asset == books.rate_coin and currency in books.rated)
    found = stored_price(books, asset, currency if direct else books.base, at)
    if found is None or direct:
        return (found.figure, [found.at]) if found else None
    rated = rate(books, books.base, currency, at)
    return (EXACT.multiply(found.figure, rated.figure), [found.at, rated.at]) if rated else None


def stored_price(books: Books, coin: int, currency: str, at: datetime) -> Dated | None:
    candidates = []
    # Of equal times the first stays the newest: daily before hourly before latest.
    for store in (books.daily, books.hourly):
        candidates += [Dated(ts, Decimal(repr(figure))) for ts, figure in store.get((coin, currency), {}).items()]
    if latest := books.latest.get((coin, currency)):
        candidates.append(Dated(latest[0], Decimal(repr(latest[1]))))
    return _newest(candidates, at, PRICE_AGE)


def rate(books: Books, base: str, quote: str, at: datetime) -> Dated | None:
    if not {base, quote} <= {books.base, *books.rated}:
        return None
    candidates = []
    for store in (books.daily, books.hourly):
        bases, quotes = (store.get((books.rate_coin, code), {}) for code in (base, quote))
        for ts in bases.keys() & quotes.keys():
            quotient = EXACT.divide(Decimal(repr(quotes[ts])), Decimal(repr(bases[ts])))
            candidates.append(Dated(ts, quotient.quantize(_LEAST, ROUND_HALF_UP, EXACT)))
    return _newest(candidates, at, RATE_AGE)


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(_LEAST, ROUND_HALF_EVEN, EXACT)


def _newest(candidates: Sequence[Dated], at: datetime, age: timedelta) -> Dated | None:
    return max((one for one in candidates if at - age <= one.at <= at), key=lambda one: one.at, default=None)


def _reports(books: Books, account: int, asset: int | str) -> list[Report]:
    found = [one for one in books.reports if (one.account, one.asset) == (account, asset)]
    return sorted(found, key=lambda one: one.at)


def _keys(books: Books) -> Iterator[tuple[int, int | str]]:
    moved = {(one.account, one.asset) for one in books.moves}
    yield from moved | {(one.account, one.asset) for one in books.reports}


def _sum(moves: Sequence[Move]) -> Decimal:
    total = Decimal(0)
    for move in moves:
        total = EXACT.add(total, move.change)
    return total
