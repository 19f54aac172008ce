"""Price history: coins, a currency and a range become points."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from db.coins import CoinRow
from db.series import Series, complete
from resolvers.coins import check_batch, resolve_coins_by_slug
from resolvers.coverage import CoverageKey
from resolvers.encoding import encode
from resolvers.errors import ApiError
from resolvers.freshness import freshness_key
from resolvers.history_reading import HistoryKey, Wish
from resolvers.points import Filling, GapPolicy, PointTable, PointView, check_complete
from resolvers.quotes import Quote
from resolvers.ranges import Asked
from resolvers.shapes import TYPE_NAME, Shape
from resolvers.summary import Summary, summarise
from resolvers.transforms import Transform, apply_transforms

if TYPE_CHECKING:
    from datetime import datetime

    from resolvers.context import Context

# What a summary is made of.
SUMMARISED = ("origin", "price", "low", "high", "close")


class Ahead(NamedTuple):
    """What the fields of a history are probably going to need. Where it has to be known first whether samples are
    lacking, the same statement reads this too. `shapes` are what the points are going to be written in.
    """

    shapes: Sequence[Shape] = ()
    coverage: bool = False
    freshness: bool = False


NOTHING_AHEAD = Ahead()


@dataclass(frozen=True, slots=True)
class HistoryView:
    """One coin's points over a range, oldest first. Nothing is read before somebody asks for some of their fields."""

    key: HistoryKey
    transforms: Sequence[Transform] = ()

    @property
    def coin(self) -> CoinRow:
        return self.key.coin

    @property
    def quote(self) -> Quote:
        return self.key.quote

    @property
    def asked(self) -> Asked:
        return self.key.asked

    @property
    def series(self) -> Series:
        """What is stored."""
        return Series(self.coin.id, self.quote.base.id)

    def coverage_key(self, now: datetime) -> CoverageKey:
        granularity = self.asked.granularity
        window = complete(self.asked.rows, now, granularity.width)
        return CoverageKey(self.series, granularity, window, self.quote.pair)

    async def encode(self, context: Context, shape: Shape) -> bytes:
        """The points as a JSON array. Fields are those of PointView, and `value`: the price after the transforms."""
        loaded = await context.history.load(self._wish(shape))
        check_complete(loaded.lacking)  # samples may have been taken back since `list_lacking`
        return encode(shape, loaded, self._written)

    async def columns(self, context: Context, fields: Sequence[str]) -> list[Sequence[Any]]:
        """The same as columns, in the order of the fields."""
        loaded = await context.history.load(Wish(self.key, self._stored(fields)))
        return [self._column(loaded.table, name) for name in fields]

    async def summarise(
        self, context: Context, fields: Collection[str]
    ) -> tuple[Summary, dict[int, PointView], dict[int, float | None]]:
        """The range in a few figures; these fields of the points that it names; and their values after transforms."""
        names = {*SUMMARISED, "time", "state", *fields} - {"value"}
        table = (await context.history.load(Wish(self.key, tuple(sorted(names))))).table
        check_complete(table.lacking)
        columns = {name: table.column(name) for name in names}
        found = summarise(*(columns[name] for name in SUMMARISED))
        places = [one for one in (found.first, found.last, found.lowest, found.highest) if one is not None]
        values = self._column(table, "value") if "value" in fields else [None] * len(table)
        points = {place: PointView(**{name: column[place] for name, column in columns.items()}) for place in places}
        return found, points, {place: values[place] for place in points}

    async def points(self, context: Context) -> tuple[list[PointView], Sequence[float | None]]:
        """Every field of every point; and of each the price after the transforms."""
        table = (await context.history.load(Wish(self.key, PointView._fields))).table
        return table.views(), self._column(table, "value")

    async def list_lacking(self, context: Context, ahead: Ahead) -> list[datetime]:
        """Under GapPolicy.ERROR the buckets that lack samples. Without shapes enough is read to tell."""
        wishes = [self._wish(shape) for shape in ahead.shapes] or [Wish(self.key, ())]
        counted = [self.coverage_key(context.now)] if ahead.coverage else []
        if ahead.freshness:
            counted.append(freshness_key(self.coin.id, self.quote, self.asked.granularity, context.now))
        loaded, _ = await asyncio.gather(context.history.load_many(wishes), context.coverage.load_many(counted))
        return loaded[0].lacking  # one reading, so they all lack the same

    def _wish(self, shape: Shape) -> Wish:
        return Wish(self.key, self._stored(shape.fields), self._kept(shape))

    def _kept(self, shape: Shape) -> Shape | None:
        """What a transform makes of a point depends on those before it, wherever the range begins."""
        return None if self.transforms and "value" in shape.fields else shape

    def _stored(self, fields: Sequence[str]) -> tuple[str, ...]:
        return tuple("price" if name == "value" else name for name in fields if name != TYPE_NAME)

    def _written(self, table: PointTable, name: str) -> Sequence[Any]:
        return table.column("time_text") if name == "time" else self._column(table, name)

    def _column(self, table: PointTable, name: str) -> Sequence[Any]:
        if name == TYPE_NAME:
            return ["PricePoint"] * len(table)
        if name == "value":
            return apply_transforms(table.column("price"), self.transforms)
        return table.column(name)


async def resolve_history(
    context: Context,
    coin: CoinRow,
    currency: str,
    asked: Asked,
    filling: Filling,
    transforms: Sequence[Transform] = (),
    ahead: Ahead = NOTHING_AHEAD,
) -> HistoryView:
    """One coin's, loaded together with those of other coins that are asked for alongside. DATA_INCOMPLETE when samples
    are missing, and the client wants that to be an error.
    """
    context.charge(asked.cost(filling.lookback(asked.granularity)))
    quote = await context.quote(coin.id, currency)
    view = HistoryView(HistoryKey(coin, quote, asked, filling), transforms)
    if filling.policy is GapPolicy.ERROR:
        check_complete(await view.list_lacking(context, ahead))
    return view


async def resolve_histories(
    context: Context,
    slugs: Sequence[str],
    currency: str,
    asked: Asked,
    filling: Filling,
    transforms: Sequence[Transform] = (),
    ahead: Ahead = NOTHING_AHEAD,
) -> list[HistoryView | ApiError]:
    """One answer per slug, in order; what is wrong with one coin fails no other, anything else fails the whole."""
    check_batch(context, slugs, "coins")
    context.charge(len(slugs) * asked.cost(filling.lookback(asked.granularity)))
    coins = await resolve_coins_by_slug(context, slugs)
    await context.currency(currency)
    views: dict[int, HistoryView | ApiError] = {}
    for coin in coins:
        if not isinstance(coin, ApiError):
            key = HistoryKey(coin, await context.quote(coin.id, currency), asked, filling)
            views[coin.id] = HistoryView(key, transforms)
    if filling.policy is GapPolicy.ERROR:
        await _check_each(context, views, ahead)
    return [coin if isinstance(coin, ApiError) else views[coin.id] for coin in coins]


async def _check_each(context: Context, views: dict[int, HistoryView | ApiError], ahead: Ahead) -> None:
    """Put an error in the place of each history that lacks samples."""
    asked = {id_: view for id_, view in views.items() if isinstance(view, HistoryView)}
    lacking = await asyncio.gather(*(view.list_lacking(context, ahead) for view in asked.values()))
    for id_, times in zip(asked, lacking, strict=True):
        try:
            check_complete(times)
        except ApiError as error:
            views[id_] = error
