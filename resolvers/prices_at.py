"""Prices at single instants, for many coins at once: the nearest stored sample, and how far away it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from db.coins import CoinRow
from db.nearest import Lookup, NearestRow, list_nearest
from db.rates import Rate
from db.series import DAY, Granularity, Series
from resolvers.coins import check_batch, resolve_coins_by_slug
from resolvers.durations import format_duration
from resolvers.errors import ApiError, Code
from resolvers.instants import Instant
from resolvers.quotes import Quote

if TYPE_CHECKING:
    from resolvers.context import Context

# A price further away says nothing about the instant.
MAX_TOLERANCE = 366 * DAY
# What looking for the nearest sample costs, against reading a point.
_POINTS_A_QUESTION = 10


@dataclass(frozen=True, slots=True)
class PriceQuestion:
    coin: str
    at: Instant
    currency: str
    tolerance: timedelta


@dataclass(frozen=True, slots=True)
class PriceAnswer:
    """`distance` between the instant and the sample; `rate` when it was converted."""

    at: datetime
    price: float
    observed_at: datetime
    provider_id: int
    granularity: Granularity
    rate: Rate | None

    @property
    def distance(self) -> timedelta:
        return abs(self.observed_at - self.at)


@dataclass(frozen=True, slots=True)
class _Settled:
    """A question that can be asked of the store."""

    coin: CoinRow
    quote: Quote
    at: datetime
    tolerance: timedelta

    @property
    def lookup(self) -> Lookup:
        return Lookup(Series(self.coin.id, self.quote.base.id), self.at, self.tolerance, self.quote.pair)


async def resolve_prices_at(context: Context, questions: Sequence[PriceQuestion]) -> list[PriceAnswer | ApiError]:
    """One answer per question, in order; what is wrong with one fails no other."""
    check_batch(context, questions, "inputs")
    context.charge(_POINTS_A_QUESTION * len(questions))
    coins = await resolve_coins_by_slug(context, [one.coin for one in questions], "coin")
    settled = [await _settle(context, one, coin) for one, coin in zip(questions, coins, strict=True)]
    asked = [one for one in settled if not isinstance(one, ApiError)]
    async with context.reads.connection() as connection:
        rows = await list_nearest(connection, [one.lookup for one in asked])
    answers = iter([_answer(one, row) for one, row in zip(asked, rows, strict=True)])
    return [one if isinstance(one, ApiError) else next(answers) for one in settled]


async def _settle(context: Context, question: PriceQuestion, coin: CoinRow | ApiError) -> _Settled | ApiError:
    if isinstance(coin, ApiError):
        return coin
    try:
        at = question.at.resolve(context.now)
        quote = await context.quote(coin.id, question.currency)
    except ApiError as error:
        return error
    if at > context.now:
        return ApiError(Code.RANGE_INVALID, "`at` lies in the future; nothing has a price there yet", field=["at"])
    if question.tolerance > MAX_TOLERANCE:
        return ApiError(Code.BAD_INPUT, f"`tolerance` is at most {MAX_TOLERANCE.days}d", field=["tolerance"])
    return _Settled(coin, quote, at, question.tolerance)


def _answer(one: _Settled, row: NearestRow | None) -> PriceAnswer | ApiError:
    if row is None:
        tolerance = format_duration(one.tolerance)
        return ApiError(
            Code.NO_DATA,
            f"no price of {one.coin.slug} in {one.quote.base.code} is stored within {tolerance} of that instant; "
            "allow more, or refresh it",
            field=["at"],
        )
    if one.quote.pair and row.rate is None:
        code = one.quote.currency.code
        return ApiError(Code.FX_UNAVAILABLE, f"no rate to {code} is stored for that instant", field=["currency"])
    price = row.price * row.rate.rate if row.rate else row.price
    return PriceAnswer(one.at, price, row.observed_at, row.provider_id, row.granularity, row.rate)
