"""What a portfolio has cost and gained, asset by asset."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from db.assets import AssetRow
from db.currencies import CurrencyRow
from db.flows import read_flows
from db.holdings import read_incomplete
from db.pool import Connection
from resolvers.context import Context
from resolvers.cost_basis import CostBasisMethod, Doubtful, Standing, reckon
from resolvers.decimals import EXACT
from resolvers.doubts import say_doubts, say_incomplete, say_unpriced
from resolvers.instants import Instant
from resolvers.ledger import Pricing, price_flows, read_prices, resolve_pricing
from resolvers.lots import ZERO, add, share_of, subtract
from resolvers.valuation import ValuationView, ValuedView, incomplete_at, past_instant, read_accounts_of


class AssetGain(NamedTuple):
    """`value`: None without a price."""

    asset: AssetRow
    standing: Standing
    value: Decimal | None

    @property
    def unrealised(self) -> Decimal | None:
        return subtract(self.value, self.standing.cost)

    @property
    def average_cost(self) -> Decimal | None:
        cost, quantity = self.standing.cost, self.standing.quantity
        return None if quantity <= 0 else share_of(cost, Decimal(1), quantity)


@dataclass(frozen=True, slots=True)
class GainsView:
    at: datetime
    currency: CurrencyRow
    method: CostBasisMethod
    assets: Sequence[AssetGain]
    warnings: Sequence[str]

    @property
    def value(self) -> Decimal | None:
        return add(one.value for one in self.assets)

    @property
    def cost(self) -> Decimal | None:
        return add(one.standing.cost for one in self.assets)

    @property
    def unrealised(self) -> Decimal | None:
        return add(one.unrealised for one in self.assets)

    @property
    def realised(self) -> Decimal | None:
        return add(one.standing.realised for one in self.assets)

    @property
    def income(self) -> Decimal | None:
        return add(one.standing.income for one in self.assets)


class _Found(NamedTuple):
    """All of one snapshot. `values`: of what is held of each asset."""

    standings: Mapping[int, Standing]
    values: Mapping[int, Decimal | None]
    doubts: Sequence[Doubtful]
    incomplete: Sequence[str]


async def resolve_gains(
    context: Context, portfolio_id: int, currency: str, at: Instant, method: CostBasisMethod
) -> GainsView:
    until = past_instant(context, at)
    pricing = await resolve_pricing(context, portfolio_id, currency)
    async with context.private_snapshot() as connection:
        found = await _read(context, connection, portfolio_id, pricing, until, method)
    ids = list(found.standings)
    assets = dict(zip(ids, await context.private().assets.load_many(ids), strict=True))
    unpriced = [assets[id_] for id_, value in found.values.items() if value is None]
    warnings = [
        *say_doubts(found.doubts, assets),
        *say_unpriced(unpriced, until),
        *say_incomplete(found.incomplete, until),
    ]
    gains = [AssetGain(assets[id_], standing, found.values[id_]) for id_, standing in found.standings.items()]
    return GainsView(until, pricing.currency, method, gains, warnings)


async def add_costs(
    context: Context, portfolio_id: int, currency: str, views: Sequence[ValuationView], method: CostBasisMethod
) -> list[ValuationView]:
    """The valuations, which ascend in time, with the cost of each of their holdings: its share of its asset's."""
    instants = [view.at for view in views]
    if not instants:
        return []
    pricing = await resolve_pricing(context, portfolio_id, currency)
    async with context.private_snapshot() as connection:
        standings, _ = await _reckon(context, connection, portfolio_id, pricing, instants, method)
    return [
        replace(view, holdings=[_with_cost(one, found.get(one.holding.asset.id)) for one in view.holdings])
        for view, found in zip(views, standings, strict=True)
    ]


def _with_cost(holding: ValuedView, standing: Standing | None) -> ValuedView:
    if standing is None or standing.quantity <= 0:
        return holding
    return replace(holding, cost=share_of(standing.cost, holding.holding.quantity, standing.quantity))


async def _read(
    context: Context,
    connection: Connection,
    portfolio_id: int,
    pricing: Pricing,
    until: datetime,
    method: CostBasisMethod,
) -> _Found:
    owner = context.private().owner
    [standings], doubts = await _reckon(context, connection, portfolio_id, pricing, [until], method)
    price_of = await read_prices(context, connection, pricing, [(asset, until) for asset in standings])
    values = {id_: _value(standing.quantity, price_of(id_, until)) for id_, standing in standings.items()}
    accounts = await read_accounts_of(connection, owner, portfolio_id)
    incomplete = incomplete_at(until, await read_incomplete(connection, owner, portfolio_id), accounts)
    return _Found(standings, values, doubts, [account.label for account in incomplete])


async def _reckon(
    context: Context,
    connection: Connection,
    portfolio_id: int,
    pricing: Pricing,
    instants: Sequence[datetime],
    method: CostBasisMethod,
) -> tuple[list[dict[int, Standing]], list[Doubtful]]:
    rows = await read_flows(connection, context.private().owner, portfolio_id, instants[-1])
    flows = await price_flows(context, connection, pricing, rows, values=False)
    # In a thread: thousands of lots would keep other requests waiting.
    return await asyncio.to_thread(reckon, flows, method, pricing.money, instants, pricing.own_money)


def _value(quantity: Decimal, price: Decimal | None) -> Decimal | None:
    if not quantity:
        return ZERO
    return None if price is None else EXACT.multiply(quantity, price)
