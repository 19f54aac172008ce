"""Prices at single instants."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import strawberry

from resolvers import errors
from resolvers.instants import Instant
from resolvers.prices_at import PriceAnswer, PriceQuestion, resolve_prices_at
from schema.common import ApiError, Info
from schema.enums import PROVIDERS, Granularity, Provider


@strawberry.input(description="A coin and an instant.")
class PriceAtInput:
    coin: str = strawberry.field(description="Slug.")
    at: Instant = strawberry.field(description="The instant; not in the future.")
    currency: str = strawberry.field(default="usd", description="Code of a currency, such as `usd`.")
    tolerance: timedelta = strawberry.field(
        default=timedelta(hours=26), description="How far the sample may be away, before or after; at most 366d."
    )

    def question(self) -> PriceQuestion:
        return PriceQuestion(self.coin, self.at, self.currency, self.tolerance)


@strawberry.type(description="The stored sample nearest to an instant; or the error that says why there is none.")
class PriceAt:
    coin: str = strawberry.field(description="As it was asked for.")
    at: datetime | None = strawberry.field(
        default=None, description="The instant that was used; null when there is an error."
    )
    price: float | None = strawberry.field(
        default=None, description="In the currency asked for; null when there is an error."
    )
    observed_at: datetime | None = strawberry.field(default=None, description="The provider's stamp of the sample.")
    distance: timedelta | None = strawberry.field(
        default=None, description="Between the instant and the stamp, either way."
    )
    granularity: Granularity | None = strawberry.field(default=None, description="The store that the sample is from.")
    provider: Provider | None = strawberry.field(default=None, description="Who gave it.")
    fx_rate: float | None = strawberry.field(
        default=None, description="What the stored price was multiplied by, when it was converted."
    )
    fx_rate_at: datetime | None = strawberry.field(
        default=None, description="The bucket that the rate is from: at most 3 days before the sample's, never later."
    )
    error: ApiError | None = strawberry.field(
        default=None,
        description="NOT_FOUND, RANGE_INVALID, BAD_INPUT, NO_DATA within the tolerance, or FX_UNAVAILABLE.",
    )

    @classmethod
    def from_answer(cls, coin: str, answer: PriceAnswer | errors.ApiError) -> PriceAt:
        if isinstance(answer, errors.ApiError):
            return cls(coin=coin, error=ApiError.from_error(answer))
        return cls(
            coin=coin,
            at=answer.at,
            price=answer.price,
            observed_at=answer.observed_at,
            distance=answer.distance,
            granularity=Granularity(answer.granularity.value),
            provider=PROVIDERS[answer.provider_id],
            fx_rate=answer.rate.rate if answer.rate else None,
            fx_rate_at=answer.rate.ts if answer.rate else None,
        )


@strawberry.type
class PriceAtQueries:
    @strawberry.field(
        description="The stored samples nearest to the instants asked for: one answer per input, in order. What is "
        "wrong with one fails no other."
    )
    async def prices_at(
        self,
        info: Info,
        inputs: Annotated[list[PriceAtInput], strawberry.argument(description="At most 1000.")],
    ) -> list[PriceAt]:
        answers = await resolve_prices_at(info.context, [one.question() for one in inputs])
        return [PriceAt.from_answer(one.coin, answer) for one, answer in zip(inputs, answers, strict=True)]
