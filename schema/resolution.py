"""`resolveCoins`: what people call coins."""

from __future__ import annotations

from typing import Annotated

import strawberry

from resolvers.resolution import Resolution, resolve_names
from schema.coins import Coin
from schema.common import Info
from schema.enums import ResolutionOutcome


@strawberry.type(description="What one name means.")
class CoinResolution:
    input: str = strawberry.field(description="The name as it was given.")
    outcome: ResolutionOutcome = strawberry.field(description="Whether it means one coin, several or none.")
    coin: Coin | None = strawberry.field(description="The coin, when it means exactly one.")
    candidates: list[Coin] = strawberry.field(
        description="The coins it may mean, the best ranked first, 10 at most; with EXACT only the one."
    )

    @classmethod
    def from_resolution(cls, resolution: Resolution) -> CoinResolution:
        candidates = [Coin.from_row(row) for row in resolution.candidates]
        outcome = ResolutionOutcome(resolution.outcome.value)
        exact = outcome is ResolutionOutcome.EXACT
        return cls(
            input=resolution.input, outcome=outcome, coin=candidates[0] if exact else None, candidates=candidates
        )


@strawberry.type
class ResolutionQueries:
    @strawberry.field(
        description="Names to coins, one answer each, in order; never guesses. What a name can be, and the first of "
        "these that finds anything decides: a slug as written; a provider's id as written; either of them in another "
        "case; an id that a provider used before; a symbol or a name, whatever the case. When that finds several "
        "coins the name is AMBIGUOUS, however well known one of them is."
    )
    async def resolve_coins(
        self,
        info: Info,
        inputs: Annotated[
            list[str], strawberry.argument(description="Slugs, provider ids, symbols or names; at most 1,000.")
        ],
    ) -> list[CoinResolution]:
        return [CoinResolution.from_resolution(one) for one in await resolve_names(info.context, inputs)]
