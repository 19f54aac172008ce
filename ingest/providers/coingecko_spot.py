"""CoinGecko's `/simple/price`: what many coins cost now, in many currencies, in one call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from db.bounds import is_price
from ingest.buckets import Sample
from ingest.providers.values import FUTURE, amount, finite

# Servers and proxies refuse addresses of more than 8,000 characters or so; the rest of the address needs some, too.
MAX_IDS_LENGTH = 5_000


@dataclass(frozen=True, slots=True)
class Spot:
    """Samples by coin id and currency code. `rejected` counts the prices that were asked for and are not among them."""

    samples: Mapping[tuple[str, str], Sample]
    rejected: int


def group_ids(coins: Sequence[str]) -> Iterator[list[str]]:
    """As few groups as possible, each short enough for one address."""
    group: list[str] = []
    length = 0
    for coin in coins:
        size = len(quote(f"{coin},", safe=""))
        if group and length + size > MAX_IDS_LENGTH:
            yield group
            group, length = [], 0
        group.append(coin)
        length += size
    if group:
        yield group


def read_spot(
    payload: Mapping[str, Mapping[str, Any]], coins: Sequence[str], currencies: Sequence[str], now: datetime
) -> Spot:
    """What is usable of an answer: CoinGecko leaves out coins that it does not know, and sends null for no price."""
    samples = {
        (coin, currency): sample
        for coin in coins
        for currency in currencies
        if (sample := _read_sample(payload.get(coin, {}), currency, now))
    }
    return Spot(samples, len(coins) * len(currencies) - len(samples))


def _read_sample(quotes: Mapping[str, Any], currency: str, now: datetime) -> Sample | None:
    price, seconds = finite(quotes.get(currency)), finite(quotes.get("last_updated_at"))
    if price is None or not is_price(price) or seconds is None or not 0 < seconds <= (now + FUTURE).timestamp():
        return None
    return Sample(
        datetime.fromtimestamp(seconds, UTC),
        price,
        amount(quotes.get(f"{currency}_market_cap")),
        amount(quotes.get(f"{currency}_24h_vol")),
    )
