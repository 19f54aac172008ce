"""The newest prices of coins, and how they changed over a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from db.latest import LatestRow, list_converted, list_latest
from db.rows import name_columns
from resolvers.errors import ApiError, Code
from resolvers.quotes import Quote, choose_quote

if TYPE_CHECKING:
    from resolvers.context import Context


class LatestKey(NamedTuple):
    """`currency`: the code as it was asked for."""

    coin_id: int
    currency: str


class LatestView(NamedTuple):
    """The money in the row is in the currency of the quote."""

    row: LatestRow
    quote: Quote

    @property
    def change_percent(self) -> float | None:
        """Against the stored hour nearest to 24 hours earlier."""
        before = self.row.price_24h_ago
        return (self.row.price / before - 1) * 100 if before else None


class KnownLatest:
    """Latest prices that came along with the coins of a request."""

    def __init__(self) -> None:
        self._rows: dict[int, dict[int, LatestRow | None]] = defaultdict(dict)

    def learn(self, coin_ids: Iterable[int], currency_id: int, rows: Iterable[LatestRow]) -> None:
        """All there are of these coins in that currency."""
        found = {row.coin_id: row for row in rows if row.currency_id == currency_id}
        self._rows[currency_id] |= dict.fromkeys(coin_ids) | found

    def of(self, currency_id: int) -> dict[int, LatestRow | None]:
        """By coin; None for one that has no price yet."""
        return self._rows[currency_id]


async def load_latest(context: Context, keys: Sequence[LatestKey]) -> list[LatestView | ApiError | None]:
    """What is asked one by one, together: statements are per currency, whatever the number of coins."""
    groups: dict[str, list[int]] = defaultdict(list)
    for key in keys:
        groups[key.currency].append(key.coin_id)
    found: dict[LatestKey, LatestView | ApiError | None] = {}
    for currency, coins in groups.items():
        views = await resolve_latest_prices(context, coins, currency)
        found |= zip((LatestKey(coin, currency) for coin in coins), views, strict=True)
    return [found[key] for key in keys]


async def resolve_latest_prices(
    context: Context, coin_ids: Sequence[int], currency: str
) -> list[LatestView | ApiError | None]:
    """One answer per coin, in order; None before the first refresh. NOT_FOUND or FX_UNAVAILABLE for the currency, or
    FX_UNAVAILABLE when there is no rate for the time of a price.
    """
    try:
        asked, stored = await context.currency(currency), await context.currencies()
    except ApiError as error:
        return [error] * len(coin_ids)
    # The rate coin is the only one that may have a quote of its own.
    own = asked.rate_coin_id
    apart = [coin for coin in coin_ids if coin == own], [coin for coin in coin_ids if coin != own]
    found: dict[int, LatestView | ApiError] = {}
    for coins in filter(None, apart):
        try:
            quote = choose_quote(coins[0], asked, stored)
        except ApiError as error:
            found |= dict.fromkeys(coins, error)
        else:
            found |= _views(await _read(context, coins, quote), quote)
    return [found.get(coin) for coin in coin_ids]


async def _read(context: Context, coin_ids: Sequence[int], quote: Quote) -> list[LatestRow]:
    known = {} if quote.pair else context.known_latest.of(quote.base.id)
    rows = [row for coin in coin_ids if (row := known.get(coin))]
    if missing := [coin for coin in coin_ids if coin not in known]:
        async with context.reads.connection() as connection:
            if quote.pair:
                return await list_converted(connection, missing, quote.pair)
            rows += await list_latest(connection, missing, quote.base.id, day_before=context.day_before)
    return rows


def _views(rows: Sequence[LatestRow], quote: Quote) -> Mapping[int, LatestView | ApiError]:
    if quote.pair is None:
        views = name_columns(LatestView, zip(rows, repeat(quote)))
        return dict(zip(map(attrgetter("coin_id"), rows), views, strict=True))
    return {row.coin_id: _convert(row, quote) for row in rows}


def _convert(row: LatestRow, quote: Quote) -> LatestView | ApiError:
    if row.rate is None:
        code = quote.currency.code
        return ApiError(Code.FX_UNAVAILABLE, f"no rate to {code} is stored for the newest price", field=["currency"])
    converted = row._replace(
        price=row.price * row.rate,
        market_cap=_times(row.market_cap, row.rate),
        volume_24h=_times(row.volume_24h, row.rate),
        price_24h_ago=_times(row.price_24h_ago, row.rate_24h_ago) if row.rate_24h_ago else None,
    )
    return LatestView(converted, quote)


def _times(value: float | None, rate: float) -> float | None:
    return None if value is None else value * rate
