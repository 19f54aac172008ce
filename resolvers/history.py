"""Price history: coins, a currency and a range become stored points."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from db.coins import CoinRow
from db.currencies import CurrencyRow
from db.pool import Database
from db.prices import PointRow, list_points
from db.series import Series, complete
from resolvers.coins import check_batch, resolve_coins_by_slug
from resolvers.coverage import CoverageKey
from resolvers.errors import ApiError
from resolvers.ranges import Asked

if TYPE_CHECKING:
    from resolvers.context import Context


class HistoryKey(NamedTuple):
    coin: CoinRow
    currency: str
    asked: Asked


@dataclass(frozen=True, slots=True)
class HistoryView:
    """One coin's stored points over a range, oldest first."""

    coin: CoinRow
    currency: CurrencyRow
    asked: Asked
    rows: Sequence[PointRow]

    @property
    def series(self) -> Series:
        return Series(self.coin.id, self.currency.id)

    def coverage_key(self, now: datetime) -> CoverageKey:
        granularity = self.asked.granularity
        return CoverageKey(self.series, granularity, complete(self.asked.window, now, granularity.width))


class HistoryLoader:
    """Loads many histories at once: one statement per distinct range and currency, whatever the number of coins."""

    def __init__(self, database: Database, currency: Callable[[str], Awaitable[CurrencyRow]]) -> None:
        self._database = database
        self._currency = currency

    async def load(self, keys: list[HistoryKey]) -> list[HistoryView | ApiError]:
        groups: dict[tuple[str, Asked], list[CoinRow]] = defaultdict(list)
        for key in keys:
            groups[key.currency, key.asked].append(key.coin)
        found: dict[HistoryKey, HistoryView | ApiError] = {}
        for (code, asked), coins in groups.items():
            for coin, view in zip(coins, await self._load_group(coins, code, asked), strict=True):
                found[HistoryKey(coin, code, asked)] = view
        return [found[key] for key in keys]

    async def _load_group(self, coins: Sequence[CoinRow], code: str, asked: Asked) -> Sequence[HistoryView | ApiError]:
        try:
            currency = await self._currency(code)
        except ApiError as error:
            return [error] * len(coins)
        points = await _read_points(self._database, coins, currency, asked)
        return [HistoryView(coin, currency, asked, points[coin.id]) for coin in coins]


async def resolve_history(context: Context, coin: CoinRow, currency: str, asked: Asked) -> HistoryView:
    """One coin's, loaded together with those of other coins that are asked for alongside."""
    context.charge(asked.buckets)
    view = await context.history.load(HistoryKey(coin, currency, asked))
    if isinstance(view, ApiError):
        raise view
    return view


async def resolve_histories(
    context: Context, slugs: Sequence[str], currency: str, asked: Asked
) -> list[HistoryView | ApiError]:
    """One answer per slug, in order; an unknown coin is an error of its own, anything else fails the whole."""
    check_batch(context, slugs, "coins")
    context.charge(len(slugs) * asked.buckets)
    await context.currency(currency)
    coins = await resolve_coins_by_slug(context, slugs)
    keys = {coin.id: HistoryKey(coin, currency, asked) for coin in coins if not isinstance(coin, ApiError)}
    views = dict(zip(keys, await context.history.load_many(list(keys.values())), strict=True))
    return [coin if isinstance(coin, ApiError) else views[coin.id] for coin in coins]


async def _read_points(
    database: Database, coins: Sequence[CoinRow], currency: CurrencyRow, asked: Asked
) -> dict[int, list[PointRow]]:
    async with database.connection() as connection:
        ids = sorted({coin.id for coin in coins})
        rows = await list_points(connection, ids, currency.id, asked.granularity, asked.window)
    by_coin: dict[int, list[PointRow]] = {coin.id: [] for coin in coins}
    for row in rows:
        by_coin[row.coin_id].append(row)
    return by_coin
