"""Points of a price history, one by one and as columns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import fields
from datetime import datetime
from typing import Any, cast

import orjson
import strawberry
from strawberry.utils.str_converters import to_camel_case

from resolvers.context import Context
from resolvers.history import HistoryView
from resolvers.points import PointView
from resolvers.shapes import TYPE_NAME, Shape
from schema.common import Info, selected_names, selected_nodes
from schema.enums import PointOrigin, PointState, Provider
from schema.executor import EncodedList


@strawberry.type(description="One bucket of a price history.")
class PricePoint:
    time: datetime = strawberry.field(description="Start of the bucket, UTC.")
    price: float | None = strawberry.field(
        description="The sample nearest to the bucket's start, in `currency` (= `open`); null when origin is MISSING."
    )
    open: float | None = strawberry.field(description="The same as `price`.")
    high: float | None = strawberry.field(
        description="Highest price known inside the bucket: of the stored samples, and of the source's own extremes "
        "where it gives them."
    )
    low: float | None = strawberry.field(description="Lowest price known inside the bucket, likewise.")
    close: float | None = strawberry.field(description="The last stored sample inside the bucket.")
    volume24h: float | None = strawberry.field(
        description="Traded in the 24 hours before the first sample, in `currency`; rolling, so never to be summed. "
        "Null where the provider has no such figure."
    )
    market_cap: float | None = strawberry.field(
        description="Market capitalisation at the first sample, in `currency`; null where the provider has no such "
        "figure."
    )
    value: float | None = strawberry.field(
        description="`price` after the `transforms` asked for; the same as `price` without any. Null where it cannot "
        "be computed, as before the first whole window."
    )
    samples: int = strawberry.field(description="Stored samples that the bucket was made from; 0 when there is none.")
    origin: PointOrigin = strawberry.field(description="Where the values come from.")
    state: PointState = strawberry.field(description="Whether they can still change.")
    provider: Provider | None = strawberry.field(description="Who gave the first sample; null when there is none.")
    observed_at: datetime | None = strawberry.field(
        description="The provider's stamp of the sample: a little off the bucket's start, and before it when origin is "
        "CARRIED."
    )
    revision: int = strawberry.field(description="How often later answers changed the values of the samples.")
    fx_rate: float | None = strawberry.field(
        description="What the stored price was multiplied by, when origin is DERIVED. A candle of several samples "
        "converts each with the rate of its own time; this is the first one's."
    )
    fx_rate_at: datetime | None = strawberry.field(
        description="The bucket that the rate is from: the point's own, or up to 3 days before; never a later one."
    )

    @classmethod
    def from_view(cls, view: PointView, value: float | None) -> PricePoint:
        given = view._asdict()
        given["origin"], given["state"] = PointOrigin(view.origin), PointState(view.state)
        given["provider"] = Provider[view.provider] if view.provider else None
        return cls(**given, value=value)


# By their names in a document.
_FIELDS = {to_camel_case(field.name): field.name for field in fields(PricePoint)}


def point_fields(info: Info) -> set[str]:
    """The Python names of the fields that are selected of points, anywhere inside the field that is being resolved."""
    return {_FIELDS[name] for name in selected_names(info) if name in _FIELDS}


def point_shapes(info: Info) -> list[Shape]:
    """The forms that points are probably going to be written in, inside the field that is being resolved."""
    shapes = []
    for one in selected_nodes(info, info._raw_info.field_nodes):
        if one.name.value in ("points", "columns") and one.selection_set:
            inside = selected_nodes(info, one.selection_set.selections)
            names = {(node.alias or node.name).value: _FIELDS.get(node.name.value, TYPE_NAME) for node in inside}
            if one.name.value == "points":
                shapes.append(Shape(tuple(names.values()), tuple(names)))
            else:
                shapes += [Shape((name,)) for name in names.values() if name != TYPE_NAME]
    return shapes


class Points(EncodedList):
    """The points of a history as a list of PricePoint."""

    def __init__(self, context: Context, view: HistoryView) -> None:
        self._context = context
        self._view = view

    async def encode(self, shape: Shape) -> orjson.Fragment:
        return orjson.Fragment(await self._view.encode(self._context, shape))

    async def __aiter__(self) -> AsyncIterator[PricePoint]:
        for point in await list_points(self._context, self._view):
            yield point


class Column(EncodedList):
    """One field of the points as a list of values."""

    def __init__(self, context: Context, view: HistoryView, name: str) -> None:
        self._context = context
        self._view = view
        self._name = name

    async def encode(self, shape: Shape) -> orjson.Fragment:
        assert shape.keys is None, "values have no fields"
        return orjson.Fragment(await self._view.encode(self._context, Shape((self._name,))))

    async def __aiter__(self) -> AsyncIterator[Any]:
        (values,) = await self._view.columns(self._context, [self._name])
        for value in values:
            yield value


async def list_points(context: Context, view: HistoryView) -> list[PricePoint]:
    points, values = await view.points(context)
    return [PricePoint.from_view(*pair) for pair in zip(points, values, strict=True)]


@strawberry.type(description="The same points as parallel arrays of one length, for charts.")
class PriceColumns:
    time: list[datetime] = strawberry.field(description="Starts of the buckets, UTC.")
    price: list[float | None] = strawberry.field(description="As `PricePoint.price`.")
    open: list[float | None] = strawberry.field(description="As `PricePoint.open`.")
    high: list[float | None] = strawberry.field(description="As `PricePoint.high`.")
    low: list[float | None] = strawberry.field(description="As `PricePoint.low`.")
    close: list[float | None] = strawberry.field(description="As `PricePoint.close`.")
    volume24h: list[float | None] = strawberry.field(description="As `PricePoint.volume24h`.")
    market_cap: list[float | None] = strawberry.field(description="As `PricePoint.marketCap`.")
    value: list[float | None] = strawberry.field(description="As `PricePoint.value`.")

    @classmethod
    def from_view(cls, context: Context, view: HistoryView) -> PriceColumns:
        names = [field.name for field in fields(cls)]
        return cls(**{name: cast("Any", Column(context, view, name)) for name in names})
