"""The newest price of a coin, and how it changed over a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from db.pool import Connection, Database
from db.prices import LatestRow, list_latest
from db.rates import Rate
from db.series import HOUR, Granularity, Window, floor
from resolvers.errors import ApiError, Code
from resolvers.quotes import Quote
from resolvers.rates import last_rate, load_rates

if TYPE_CHECKING:
    from resolvers.context import Context


class LatestKey(NamedTuple):
    coin_id: int
    quote: Quote


@dataclass(frozen=True, slots=True)
class LatestView:
    """Money in the currency of the quote; `change_percent` against the stored hour nearest to 24 hours earlier."""

    price: float
    market_cap: float | None
    volume_24h: float | None
    observed_at: datetime
    provider_id: int
    change_percent: float | None
    fx_rate: float | None = None
    fx_rate_at: datetime | None = None


class LatestLoader:
    """Loads many latest prices at once: statements are per distinct quote, whatever the number of coins."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, keys: list[LatestKey]) -> list[LatestView | ApiError | None]:
        groups: dict[Quote, list[int]] = defaultdict(list)
        for key in keys:
            groups[key.quote].append(key.coin_id)
        found: dict[LatestKey, LatestView | ApiError] = {}
        async with self._database.connection() as connection:
            for quote, coins in groups.items():
                rows = await list_latest(connection, coins, quote.base.id)
                rates = await _load_rates(connection, quote, rows)
                found |= {LatestKey(row.coin_id, quote): _view(row, quote, rates) for row in rows}
        return [found.get(key) for key in keys]


async def resolve_latest(context: Context, coin_id: int, quote: Quote) -> LatestView | None:
    """The newest price, None before the first refresh; FX_UNAVAILABLE when there is no rate to convert it with."""
    found = await context.latest.load(LatestKey(coin_id, quote))
    if isinstance(found, ApiError):
        raise found
    return found


async def _load_rates(connection: Connection, quote: Quote, rows: Sequence[LatestRow]) -> list[Rate]:
    """The hourly rates that the samples need: of their own hour and of a day before."""
    if quote.pair is None:
        return []
    hours = {hour for row in rows for hour in (floor(row.observed_at, HOUR), row.hour_24h_ago)}
    windows = [Window(hour, hour + HOUR) for hour in hours]
    return await load_rates(connection, quote.pair, Granularity.HOURLY, windows)


def _view(row: LatestRow, quote: Quote, rates: Sequence[Rate]) -> LatestView | ApiError:
    before = row.price_24h_ago
    if quote.pair is None:
        change = _percent(row.price, before)
        return LatestView(row.price, row.market_cap, row.volume_24h, row.observed_at, row.provider_id, change)
    now, then = last_rate(rates, row.observed_at), last_rate(rates, row.hour_24h_ago)
    if now is None:
        code = quote.currency.code
        return ApiError(Code.FX_UNAVAILABLE, f"no rate to {code} is stored for the newest price", field=["currency"])
    price = row.price * now.rate
    return LatestView(
        price,
        _times(row.market_cap, now.rate),
        _times(row.volume_24h, now.rate),
        row.observed_at,
        row.provider_id,
        _percent(price, _times(before, then.rate) if then else None),
        now.rate,
        now.ts,
    )


def _times(value: float | None, rate: float) -> float | None:
    return None if value is None else value * rate


def _percent(price: float, before: float | None) -> float | None:
    return (price / before - 1) * 100 if before else None
