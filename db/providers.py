"""Providers as the workers configured them, and the budgets that all processes share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from psycopg import sql

from db.pool import Connection

# As in the database's function `take_budget`.
FAILURES_UNTIL_DOWN = 5


@dataclass(frozen=True, slots=True)
class Budget:
    """What a plan allows: `calls` in any `period`, of which `burst` may come at once; calls a month, if limited."""

    key: str
    calls: int
    period: timedelta
    burst: int
    monthly_limit: int | None
    reach_days: int | None


@dataclass(frozen=True, slots=True)
class Reservation:
    """`wait` seconds until the call may be made; with a `reason` nothing was reserved and nothing may be sent.

    A `probe` is the one call that finds out whether a provider that was down has come back.
    """

    wait: float
    reason: str | None = None
    probe: bool = False


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """The provider a refresh plans for. `seconds_per_call` is the pace of its budget."""

    id: int
    reach_days: int | None
    seconds_per_call: float


class BreakerState(StrEnum):
    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


@dataclass(frozen=True, slots=True)
class BudgetState:
    """How much of `limit` calls a `window` is used, and when none of it will be."""

    window: timedelta
    limit: int
    used: int
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class ProviderState:
    """A configured provider with the key in use. `reason` is one of REASONS; `reach_days` None: all of its history."""

    code: str
    breaker: BreakerState
    reason: str | None
    retry_at: datetime | None
    budgets: Sequence[BudgetState]
    last_success_at: datetime | None
    reach_days: int | None


# Why a provider is not asked, in words.
REASONS = {
    "RATE_LIMITED": "the provider asked to wait",
    "QUOTA": "the month's calls are used up",
    "AUTH": "the provider refused the API key",
    "BLOCKED": "the provider refuses this address for now",
    "DRIFT": "the provider's answers have another form than before: schema changed?",
    "DOWN": "the provider is down",
}


class MixedPrices(Exception):
    """Invented prices never lie beside real ones: use another database."""


async def configure_budget(connection: Connection, provider: str, budget: Budget, simulated: bool) -> None:
    """Store the plan that this installation's workers use; what has been used so far stays.

    Raises MixedPrices for a database whose prices are real while these would be simulated, or the other way round.
    """
    cursor = await connection.execute(
        "select simulated, exists (select from price_latest) from providers where code = %s", (provider,)
    )
    row = await cursor.fetchone()
    assert row is not None
    if row[1] and row[0] != simulated:
        held, offered = ("real", "simulated") if simulated else ("simulated", "real")
        raise MixedPrices(f"this database holds {held} prices; give {offered} ones a database of their own")
    await put_budget(connection, budget)
    await connection.execute(
        "update providers set budget_key = %s, reach_days = %s, simulated = %s where code = %s",
        (budget.key, budget.reach_days, simulated, provider),
    )


async def put_budget(connection: Connection, budget: Budget) -> None:
    """Make the budget known, or change its pace; what has been used so far stays."""
    await connection.execute(
        """
        insert into provider_budget (key, calls, period, burst, monthly_limit) values (%s, %s, %s, %s, %s)
        on conflict (key) do update set calls = excluded.calls, period = excluded.period, burst = excluded.burst,
                                        monthly_limit = excluded.monthly_limit
        """,
        (budget.key, budget.calls, budget.period, budget.burst, budget.monthly_limit),
    )


# Before a worker has ever started nothing is configured: then the keyless plan's limits are assumed. Of a table that is
# called p.
REACH_DAYS = sql.SQL("case when p.budget_key is null then 365 else p.reach_days end")
_PROVIDER = sql.SQL("""
select p.id, {reach_days}, coalesce(extract(epoch from b.period)::float8 / (b.calls - b.burst), 20)
from providers p left join provider_budget b on b.key = p.budget_key where p.code = %s
""").format(reach_days=REACH_DAYS)


async def read_provider(connection: Connection, provider: str) -> ProviderRow:
    row = await (await connection.execute(_PROVIDER, (provider,))).fetchone()
    assert row is not None
    return ProviderRow(*row)


# A call that is reserved moves `tat` on by one slot, and a slot wears off in as much time: what `tat` is ahead of now,
# in slots, is what is used. The rest of `calls` can be made within one period from now, for `burst` slots may be ahead
# and (calls - burst) wear off.
_STATES = """
with timed as (
    select p.rank, p.code, p.reach_days, b.*, b.period / (b.calls - b.burst) as slot,
           date_trunc('month', %(now)s::timestamptz at time zone 'UTC') as this_month
    from providers p join provider_budget b on b.key = p.budget_key
)
select code, reach_days, last_success_at, blocked_until, blocked_reason, failures, period, calls,
       ceil(round(extract(epoch from greatest(tat, %(now)s) - %(now)s) / extract(epoch from slot), 6))::int,
       greatest(tat, %(now)s), monthly_limit, case when month = this_month then month_used else 0 end,
       this_month at time zone 'UTC', (this_month + interval '1 month') at time zone 'UTC'
from timed order by rank
"""


async def list_provider_states(connection: Connection, now: datetime) -> list[ProviderState]:
    """The providers that workers ask, the preferred one first."""
    return [_state(row, now) for row in await (await connection.execute(_STATES, {"now": now})).fetchall()]


def _state(row: Sequence[Any], now: datetime) -> ProviderState:
    code, reach_days, last_success_at, blocked_until, blocked_reason, failures, period, calls, used, worn_off = row[:10]
    monthly_limit, month_used, month, month_end = row[10:]
    budgets = [BudgetState(period, calls, min(used, calls), worn_off)]
    if monthly_limit is not None:
        budgets.append(BudgetState(month_end - month, monthly_limit, month_used, month_end))
    breaker, reason, retry_at = BreakerState.CLOSED, None, None
    if blocked_until and blocked_until > now:
        breaker, reason, retry_at = BreakerState.OPEN, blocked_reason, blocked_until
    elif monthly_limit is not None and month_used >= monthly_limit:
        breaker, reason, retry_at = BreakerState.OPEN, "QUOTA", month_end
    elif failures >= FAILURES_UNTIL_DOWN:
        breaker, reason = BreakerState.HALF_OPEN, "DOWN"
    return ProviderState(code, breaker, reason, retry_at, budgets, last_success_at, reach_days)


async def read_coin_ids(connection: Connection, provider_id: int, coin_ids: Sequence[int]) -> dict[int, str]:
    """What the provider calls these coins now; those it does not know are left out."""
    cursor = await connection.execute(
        """
        select coin_id, provider_coin_id from coin_provider_ids
        where provider_id = %s and coin_id = any(%s) and not former
        """,
        (provider_id, list(coin_ids)),
    )
    return dict(await cursor.fetchall())


async def any_simulated(connection: Connection) -> bool:
    row = await (await connection.execute("select bool_or(simulated) from providers")).fetchone()
    return bool(row and row[0])


async def take_budget(connection: Connection, key: str, now: datetime) -> Reservation:
    row = await (await connection.execute("select * from take_budget(%s, %s)", (key, now))).fetchone()
    assert row is not None
    return Reservation(*row)


async def read_block(connection: Connection, key: str, now: datetime) -> Reservation:
    """Whether the provider may be called now: someone else may have been told to wait since the reservation."""
    cursor = await connection.execute(
        """
        select extract(epoch from blocked_until - %(now)s)::float8, blocked_reason
        from provider_budget where key = %(key)s and blocked_until > %(now)s
        """,
        {"key": key, "now": now},
    )
    row = await cursor.fetchone()
    return Reservation(*row) if row else Reservation(0.0)


async def note_success(connection: Connection, key: str, now: datetime) -> None:
    """A call that was answered with 200 costs one credit of the month, and closes the breaker."""
    await connection.execute(
        """
        update provider_budget
        set month_used = case when month = date_trunc('month', %(now)s::timestamptz at time zone 'UTC')
                              then month_used + 1 else 1 end,
            month = date_trunc('month', %(now)s::timestamptz at time zone 'UTC'), failures = 0,
            last_success_at = greatest(last_success_at, %(now)s),
            blocked_until = case when blocked_reason = 'DOWN' then null else blocked_until end
        where key = %(key)s
        """,
        {"key": key, "now": now},
    )


async def note_failure(connection: Connection, key: str, now: datetime) -> None:
    """Count a failure in a row: from the fifth on the provider is left alone, but for a probe a minute."""
    await connection.execute(
        """
        update provider_budget
        set failures = failures + 1,
            blocked_until = case when failures + 1 >= %(down)s
                                 then greatest(blocked_until, %(now)s + interval '60 seconds') else blocked_until end,
            blocked_reason = case when failures + 1 >= %(down)s then 'DOWN' else blocked_reason end
        where key = %(key)s
        """,
        {"key": key, "now": now, "down": FAILURES_UNTIL_DOWN},
    )


async def block(connection: Connection, key: str, until: datetime, reason: str) -> None:
    """Nobody calls the provider with this key before `until`."""
    await connection.execute(
        """
        update provider_budget set blocked_until = greatest(blocked_until, %s), blocked_reason = %s where key = %s
        """,
        (until, reason, key),
    )
