"""Refreshes: recorded and queued here, done by the workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from db.coins import CoinRow, list_tracked
from db.currencies import CurrencyRow, series_of
from db.recording import IdempotencyConflict
from db.refresh import Plan, Recorded, RefreshRequest, plan_refresh, record_refresh
from db.runs import RunRow
from db.series import Granularity, Series
from resolvers.coins import resolve_coins_by_slug
from resolvers.context import Context, Outcome
from resolvers.errors import ApiError, Code
from resolvers.instants import Instant
from resolvers.ranges import resolve_range
from resolvers.runs import resolve_exit_code, resolve_run
from resolvers.texts import check_text
from resolvers.waits import check_wait, wait_until

REFRESH_SCOPE = "REFRESH"


class RefreshOutcome(StrEnum):
    STARTED = "STARTED"
    JOINED = "JOINED"
    FINISHED = "FINISHED"
    PLANNED = "PLANNED"
    NOTHING_TO_DO = "NOTHING_TO_DO"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class RefreshOrder:
    """A refresh as a client asks for it; None means everything that is tracked, or the history window."""

    coins: Sequence[str] | None = None
    currencies: Sequence[str] | None = None
    granularities: Sequence[Granularity] = (Granularity.HOURLY, Granularity.DAILY)
    start: Instant | None = None
    end: Instant | None = None
    force: bool = False
    idempotency_key: str | None = None
    wait_seconds: int = 0
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class RefreshResult:
    outcome: RefreshOutcome
    run: RunRow | None = None
    plan: Plan | None = None
    errors: Sequence[ApiError] = ()


async def resolve_refresh(context: Context, order: RefreshOrder) -> RefreshResult:
    """Every refusal is a result with its code, never an exception."""
    try:
        result = await _refresh(context, order)
    except ApiError as error:
        error.field = ["input", *error.field] if error.field else None
        context.outcomes.append(Outcome(None, error))
        return RefreshResult(RefreshOutcome.REJECTED, errors=[error])
    context.outcomes.append(Outcome(await resolve_exit_code(context, result.run) if result.run else 0, None))
    return result


async def _refresh(context: Context, order: RefreshOrder) -> RefreshResult:
    caller = context.require(REFRESH_SCOPE)
    _check(order)
    request = await _make_request(context, order)
    if order.dry_run:
        async with context.database.connection() as connection:
            plan = await plan_refresh(connection, request, context.now)
        idle = not plan.tasks and not plan.joined
        outcome = RefreshOutcome.NOTHING_TO_DO if idle else RefreshOutcome.PLANNED
        return RefreshResult(outcome, plan=plan, errors=_notes(plan))
    recorded = await _record(context, request, caller.name, order.idempotency_key)
    run = await _wait(context, recorded.run_id, order.wait_seconds)
    estimated = None if recorded.repeated else recorded.plan
    return RefreshResult(_outcome(recorded, run), run, estimated, _notes(recorded.plan))


def _check(order: RefreshOrder) -> None:
    check_wait(order.wait_seconds)
    check_text(order.idempotency_key, "idempotencyKey")
    if order.idempotency_key == "":
        raise ApiError(Code.BAD_INPUT, "`idempotencyKey` is empty; leave it out", field=["idempotencyKey"])
    for name, given in (
        ("coins", order.coins),
        ("currencies", order.currencies),
        ("granularities", order.granularities),
    ):
        if given is not None and not given:
            raise ApiError(Code.BAD_INPUT, f"`{name}` is empty; leave it out for everything", field=[name])


async def _make_request(context: Context, order: RefreshOrder) -> RefreshRequest:
    coins = await _choose_coins(context, order.coins)
    currencies = await _choose_currencies(context, order.currencies)
    start, end = _range(context.now, order)
    return RefreshRequest(
        series=_choose_series(coins, currencies),
        granularities=order.granularities,
        history_days=context.settings.history_days,
        asked=_as_written(order),
        start=start,
        end=end,
        force=order.force,
    )


def _as_written(order: RefreshOrder) -> dict[str, Any]:
    """Relative instants and "everything" stay what they are: the same words are the same request."""
    return {
        "coins": sorted(order.coins) if order.coins is not None else None,
        "currencies": sorted(order.currencies) if order.currencies is not None else None,
        "granularities": sorted(granularity.value for granularity in order.granularities),
        "from": order.start.text if order.start else None,
        "to": order.end.text if order.end else None,
        "force": order.force,
    }


async def _choose_coins(context: Context, slugs: Sequence[str] | None) -> list[CoinRow]:
    if slugs is None:
        async with context.database.connection() as connection:
            tracked = await list_tracked(connection)
        if not tracked:
            raise ApiError(Code.NO_DATA, "no coin is tracked yet; start a worker, which reads the catalogue first")
        return tracked
    coins: list[CoinRow] = []
    for coin in await resolve_coins_by_slug(context, list(dict.fromkeys(slugs))):
        if isinstance(coin, ApiError):
            raise coin
        coins.append(coin)
    return coins


async def _choose_currencies(context: Context, codes: Sequence[str] | None) -> list[CurrencyRow]:
    stored = await context.currencies()
    if codes is None:
        return stored
    chosen = [await context.currency(code, "currencies") for code in dict.fromkeys(codes)]
    if missing := [currency.code for currency in chosen if currency not in stored]:
        names = ", ".join(currency.code for currency in stored) or "none yet"
        raise ApiError(
            Code.NOT_FOUND,
            f"no prices are stored in {', '.join(missing)}; the currencies are: {names}",
            field=["currencies"],
        )
    return chosen


def _choose_series(coins: Sequence[CoinRow], currencies: Sequence[CurrencyRow]) -> list[Series]:
    """Currencies that are stored for another coin alone are left out."""
    series = series_of(coins, currencies)
    if not series:
        codes = ", ".join(currency.code for currency in currencies) or "any currency"
        raise ApiError(
            Code.NOT_FOUND,
            f"no prices of these coins are stored in {codes}: they are converted; refresh another currency",
            field=["currencies"],
        )
    return series


def _range(now: datetime, order: RefreshOrder) -> tuple[datetime | None, datetime | None]:
    if order.start is None and order.end is None:
        return None, None
    if order.start is None:
        raise ApiError(Code.RANGE_INVALID, "`to` needs a `from`", field=["from"])
    window = resolve_range(now, order.start, order.end or Instant.parse("now"))
    return window.start, window.end


async def _record(context: Context, request: RefreshRequest, name: str, key: str | None) -> Recorded:
    try:
        async with context.database.transaction() as connection:
            return await record_refresh(connection, request, context.now, name, key)
    except IdempotencyConflict as error:
        raise ApiError(
            Code.CONFLICT,
            "this `idempotencyKey` was used for another refresh within 24 hours; choose a new one",
            field=["idempotencyKey"],
        ) from error


async def _wait(context: Context, run_id: int, seconds: int) -> RunRow:
    """The run when it has ended, or as it stands when the time is over."""
    return await wait_until(
        context, seconds, lambda: resolve_run(context, run_id), lambda run: run.finished_at is not None
    )


def _outcome(recorded: Recorded, run: RunRow) -> RefreshOutcome:
    if run.tasks_total == 0:
        return RefreshOutcome.NOTHING_TO_DO
    if run.finished_at:
        return RefreshOutcome.FINISHED
    return RefreshOutcome.STARTED if recorded.plan.tasks else RefreshOutcome.JOINED


def _notes(plan: Plan) -> list[ApiError]:
    """What a refresh leaves out although it was asked for."""
    if not plan.beyond_plan or plan.oldest is None:
        return []
    day = plan.oldest.date().isoformat()
    return [
        ApiError(
            Code.PROVIDER_PLAN_LIMIT,
            f"the provider's plan reaches back to {day}; nothing older was asked for",
            field=["input", "from"],
        )
    ]
