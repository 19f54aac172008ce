"""Query, Mutation and the schema that they make."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Annotated

import strawberry
from graphql import ASTValidationRule, GraphQLError
from strawberry.extensions import AddValidationRules, MaxTokensLimiter
from strawberry.extensions.parser_cache import ParserCache
from strawberry.extensions.validation_cache import ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionContext

from db.coins import CoinOrder as StoredOrder
from resolvers.coins import resolve_coin, resolve_coin_page
from resolvers.history import resolve_histories
from resolvers.ids import decode_id
from resolvers.limits import Limits as RequestLimits
from resolvers.ranges import Interval as AskedInterval
from resolvers.ranges import settle
from resolvers.refresh import resolve_refresh, resolve_run, resolve_run_page
from schema.arguments import (
    A_WEEK_AGO,
    NOW,
    AfterArgument,
    CurrencyArgument,
    FirstArgument,
    FromArgument,
    GapsArgument,
    IntervalArgument,
    ToArgument,
)
from schema.coins import Coin, CoinConnection, CoinFilter
from schema.common import Info
from schema.currencies import Currency
from schema.enums import CoinOrder, CurrencyKind, GapPolicy, Interval
from schema.limits import NamedOperation, limit_rule
from schema.prices import PriceHistoryResult
from schema.refresh import RefreshInput, RefreshPayload, RefreshRun, RefreshRunConnection
from schema.scalars import SCALARS
from schema.server import Limits, ServerInfo

# The largest document that the limits let through takes a few megabytes once it is parsed.
_CACHED_DOCUMENTS = 64


@strawberry.type(description="Reading is open to everyone who reaches the server.")
class Query:
    @strawberry.field(description="One coin. Error NOT_FOUND for an unknown slug, with the slugs perhaps meant.")
    async def coin(
        self, info: Info, slug: Annotated[str, strawberry.argument(description="Such as `bitcoin`.")]
    ) -> Coin | None:
        return Coin.from_row(await resolve_coin(info.context, slug))

    @strawberry.field(description="The coins that this installation knows.")
    async def coins(
        self,
        info: Info,
        filter: Annotated[CoinFilter | None, strawberry.argument(description="Left out: all.")] = None,
        order_by: Annotated[CoinOrder, strawberry.argument(description="The order.")] = CoinOrder.RANK,
        first: FirstArgument = 50,
        after: AfterArgument = None,
    ) -> CoinConnection:
        where = (filter or CoinFilter()).conditions(info.context)
        order = StoredOrder(order_by.name)
        return CoinConnection.from_page(await resolve_coin_page(info.context, where, order, first, after), where)

    @strawberry.field(description="The currencies that prices are stored in.")
    async def currencies(
        self,
        info: Info,
        kind: Annotated[CurrencyKind | None, strawberry.argument(description="Only these; left out: all.")] = None,
    ) -> list[Currency]:
        rows = await info.context.currencies()
        return [Currency.from_row(row) for row in rows if kind is None or row.kind == kind.name]

    @strawberry.field(
        description="Stored prices of many coins over one range: one result per coin, in the order asked for. "
        "Errors of the whole: RANGE_INVALID, NOT_FOUND for the currency, COST_EXCEEDED."
    )
    async def price_history(
        self,
        info: Info,
        coins: Annotated[list[str], strawberry.argument(description="Slugs; at most 1000.")],
        currency: CurrencyArgument = "usd",
        from_: FromArgument = A_WEEK_AGO,
        to: ToArgument = NOW,
        interval: IntervalArgument = Interval.AUTO,
        gaps: GapsArgument = GapPolicy.NULLS,
    ) -> list[PriceHistoryResult]:
        limits = info.context.settings.limits
        asked = settle(info.context.now, from_, to, AskedInterval(interval.name), limits.max_points_per_series)
        views = await resolve_histories(info.context, coins, currency, asked)
        return [PriceHistoryResult.from_view(slug, view, gaps) for slug, view in zip(coins, views, strict=True)]

    @strawberry.field(description="One run. Error NOT_FOUND when there is none.")
    async def refresh_run(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="From `RefreshRun.id`.")]
    ) -> RefreshRun | None:
        return RefreshRun.from_row(await resolve_run(info.context, decode_id("RefreshRun", id)))

    @strawberry.field(description="The recorded refreshes, newest first.")
    async def refresh_runs(
        self, info: Info, first: FirstArgument = 20, after: AfterArgument = None
    ) -> RefreshRunConnection:
        return RefreshRunConnection.from_page(await resolve_run_page(info.context, first, after))

    @strawberry.field(description="The server about itself.")
    def server(self, info: Info) -> ServerInfo:
        return ServerInfo(
            version=info.context.settings.version,
            schema_hash=schema_hash(),
            limits=Limits.from_limits(info.context.settings.limits),
        )


@strawberry.type(description="Changes; each needs a bearer token with a scope of its own.")
class Mutation:
    @strawberry.mutation(
        description="Fetch what is missing. Needs a token with scope REFRESH. Records a run, queues its tasks and "
        "answers at once, or after `waitSeconds`; the workers do the rest. Every refusal is an outcome with a code."
    )
    async def refresh_prices(
        self, info: Info, input: Annotated[RefreshInput, strawberry.argument(description="What to refresh.")]
    ) -> RefreshPayload:
        return RefreshPayload.from_result(await resolve_refresh(info.context, input.order()))


class _Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Strawberry would log each mistake of a client with a traceback; the transport logs what is a surprise."""


@cache
def make_schema(limits: RequestLimits) -> strawberry.Schema:
    """The schema with the limits of its documents; they are validation rules, so validation is never switched off."""
    rules: list[type[ASTValidationRule]] = [limit_rule(limits)]
    return _Schema(
        query=Query,
        mutation=Mutation,
        config=StrawberryConfig(scalar_map=SCALARS),
        extensions=[
            lambda: MaxTokensLimiter(limits.max_tokens),
            lambda: AddValidationRules(rules),
            NamedOperation,
            lambda: ParserCache(maxsize=_CACHED_DOCUMENTS),
            lambda: ValidationCache(maxsize=_CACHED_DOCUMENTS),
        ],
    )


@cache
def sdl() -> str:
    """The schema definition, as it is served and committed."""
    return make_schema(RequestLimits()).as_str() + "\n"


@cache
def schema_hash() -> str:
    return hashlib.sha256(sdl().encode()).hexdigest()
