"""Which stored series answers for a coin in a currency, and through which rate it is converted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from db.currencies import CurrencyRow
from db.rates import RatePair
from resolvers.errors import ApiError, Code


@dataclass(frozen=True, slots=True)
class Quote:
    """Prices in `currency`: those stored in `base`, multiplied by the rate of `pair`; without one they are the same."""

    currency: CurrencyRow
    base: CurrencyRow
    pair: RatePair | None = None


def choose_quote(coin_id: int, currency: CurrencyRow, stored: Sequence[CurrencyRow]) -> Quote:
    """What is stored is taken as it is; FX_UNAVAILABLE when there is neither a series nor a rate."""
    if currency.tracked or currency.rate_coin_id == coin_id:
        return Quote(currency, currency)
    base = next((row for row in stored if row.tracked), None)
    if base is None or currency.rate_coin_id is None:
        raise ApiError(
            Code.FX_UNAVAILABLE,
            f"no prices are stored in {currency.code}, and no rate to convert them with; "
            f"add {currency.code} to PRICEGRAPH_RATE_CURRENCIES",
            field=["currency"],
        )
    return Quote(currency, base, RatePair(currency.rate_coin_id, base.id, currency.id))


def find_currency(code: str, known: Sequence[CurrencyRow], argument: str = "currency") -> CurrencyRow:
    """The currency of that code, whatever the case; NOT_FOUND with those that prices can be had in."""
    for row in known:
        if row.code == code.lower():
            return row
    offered = ", ".join(row.code for row in known if row.tracked or row.rate_coin_id) or "none yet"
    raise ApiError(
        Code.NOT_FOUND, f"there is no currency {code[:64]!r}; prices can be had in: {offered}", field=[argument]
    )
