"""Which coins are refreshed, as people say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from db.coins import CoinRow, read_coins_by_id
from db.currencies import series_of
from db.pool import Connection
from db.refresh import RefreshRequest, record_refresh
from db.runs import RunRow
from db.series import Granularity
from db.tracking import track_coins, untrack_coins
from resolvers.coins import resolve_coins_by_slug
from resolvers.context import Caller, Context, Outcome
from resolvers.errors import ApiError, Code
from resolvers.runs import resolve_run

_SCOPE = "ADMIN"


@dataclass(frozen=True, slots=True)
class TrackResult:
    """`coins` as they are now; an error for each slug that is none or was refused.

    `run` fetches the history of what is tracked.
    """

    coins: Sequence[CoinRow] = ()
    errors: Sequence[ApiError] = ()
    run: RunRow | None = None


async def resolve_track(context: Context, slugs: Sequence[str]) -> TrackResult:
    """Start refreshing, and record a refresh of the history window in the same transaction."""
    try:
        caller = context.require(_SCOPE)
        known, errors = await _choose(context, slugs)
        currencies = await context.currencies()
        async with context.database.transaction() as connection:
            await track_coins(connection, [coin.id for coin in known])
            request = RefreshRequest(
                series=series_of(known, currencies),
                granularities=tuple(Granularity),
                history_days=context.settings.history_days,
                asked={"track": sorted(coin.slug for coin in known)},
            )
            run_id = await _record(connection, request, context, caller)
            coins = await _read(connection, known)
    except ApiError as error:
        return _finish(context, TrackResult(errors=[error]))
    run = await resolve_run(context, run_id) if run_id is not None else None
    return _finish(context, TrackResult(coins, errors, run))


async def resolve_untrack(context: Context, slugs: Sequence[str]) -> TrackResult:
    """Stop refreshing; what was queued for these coins is not fetched any more, and what is stored stays."""
    try:
        context.require(_SCOPE)
        found, errors = await _choose(context, slugs)
        refused = await _refuse_rate_coins(context, found)
        known, errors = [coin for coin in found if coin.id not in refused], [*errors, *refused.values()]
        async with context.database.transaction() as connection:
            await untrack_coins(connection, [coin.id for coin in known], context.now)
            coins = await _read(connection, known)
    except ApiError as error:
        return _finish(context, TrackResult(errors=[error]))
    return _finish(context, TrackResult(coins, errors))


async def _choose(context: Context, slugs: Sequence[str]) -> tuple[list[CoinRow], list[ApiError]]:
    if not slugs:
        raise ApiError(Code.BAD_INPUT, "`slugs` is empty; name the coins", field=["slugs"])
    found = await resolve_coins_by_slug(context, list(dict.fromkeys(slugs)), "slugs")
    errors = [one for one in found if isinstance(one, ApiError)]
    return [one for one in found if not isinstance(one, ApiError)], errors


async def _refuse_rate_coins(context: Context, coins: Sequence[CoinRow]) -> dict[int, ApiError]:
    """By coin id: without the prices of a rate coin every price in its currencies ends."""
    refused: dict[int, ApiError] = {}
    for coin in coins:
        if codes := [row.code for row in await context.known_currencies() if row.rate_coin_id == coin.id]:
            refused[coin.id] = ApiError(
                Code.CONFLICT,
                f"{coin.slug} is the rate coin: prices in {', '.join(codes)} are converted through it; set "
                "PRICEGRAPH_RATE_COIN to another coin, or PRICEGRAPH_RATE_CURRENCIES=off, first",
                field=["slugs"],
            )
    return refused


async def _record(connection: Connection, request: RefreshRequest, context: Context, caller: Caller) -> int | None:
    if not request.series:
        return None
    return (await record_refresh(connection, request, context.now, caller.name)).run_id


async def _read(connection: Connection, coins: Sequence[CoinRow]) -> list[CoinRow]:
    found = await read_coins_by_id(connection, [coin.id for coin in coins])
    return [found[coin.id] for coin in coins]


def _finish(context: Context, result: TrackResult) -> TrackResult:
    context.outcomes.append(Outcome(None, result.errors[0]) if result.errors else Outcome(0, None))
    return result
