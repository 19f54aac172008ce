"""Who has wallets at the simulated Coinbase, and what they do there.

Their wallets open on a fixed day: whatever has been told once is told again, however much later.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from simulator.instants import unix_seconds
from simulator.market import DAY_S, Market

OPENED = unix_seconds("2024-11-01")
_LARGE_COUNT = 300  # wallets of coins of the tail, of which
_LARGE_FILLED = 12  # so many hold something
_UNKNOWN = "XYZQ"  # no coin has this symbol


@dataclass(frozen=True)
class User:
    """`monthly`: money that comes in every 30 days. `every_s`: about so many seconds between two orders.

    `opening`: what is there from the first day on. `vault`: so too, in wallets of their own. `empty`: further wallets.
    None of this is listed by Advanced Trade, which knows orders only.
    """

    name: str
    every_s: int
    products: tuple[str, ...]
    monthly: Mapping[str, Decimal]
    opening: Mapping[str, Decimal] = field(default_factory=dict)
    vault: Mapping[str, Decimal] = field(default_factory=dict)
    empty: tuple[str, ...] = ()


def users_of(market: Market) -> dict[str, User]:
    """By name."""
    return {user.name: user for user in (_everyday(), _large(market))}


def _everyday() -> User:
    return User(
        "everyday",
        every_s=5 * DAY_S,
        products=("BTC-USD", "BTC-USD", "ETH-USD", "ETH-EUR", "SOL-USD", "BTC-EUR", "ADA-USD"),
        monthly={"USD": Decimal("1500"), "EUR": Decimal("400.50")},
        opening={"BTC": Decimal("0.08421"), "DOGE": Decimal("2500")},
        vault={"BTC": Decimal("0.25")},
        empty=("GBP", "LTC", "XRP", "LINK", "DOT", "SHIB", "EOS"),
    )


def _large(market: Market) -> User:
    """More wallets than fit on one page, and a code that nobody knows."""
    products = ("BTC-USD", "ETH-USD", "BTC-EUR", "SOL-USD", "XRP-USD", "LTC-USD", "LINK-USD", "DOGE-USD", "ETH-BTC")
    known = {code for product in products for code in product.split("-")}
    symbols = dict.fromkeys(coin.symbol.upper() for coin in market.coins.values() if coin.number >= 100)
    tail = [code for code in symbols if code not in known][:_LARGE_COUNT]
    filled = {code: Decimal(1000 + 37 * number) / 8 for number, code in enumerate(tail[:_LARGE_FILLED])}
    return User(
        "large",
        every_s=DAY_S,
        products=products,
        monthly={"USD": Decimal("25000"), "EUR": Decimal("9000")},
        opening={"BTC": Decimal("1.5"), "ETH": Decimal("12.000000000123456789"), _UNKNOWN: Decimal("12.5"), **filled},
        vault={"ETH": Decimal("30")},
        empty=tuple(tail[_LARGE_FILLED:]),
    )
