"""What people call coins: slugs, provider ids, symbols and names, resolved without guessing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from db.coins import CoinRow, match_coins
from resolvers.coins import check_batch
from resolvers.texts import can_be_stored

if TYPE_CHECKING:
    from resolvers.context import Context

MAX_CANDIDATES = 10


class ResolutionOutcome(StrEnum):
    EXACT = "EXACT"
    AMBIGUOUS = "AMBIGUOUS"
    NOT_FOUND = "NOT_FOUND"


@dataclass(frozen=True, slots=True)
class Resolution:
    """`candidates`: the coins it may mean, the best ranked first; the one it means, or none."""

    input: str
    candidates: Sequence[CoinRow]

    @property
    def outcome(self) -> ResolutionOutcome:
        if not self.candidates:
            return ResolutionOutcome.NOT_FOUND
        return ResolutionOutcome.EXACT if len(self.candidates) == 1 else ResolutionOutcome.AMBIGUOUS


async def resolve_names(context: Context, inputs: Sequence[str]) -> list[Resolution]:
    """One answer per input, in order."""
    check_batch(context, inputs, "inputs")
    words = list(dict.fromkeys(word for word in inputs if can_be_stored(word)))
    async with context.reads.connection() as connection:
        found = await match_coins(connection, words, MAX_CANDIDATES)
    return [Resolution(word, found.get(word, [])) for word in inputs]
