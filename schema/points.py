"""Points of a price history, one by one and as columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import strawberry

from db.reference import PROVIDER_CODES
from resolvers.points import PointView
from schema.enums import PointOrigin, PointState, Provider


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
        return cls(
            time=view.time,
            price=view.price,
            open=view.open,
            high=view.high,
            low=view.low,
            close=view.close,
            volume24h=view.volume_24h,
            market_cap=view.market_cap,
            value=value,
            samples=view.samples,
            origin=PointOrigin(view.origin.value),
            state=PointState(view.state.value),
            provider=Provider[PROVIDER_CODES[view.provider_id]] if view.provider_id else None,
            observed_at=view.observed_at,
            revision=view.revision,
            fx_rate=view.fx_rate,
            fx_rate_at=view.fx_rate_at,
        )


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
    def from_views(cls, views: Sequence[PointView], values: Sequence[float | None]) -> PriceColumns:
        return cls(
            time=[view.time for view in views],
            price=[view.price for view in views],
            open=[view.open for view in views],
            high=[view.high for view in views],
            low=[view.low for view in views],
            close=[view.close for view in views],
            volume24h=[view.volume_24h for view in views],
            market_cap=[view.market_cap for view in views],
            value=list(values),
        )
