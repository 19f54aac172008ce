"""Prices set by hand, and taken back."""

from __future__ import annotations

from typing import Annotated

import strawberry

from db.series import Granularity as StoredGranularity
from resolvers.errors import ApiError as Refusal
from resolvers.instants import Instant
from resolvers.manual import (
    ManualPlace,
    ManualPrice,
    ManualResult,
    resolve_remove_manual_price,
    resolve_set_manual_price,
)
from schema.common import ApiError, Info
from schema.enums import Granularity
from schema.points import PricePoint
from schema.revisions import PriceRevision

_COIN = "Slug, such as `bitcoin`."
_CURRENCY = "Code of a currency that prices of the coin are stored in."
_GRANULARITY = "The store to change. The other one keeps what it has, midnights too."
_TIME = "Start of a bucket that has begun: of an hour, or of a UTC day."
_NOTE = "Why; kept with the change. At most 200 characters."


@strawberry.input(description="A price that wins over every provider.")
class ManualPriceInput:
    coin: str = strawberry.field(description=_COIN)
    currency: str = strawberry.field(description=_CURRENCY)
    granularity: Granularity = strawberry.field(description=_GRANULARITY)
    time: Instant = strawberry.field(description=_TIME)
    price: float = strawberry.field(description="In `currency`; 1e-40 to 1e40.")
    market_cap: float | None = strawberry.field(
        default=None, description="In `currency`, 0 to 1e40; left out: none is stored."
    )
    volume24h: float | None = strawberry.field(
        default=None, description="Traded in the 24 hours before, in `currency`, 0 to 1e40; left out: none is stored."
    )
    note: str | None = strawberry.field(default=None, description=_NOTE)

    def place(self) -> ManualPlace:
        stored = StoredGranularity(self.granularity.name)
        return ManualPlace(self.coin, self.currency, stored, self.time, self.note)

    def values(self) -> ManualPrice:
        return ManualPrice(self.price, self.market_cap, self.volume24h)


@strawberry.input(description="A price that was set by hand.")
class RemoveManualPriceInput:
    coin: str = strawberry.field(description=_COIN)
    currency: str = strawberry.field(description=_CURRENCY)
    granularity: Granularity = strawberry.field(description=_GRANULARITY)
    time: Instant = strawberry.field(description=_TIME)
    note: str | None = strawberry.field(default=None, description=_NOTE)

    def place(self) -> ManualPlace:
        stored = StoredGranularity(self.granularity.name)
        return ManualPlace(self.coin, self.currency, stored, self.time, self.note)


@strawberry.type(description="What became of a change by hand.")
class ManualPricePayload:
    point: PricePoint | None = strawberry.field(
        description="The bucket as it is now; null when it was refused, or when the bucket is running and empty."
    )
    revision: PriceRevision | None = strawberry.field(
        description="What became of the point that stood there; null when none did, or when nothing changed."
    )
    errors: list[ApiError] = strawberry.field(description="Why it was refused: then nothing was changed.")

    @classmethod
    def from_result(cls, result: ManualResult | Refusal) -> ManualPricePayload:
        if isinstance(result, Refusal):
            return cls(point=None, revision=None, errors=[ApiError.from_error(result)])
        return cls(
            point=PricePoint.from_view(result.point, result.point.price) if result.point else None,
            revision=PriceRevision.from_row(result.revision) if result.revision else None,
            errors=[],
        )


@strawberry.type
class ManualMutations:
    @strawberry.mutation(
        description="Set one price by hand. Needs a token with scope IMPORT. No provider overwrites it; what stood "
        "there is kept as a revision, but for a PROVISIONAL point, which is kept nowhere. Every refusal is among "
        "`errors`, with a code."
    )
    async def set_manual_price(
        self, info: Info, input: Annotated[ManualPriceInput, strawberry.argument(description="What to set, and where.")]
    ) -> ManualPricePayload:
        return ManualPricePayload.from_result(
            await resolve_set_manual_price(info.context, input.place(), input.values())
        )

    @strawberry.mutation(
        description="Take back a price that was set by hand. Needs a token with scope IMPORT. What the best provider "
        "had said before comes back; where none had said anything, or a PROVISIONAL point only, a hole is left for "
        "the next refresh. Error NOT_FOUND where no price was set by hand."
    )
    async def remove_manual_price(
        self, info: Info, input: Annotated[RemoveManualPriceInput, strawberry.argument(description="Which one.")]
    ) -> ManualPricePayload:
        return ManualPricePayload.from_result(await resolve_remove_manual_price(info.context, input.place()))
