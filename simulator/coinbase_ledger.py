"""What has happened in a user's wallets: deposits, and orders that were filled at the prices of the market.

Everything happens at its own instant whenever it is asked for, and fills and deposits together are the balances.
"""

from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal
from typing import Literal, NamedTuple

from simulator.candles import Pair
from simulator.coinbase_exchange import pairs_of
from simulator.coinbase_users import OPENED, User
from simulator.market import DAY_S, Market
from simulator.noise import key_of, uniform

_SATOSHI = Decimal("0.00000001")
_FEE, _FEE_DIGITS = Decimal("0.006"), Decimal("0.000000000001")
_MONTH_S = 30 * DAY_S
_DRAWS = 8  # random numbers per order
_FILLING_S = 2  # between an order's first fill and its end, at most
_LATE_SHARE = 0.6  # of the time between two orders
_IN_QUOTE, _BUYS = 0.2, 0.65  # shares of the purchases, and of all orders


class Deposit(NamedTuple):
    """`at` in unix seconds."""

    at: int
    code: str
    quantity: Decimal


class Fill(NamedTuple):
    """Part of an order or all of it. `number` counts a user's fills from 1, the oldest; `at_ms` in milliseconds.

    `size` is in the base currency, also where it is told in the quote currency (`in_quote`).
    """

    number: int
    order: int
    at_ms: int
    product: str
    side: Literal["BUY", "SELL"]
    price: Decimal
    size: Decimal
    in_quote: bool

    @property
    def value(self) -> Decimal:
        return self.price * self.size

    @property
    def commission(self) -> Decimal:
        """In the quote currency."""
        return (self.value * _FEE).quantize(_FEE_DIGITS)

    def changes(self) -> Iterator[tuple[str, Decimal]]:
        """(code, by how much) of both wallets."""
        base, quote = self.product.split("-")
        sign = 1 if self.side == "BUY" else -1
        yield base, sign * self.size
        yield quote, -sign * self.value - self.commission


class Ledger:
    """Of one user."""

    def __init__(self, user: User, market: Market, seed: int) -> None:
        self.user = user
        self._market, self._key, self._pairs = market, key_of(seed, "orders of", user.name), pairs_of(market)
        self._fills: list[Fill] = []
        # What is in the wallets after so many orders, and so many months of deposits.
        self._held, self._orders, self._months = dict(user.opening), 0, 0

    def fills(self, now: float) -> list[Fill]:
        """Oldest first."""
        while (at := self._instant(self._orders)) <= now + _FILLING_S:
            self._order(self._orders, at)
            self._orders += 1
        return [fill for fill in self._fills if fill.at_ms <= now * 1000]

    def deposits(self, now: float) -> list[Deposit]:
        """Oldest first. What is in the vaults has come on the first day too, and stays there."""
        if now < OPENED:
            return []
        first = [Deposit(OPENED, *held) for held in (*self.user.opening.items(), *self.user.vault.items())]
        months = range(OPENED, int(now) + 1, _MONTH_S)
        return first + [Deposit(at, *money) for at in months for money in self.user.monthly.items()]

    def balances(self, now: float) -> dict[str, Decimal]:
        """By code, wallets and vaults together."""
        sums: dict[str, Decimal] = {}
        for deposit in self.deposits(now):
            _add(sums, deposit.code, deposit.quantity)
        for fill in self.fills(now):
            for code, change in fill.changes():
                _add(sums, code, change)
        return sums

    def _instant(self, order: int) -> int:
        """Unix second at which it is filled; later orders come later."""
        late = _LATE_SHARE * uniform(self._key, _DRAWS * order)
        return OPENED + round((order + 1 + late) * self.user.every_s)

    def _order(self, order: int, at: int) -> None:
        """What the wallets give: nothing is bought without money, or sold without having it."""
        while OPENED + self._months * _MONTH_S <= at:
            self._months += 1
            for code, quantity in self.user.monthly.items():
                _add(self._held, code, quantity)
        luck = [uniform(self._key, _DRAWS * order + draw) for draw in range(_DRAWS)]
        product = self.user.products[int(luck[1] * len(self.user.products))]
        price = self._price(self._pairs[product], at)
        base, quote = product.split("-")
        buys = luck[2] < _BUYS or not self._held.get(base)
        share = Decimal(round(0.05 + 0.3 * luck[3], 3))
        spent = self._held.get(quote, Decimal()) / (price * (1 + _FEE)) if buys else self._held[base]
        in_quote = buys and luck[4] < _IN_QUOTE
        for number, size in enumerate(_parts(spent * share, parts=1 + int(3 * luck[5]))):
            at_ms = (at - _FILLING_S) * 1000 + 600 * number + int(599 * luck[6])
            self._fill(
                Fill(len(self._fills) + 1, order, at_ms, product, "BUY" if buys else "SELL", price, size, in_quote)
            )

    def _fill(self, fill: Fill) -> None:
        self._fills.append(fill)
        for code, change in fill.changes():
            _add(self._held, code, change)

    def _price(self, pair: Pair, at: int) -> Decimal:
        """The market's, in the steps that the exchange has for a price of this size."""
        quote = self._market.quote(pair.coin, pair.currency, at)
        if quote is None:
            raise LookupError("not listed yet")
        step = Decimal("0.01") if quote.price >= 10 else Decimal("0.0001") if quote.price >= 0.1 else _SATOSHI
        return Decimal(quote.price).quantize(step)


def _parts(size: Decimal, parts: int) -> list[Decimal]:
    """Of a whole number of satoshis each; the last one has the rest."""
    whole = size.quantize(_SATOSHI, ROUND_DOWN)
    part = (whole / parts).quantize(_SATOSHI, ROUND_DOWN)
    sizes = [part] * (parts - 1)
    return [size for size in (*sizes, whole - sum(sizes)) if size]


def _add(sums: dict[str, Decimal], code: str, quantity: Decimal) -> None:
    sums[code] = sums.get(code, Decimal()) + quantity
