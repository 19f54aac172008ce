"""`trackCoins` and `untrackCoins`: which coins are refreshed."""

from __future__ import annotations

from typing import Annotated

import strawberry

from resolvers.tracking import TrackResult, resolve_track, resolve_untrack
from schema.coins import Coin
from schema.common import ApiError, Info
from schema.refresh import RefreshRun

SlugsArgument = Annotated[
    list[str], strawberry.argument(description="Such as `bitcoin`; at most 1,000. `resolveCoins` finds them.")
]


@strawberry.type(description="What became of the coins.")
class TrackPayload:
    coins: list[Coin] = strawberry.field(description="Those that were found, as they are now.")
    run: RefreshRun | None = strawberry.field(
        description="The refresh that fetches the history of what is tracked now: one that has ended at once when "
        "nothing is missing. Null when no coin was found, and for `untrackCoins`."
    )
    errors: list[ApiError] = strawberry.field(
        description="One for each slug that names no coin, or the coin that others are converted through, which does "
        "not keep the others; or why all was refused."
    )

    @classmethod
    def from_result(cls, result: TrackResult) -> TrackPayload:
        return cls(
            coins=[Coin.from_row(row) for row in result.coins],
            run=RefreshRun.from_row(result.run) if result.run else None,
            errors=[ApiError.from_error(error) for error in result.errors],
        )


@strawberry.type
class TrackingMutations:
    @strawberry.mutation(
        description="Refresh these coins from now on; their history (`PRICEGRAPH_HISTORY_DAYS`) and what they are "
        "about are fetched without another step. Coins tracked already stay so. Needs a token with scope ADMIN."
    )
    async def track_coins(self, info: Info, slugs: SlugsArgument) -> TrackPayload:
        return TrackPayload.from_result(await resolve_track(info.context, slugs))

    @strawberry.mutation(
        description="Stop refreshing these coins, also those that `PRICEGRAPH_COINS` names. What is queued for them is "
        "skipped; what is stored stays. Error CONFLICT for the coin that prices in other currencies are converted "
        "through (`PRICEGRAPH_RATE_COIN`). Needs a token with scope ADMIN."
    )
    async def untrack_coins(self, info: Info, slugs: SlugsArgument) -> TrackPayload:
        return TrackPayload.from_result(await resolve_untrack(info.context, slugs))
