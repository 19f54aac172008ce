"""Providers: whether they are asked, and what is left of their budgets."""

from __future__ import annotations

from datetime import datetime, timedelta

import strawberry

from db.providers import REASONS, BudgetState, ProviderState
from resolvers.providers import resolve_providers
from schema.common import Info
from schema.enums import BreakerState, Provider


@strawberry.type(description="How many calls a provider's plan allows in a window of time; all workers share them.")
class Budget:
    window: timedelta = strawberry.field(description="A minute for the pace of the plan, or this month.")
    limit: int = strawberry.field(description="Calls that fit in one window.")
    used: int = strawberry.field(
        description="For the month, the calls answered with data since it began. For the pace, the calls reserved that "
        "have not worn off: each does after its share of the window, so that calls are spread over it."
    )
    remaining: int = strawberry.field(description="Calls that can be made before `window` is over, from now.")
    resets_at: datetime = strawberry.field(description="When `used` is 0, if nothing more is asked until then.")

    @classmethod
    def from_state(cls, state: BudgetState) -> Budget:
        return cls(
            window=state.window,
            limit=state.limit,
            used=state.used,
            remaining=max(0, state.limit - state.used),
            resets_at=state.resets_at,
        )


@strawberry.type(description="An outside source of prices, as the workers are configured to ask it.")
class ProviderStatus:
    provider: Provider = strawberry.field(description="Which one.")
    breaker: BreakerState = strawberry.field(description="Whether it is asked at all.")
    reason: str | None = strawberry.field(description="Why not, in words; null while the breaker is CLOSED.")
    retry_at: datetime | None = strawberry.field(description="When it is asked again; null while it may be asked.")
    budgets: list[Budget] = strawberry.field(description="The pace, and the month where the plan limits it.")
    last_success_at: datetime | None = strawberry.field(description="When it last answered with data.")
    history_limit: timedelta | None = strawberry.field(
        description="How far back the plan's history reaches; null: all of it."
    )

    @classmethod
    def from_state(cls, state: ProviderState) -> ProviderStatus:
        return cls(
            provider=Provider[state.code],
            breaker=BreakerState(state.breaker.value),
            reason=REASONS[state.reason] if state.reason else None,
            retry_at=state.retry_at,
            budgets=[Budget.from_state(budget) for budget in state.budgets],
            last_success_at=state.last_success_at,
            history_limit=None if state.reach_days is None else timedelta(days=state.reach_days),
        )


@strawberry.type
class ProviderQueries:
    @strawberry.field(description="The providers that workers ask, the preferred one first; none before one started.")
    async def providers(self, info: Info) -> list[ProviderStatus]:
        return [ProviderStatus.from_state(state) for state in await resolve_providers(info.context)]
