"""How a portfolio did over a period: its gain, and the percent by one of three methods."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from db.currencies import CurrencyRow
from db.flows import FlowRow, read_flows
from db.holdings import read_incomplete
from db.pool import Connection
from db.series import Window
from db.valuation import read_worth
from resolvers.context import Context
from resolvers.cost_basis import Doubt, Doubtful
from resolvers.decimals import EXACT
from resolvers.doubts import say_doubts, say_incomplete
from resolvers.errors import ApiError, Code
from resolvers.flows import Flow, Way, make_transits
from resolvers.instants import Instant, write_instant
from resolvers.ledger import Pricing, price_flows, read_prices, resolve_pricing
from resolvers.lots import ZERO, add, subtract
from resolvers.ranges import resolve_range
from resolvers.returns import Payment, ReturnMethod, Turn, money_weighted, simple, time_weighted
from resolvers.valuation import ASSETS_A_POINT, incomplete_at, read_accounts_of

_NO_PERCENT = {
    ReturnMethod.TIME_WEIGHTED: "growth from nothing, or from debts, has no percent",
    ReturnMethod.MONEY_WEIGHTED: "there is no rate at which what was put in comes to the end value",
    ReturnMethod.SIMPLE: "nothing was put in that percent could be of",
}


@dataclass(frozen=True, slots=True)
class PerformanceView:
    """None for what is not known. `complete`: everything that it rests on is."""

    window: Window
    currency: CurrencyRow
    method: ReturnMethod
    start: Decimal | None
    end: Decimal | None
    flows: Decimal | None
    gain: Decimal | None
    percent: float | None
    complete: bool
    warnings: Sequence[str]


class _Found(NamedTuple):
    """All of one snapshot. `flows`: those of each instant inside; `money`: what they come to.

    `values`: what everything was worth, at both ends and, where the method asks for it, whenever money came or went.
    `doubts` are about flows, `problems` about values.
    """

    flows: Mapping[datetime, Sequence[Flow]]
    money: Mapping[datetime, Decimal | None]
    values: Mapping[datetime, Decimal | None]
    doubts: Sequence[Doubtful]
    problems: Sequence[str]


async def resolve_performance(
    context: Context, portfolio_id: int, currency: str, start: Instant, end: Instant, method: ReturnMethod
) -> PerformanceView:
    window = resolve_range(context.now, start, end)
    pricing = await resolve_pricing(context, portfolio_id, currency)
    async with context.private_snapshot() as connection:
        found = await _read(context, connection, portfolio_id, pricing, window, method)
    first, last, flows = found.values[window.start], found.values[window.end], add(found.money.values())
    gain = subtract(subtract(last, first), flows)
    percent = None
    warnings = [*await _say_doubts(context, found.doubts), *found.problems]
    complete = not warnings
    if gain is not None:
        percent = await asyncio.to_thread(_percent, found, window, method)
        warnings += [_NO_PERCENT[method]] if percent is None and complete else []
    return PerformanceView(window, pricing.currency, method, first, last, flows, gain, percent, complete, warnings)


async def _read(
    context: Context,
    connection: Connection,
    portfolio_id: int,
    pricing: Pricing,
    window: Window,
    method: ReturnMethod,
) -> _Found:
    rows = await read_flows(connection, context.private().owner, portfolio_id, window.end, since=window.start)
    inside = [row for row in rows if row.at > window.start]
    flows: dict[datetime, list[Flow]] = defaultdict(list)
    for flow in await price_flows(context, connection, pricing, inside, values=True):
        flows[flow.at].append(flow)
    money = {at: add(flow.money for flow in moved) for at, moved in flows.items()}
    # What comes in for what goes out, as in a trade, divides no period.
    turns = {at for at, amount in money.items() if amount} if method is ReturnMethod.TIME_WEIGHTED else set()
    instants = sorted({window.start, *turns, window.end})
    values, problems = await _read_values(context, connection, portfolio_id, pricing, rows, instants)
    doubts = [one for at, moved in flows.items() for flow in moved for one in _doubt(flow, needs_value=at in turns)]
    return _Found(flows, money, values, doubts, problems)


async def _read_values(
    context: Context,
    connection: Connection,
    portfolio_id: int,
    pricing: Pricing,
    rows: Sequence[FlowRow],
    instants: Sequence[datetime],
) -> tuple[dict[datetime, Decimal | None], list[str]]:
    """What everything was worth, with what was between two accounts; and why that is not known."""
    _charge(context, len(instants), len(pricing.assets))
    owner = context.private().owner
    worths = await read_worth(connection, owner, portfolio_id, pricing.quotes, instants)
    incomplete = await read_incomplete(connection, owner, portfolio_id)
    accounts = await read_accounts_of(connection, owner, portfolio_id)
    between = await _read_transits(context, connection, pricing, rows, instants)
    values: dict[datetime, Decimal | None] = {}
    problems: dict[str, str] = {}
    for at, worth in zip(instants, worths, strict=True):
        labels = [account.label for account in incomplete_at(at, incomplete, accounts)]
        transit = between.get(at, ZERO)
        if transit is None or not worth.priced:
            problems.setdefault("", f"{write_instant(at)}: not all that was held then has a price; see `valuation`")
        for label in labels:
            problems.setdefault(label, *say_incomplete([label], at))
        known = transit is not None and worth.priced and not labels
        values[at] = EXACT.add(worth.known, transit) if known and transit is not None else None
    return values, list(problems.values())


async def _read_transits(
    context: Context, connection: Connection, pricing: Pricing, rows: Sequence[FlowRow], instants: Sequence[datetime]
) -> dict[datetime, Decimal | None]:
    """What was worth that was between two accounts."""
    found = [
        (at, transit)
        for transit in make_transits(rows)
        for at in instants[bisect_left(instants, transit.start) : bisect_left(instants, transit.end)]
    ]
    price_of = await read_prices(context, connection, pricing, {(transit.asset_id, at) for at, transit in found})
    worth: dict[datetime, Decimal | None] = {}
    for at, transit in found:
        price = price_of(transit.asset_id, at)
        value = None if price is None else EXACT.multiply(transit.quantity, price)
        worth[at] = add((worth.get(at, ZERO), value))
    return worth


def _charge(context: Context, instants: int, assets: int) -> None:
    limit = context.settings.limits.max_points_per_series
    if instants > limit:
        raise ApiError(
            Code.COST_EXCEEDED,
            f"money came or went at more than {limit:,} instants; ask for a shorter period, or MONEY_WEIGHTED",
            field=["from"],
        )
    context.charge(instants * max(1, assets // ASSETS_A_POINT))


def _percent(found: _Found, window: Window, method: ReturnMethod) -> float | None:
    """None when something is not known, and when there is none."""
    start, end = found.values[window.start], found.values[window.end]
    if start is None or end is None:
        return None
    payments = [(at, money) for at, money in found.money.items() if money]
    if method is ReturnMethod.SIMPLE:
        return simple(start, [money for _, money in payments], end)
    if method is ReturnMethod.MONEY_WEIGHTED:
        whole = window.end - window.start
        return money_weighted(start, [Payment(money, (window.end - at) / whole) for at, money in payments], end)
    turns = [_turn(money, found.values[at], found.flows[at]) for at, money in payments]
    known = [turn for turn in turns if turn]
    return time_weighted(start, known, end) if len(known) == len(turns) else None


def _turn(money: Decimal, after: Decimal | None, flows: Iterable[Flow]) -> Turn | None:
    moved = add(flow.value and flow.value.copy_sign(flow.quantity) for flow in flows)
    before = subtract(after, moved)
    return None if before is None or after is None else Turn(before, money, after)


def _doubt(flow: Flow, *, needs_value: bool) -> Iterable[Doubtful]:
    if flow.way is Way.UNEXPLAINED:
        yield Doubtful(flow.asset_id, Doubt.REPORTED, flow.at)
    if flow.fee is None:
        yield Doubtful(flow.asset_id, Doubt.NO_FEE, flow.at)
    elif flow.money is None or (needs_value and flow.value is None):
        yield Doubtful(flow.asset_id, Doubt.NO_VALUE, flow.at)


async def _say_doubts(context: Context, doubts: Sequence[Doubtful]) -> list[str]:
    ids = list({one.asset_id for one in doubts})
    assets = await context.private().assets.load_many(ids)
    return say_doubts(doubts, dict(zip(ids, assets, strict=True)))
