"""One request as the endpoints see it: arguments checked in the provider's way, no HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass

from simulator.callers import KeyKind
from simulator.coins import Coin
from simulator.currencies import CURRENCIES, Currency
from simulator.errors import ProviderError, bad_argument, coin_not_found, missing_parameter
from simulator.market import Market


@dataclass(frozen=True, slots=True)
class Plan:
    """What the caller's plan holds; the numbers are for `/key`."""

    kind: KeyKind
    per_minute: int
    monthly: int
    spent: int

    @property
    def is_paid(self) -> bool:
        return self.kind == "pro"


@dataclass(frozen=True, slots=True)
class Call:
    """`now` is the clock in whole seconds."""

    market: Market
    plan: Plan
    now: int
    path: Mapping[str, str]
    query: Mapping[str, str]

    def required(self, name: str) -> str:
        value = self.query.get(name, "")
        if not value:
            raise missing_parameter(name)
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        return self.query.get(name, str(default)).lower() == "true"

    def words(self, name: str) -> list[str]:
        """A comma-separated list."""
        words = (word.strip() for word in self.query.get(name, "").split(","))
        return [word for word in words if word]

    def number(self, name: str, default: int, least: int) -> int:
        try:
            value = int(self.query.get(name, default))
        except ValueError:
            value = least - 1
        if value < least:
            raise bad_argument(f"invalid {name}")
        return value

    def coin(self) -> Coin:
        coin = self.market.coins.get(self.path["id"])
        if coin is None or not coin.active:
            raise coin_not_found()
        return coin

    def vs_currency(self) -> Currency:
        currency = CURRENCIES.get(self.required("vs_currency").lower())
        if currency is None:
            raise bad_argument("invalid vs_currency")
        return currency

    def precision(self) -> int | None:
        """Decimal places; None: all of them."""
        given = self.query.get("precision", "full")
        if given == "full":
            return None
        if given.isdecimal() and int(given) <= 18:
            return int(given)
        raise self.invalid("precision")

    def invalid(self, name: str) -> ProviderError:
        return bad_argument(f"invalid {name}")
