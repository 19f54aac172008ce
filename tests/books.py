"""A portfolio with a few transactions and prices, and what the API makes of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.pool import Database
from db.series import DAY, floor
from tests.api import add_coins, execute, iso
from tests.portfolios import COINBASE, Person, open_person
from tests.world import NOW

TODAY = floor(NOW, DAY)
GAINS = """
query($id: ID!, $at: Time! = "now", $currency: String, $method: CostBasisMethod! = FIFO) {
  portfolio(id: $id) {
    gains(at: $at, currency: $currency, method: $method) {
      costBasis { amount } value { amount } unrealisedGain { amount } realisedGain { amount } income { amount }
      complete warnings
      assets { coin { slug } currency { code } quantity costBasis { amount } realisedGain { amount } value { amount } }
    }
  }
}
"""
PERFORMANCE = """
query($id: ID!, $from: Time!, $to: Time! = "now", $currency: String, $method: ReturnMethod! = SIMPLE) {
  portfolio(id: $id) {
    performance(from: $from, to: $to, currency: $currency, method: $method) {
      start { amount } end { amount } netFlows { amount } gain { amount } percent complete warnings formula
    }
  }
}
"""
METHODS = ("SIMPLE", "TIME_WEIGHTED", "MONEY_WEIGHTED")


@dataclass
class Books:
    """A portfolio of Alice's with two accounts of her own."""

    database: Database
    alice: Person
    portfolio: str
    cold: str
    warm: str

    async def gains(self, **given: Any) -> dict[str, Any]:
        return flat((await self.alice.ask(GAINS, id=self.portfolio, **given))["portfolio"]["gains"])

    async def performance(self, **given: Any) -> dict[str, Any]:
        return flat((await self.alice.ask(PERFORMANCE, id=self.portfolio, **given))["portfolio"]["performance"])

    async def price(self, days_ago: int, price: float, coin: int = 1, currency: str = "usd") -> None:
        await execute(
            self.database,
            "insert into price_daily (coin_id, currency_id, ts, price, observed_at, provider_id) "
            "select %s, id, %s, %s, %s, 1 from currencies where code = %s",
            coin,
            ago(days_ago),
            price,
            ago(days_ago),
            currency,
        )

    async def report(self, days_ago: int, quantity: str) -> None:
        """A source says that so much of the only asset is in the first account."""
        await execute(
            self.database,
            "insert into balances select min(a.id), min(s.id), %s, %s from accounts a, assets s",
            ago(days_ago),
            quantity,
        )


def ago(days: int) -> datetime:
    return TODAY - days * DAY


def flat(found: dict[str, Any]) -> dict[str, Any]:
    """Money as its amount."""
    return {key: value["amount"] if isinstance(value, dict) else value for key, value in found.items()}


def move(kind: str, quantity: str, days_ago: int, price: str | None = None, **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"kind": kind, "coin": "coin-1", "quantity": quantity, "at": iso(ago(days_ago))} | more
    return given | ({"unitPrice": {"amount": price, "currency": "usd"}} if price else {})


def cash(kind: str, quantity: str, days_ago: int, currency: str = "usd", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "currency": currency, "quantity": quantity, "at": iso(ago(days_ago))} | more


async def keep_at_coinbase(books: Books) -> None:
    """The only account is one that a source reports on; a coin was bought there."""
    await execute(books.database, "delete from accounts")
    await books.alice.add_account(books.portfolio, COINBASE, "exchange")
    await execute(books.database, "update accounts set last_synced_at = %s", NOW)
    await execute(
        books.database,
        "insert into transactions (account_id, asset_id, kind, at, quantity, unit_price, unit_price_currency_id, "
        "created_at) select a.id, s.id, 'BUY', %s, 1, 10, 1, %s from accounts a, assets s",
        ago(9),
        NOW,
    )


@asynccontextmanager
async def open_books(database: Database) -> AsyncIterator[Books]:
    """In a world of two coins without prices."""
    await add_coins(database, 2)
    async with open_person(database, "alice") as alice:
        portfolio = await alice.create_portfolio()
        cold, warm = await alice.add_account(portfolio), await alice.add_account(portfolio, label="warm")
        yield Books(database, alice, portfolio, cold, warm)
