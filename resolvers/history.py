"""Price history: coins, a currency and a range become points."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from db.candles import CandleRow, list_candles
from db.coins import CoinRow
from db.pool import Connection, Database
from db.series import Granularity, Series, Window, complete
from resolvers.coins import check_batch, resolve_coins_by_slug
from resolvers.coverage import CoverageKey
from resolvers.errors import ApiError
from resolvers.points import Filling, PointView, make_points
from resolvers.quotes import Quote
from resolvers.ranges import Asked
from resolvers.rates import convert_times, load_rates
from resolvers.transforms import Transform, apply_transforms

if TYPE_CHECKING:
    from resolvers.context import Context


class HistoryKey(NamedTuple):
    """`lookback`: how far before the range stored points are wanted too."""

    coin: CoinRow
    quote: Quote
    asked: Asked
    lookback: timedelta


@dataclass(frozen=True, slots=True)
class HistoryView:
    """One coin's points over a range, oldest first; `values` are their prices after the transforms asked for."""

    coin: CoinRow
    quote: Quote
    asked: Asked
    points: Sequence[PointView]
    values: Sequence[float | None]

    @property
    def series(self) -> Series:
        """What is stored."""
        return Series(self.coin.id, self.quote.base.id)

    def coverage_key(self, now: datetime) -> CoverageKey:
        granularity = self.asked.granularity
        window = complete(self.asked.rows, now, granularity.width)
        return CoverageKey(self.series, granularity, window, self.quote.pair)


class HistoryLoader:
    """Loads many histories at once: statements are per distinct range and quote, whatever the number of coins."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, keys: list[HistoryKey]) -> list[list[CandleRow]]:
        groups: dict[tuple[Quote, Asked, timedelta], dict[int, list[CandleRow]]] = defaultdict(dict)
        for key in keys:
            groups[key.quote, key.asked, key.lookback][key.coin.id] = []
        async with self._database.connection() as connection:
            for (quote, asked, lookback), by_coin in groups.items():
                for row in await _read(connection, sorted(by_coin), quote, asked, asked.reach(lookback)):
                    by_coin[row.coin_id].append(row)
        return [groups[key.quote, key.asked, key.lookback][key.coin.id] for key in keys]


async def resolve_history(
    context: Context,
    coin: CoinRow,
    currency: str,
    asked: Asked,
    filling: Filling,
    transforms: Sequence[Transform] = (),
) -> HistoryView:
    """One coin's, loaded together with those of other coins that are asked for alongside."""
    lookback = filling.lookback(asked.granularity)
    context.charge(asked.cost(lookback))
    quote = await context.quote(coin.id, currency)
    key = HistoryKey(coin, quote, asked, lookback)
    return _view(key, await context.history.load(key), filling, transforms, context.now)


async def resolve_histories(
    context: Context,
    slugs: Sequence[str],
    currency: str,
    asked: Asked,
    filling: Filling,
    transforms: Sequence[Transform] = (),
) -> list[HistoryView | ApiError]:
    """One answer per slug, in order; what is wrong with one coin fails no other, anything else fails the whole."""
    check_batch(context, slugs, "coins")
    lookback = filling.lookback(asked.granularity)
    context.charge(len(slugs) * asked.cost(lookback))
    await context.currency(currency)
    coins = await resolve_coins_by_slug(context, slugs)
    keys = {
        coin.id: HistoryKey(coin, await context.quote(coin.id, currency), asked, lookback)
        for coin in coins
        if not isinstance(coin, ApiError)
    }
    rows = await context.history.load_many(list(keys.values()))
    views: dict[int, HistoryView | ApiError] = {}
    for key, found in zip(keys.values(), rows, strict=True):
        try:
            views[key.coin.id] = _view(key, found, filling, transforms, context.now)
        except ApiError as error:
            views[key.coin.id] = error
    return [coin if isinstance(coin, ApiError) else views[coin.id] for coin in coins]


def _view(
    key: HistoryKey, rows: Sequence[CandleRow], filling: Filling, transforms: Sequence[Transform], now: datetime
) -> HistoryView:
    points = make_points(rows, key.asked, filling, now)
    values = apply_transforms([point.price for point in points], transforms)
    return HistoryView(key.coin, key.quote, key.asked, points, values)


async def _read(
    connection: Connection, coins: Sequence[int], quote: Quote, asked: Asked, window: Window
) -> list[CandleRow]:
    conversion = None
    if quote.pair:
        rates = await load_rates(connection, quote.pair, asked.granularity, [window])
        conversion = convert_times(rates, _starts(window, asked.granularity))
    return await list_candles(
        connection, coins, quote.base.id, asked.granularity, window, asked.interval.step, conversion
    )


def _starts(window: Window, granularity: Granularity) -> list[datetime]:
    """The stored buckets that begin in a window that starts on one."""
    return [window.start + granularity.width * i for i in range(window.buckets(granularity.width))]
