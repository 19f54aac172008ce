"""Portfolios: private to the owner of the token."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from db.portfolios import PortfolioRow
from resolvers.cost_basis import CostBasisMethod as ReckonedMethod
from resolvers.errors import ApiError as Refusal
from resolvers.gains import add_costs, resolve_gains
from resolvers.ids import encode_id
from resolvers.intervals import Interval as AskedInterval
from resolvers.performance import resolve_performance
from resolvers.portfolios import (
    PortfolioView,
    resolve_create_portfolio,
    resolve_delete_portfolio,
    resolve_portfolio,
    resolve_portfolios,
    resolve_rename_portfolio,
)
from resolvers.returns import ReturnMethod as AskedMethod
from resolvers.transactions import make_transaction_key, resolve_transaction_page
from resolvers.valuation import ValuationView, resolve_holdings, resolve_valuation, resolve_valuations
from schema.account_changes import DeletePayload
from schema.accounts import Account, make_account
from schema.arguments import NOW, AfterArgument, FirstArgument, FromArgument, IntervalArgument, ToArgument
from schema.common import ApiError, Info, Node, count_fields
from schema.currencies import Currency
from schema.enums import CostBasisMethod, Interval, TransactionKind
from schema.gains import CostBasisArgument, Gains
from schema.pages import Connection, make_connection
from schema.performance import MethodArgument, Performance, StartArgument
from schema.transactions import Transaction
from schema.valuation import (
    A_QUARTER_AGO,
    AtArgument,
    Holding,
    Valuation,
    ValuationCurrencyArgument,
    charge_valuations,
    wants_costs,
    wants_details,
)

PORTFOLIO_ID = "From `Portfolio.id`."
_NAME = "What to call it; unique among yours, at most 200 characters."


@strawberry.type(description="Accounts that are looked at together. Only tokens of its owner see it.")
class Portfolio(Node):
    row: strawberry.Private[PortfolioRow]
    name: str = strawberry.field(description="What its owner calls it.")
    currency: Currency = strawberry.field(description="What it is valued in unless another currency is asked for.")
    created_at: datetime = strawberry.field(description="When it was made.")

    @strawberry.field(description="Its accounts, in the order they were added.")
    async def accounts(self, info: Info) -> list[Account]:
        rows = await info.context.private().accounts_of.load(self.row.id)
        info.context.charge_values(len(rows) * count_fields(info))
        return [make_account(info.context, row) for row in rows]

    @strawberry.field(
        description="The transactions of its accounts, the newest first. Error NOT_FOUND for an account that is not in "
        "it and for an unknown coin."
    )
    async def transactions(
        self,
        info: Info,
        account: Annotated[strawberry.ID | None, strawberry.argument(description="Only of this account.")] = None,
        coin: Annotated[str | None, strawberry.argument(description="Slug: only of this coin.")] = None,
        kinds: Annotated[
            list[TransactionKind] | None, strawberry.argument(description="Only these; left out: all.")
        ] = None,
        first: FirstArgument = 50,
        after: AfterArgument = None,
    ) -> Connection[Transaction]:
        context = info.context
        names = [one.name for one in kinds] if kinds is not None else None
        key = await make_transaction_key(context, self.row.id, account, coin, names, first, after)
        page = await resolve_transaction_page(context, key, first, after)
        return make_connection(
            page,
            lambda view: Transaction.from_view(context, view),
            lambda context: context.private().transaction_counts.load(key),
        )

    @strawberry.field(description="What is held, by account and asset. Error RANGE_INVALID for an instant to come.")
    async def holdings(self, info: Info, at: AtArgument = NOW) -> list[Holding]:
        views = await resolve_holdings(info.context, self.row.id, at)
        info.context.charge_values(len(views) * count_fields(info))
        return [Holding.from_view(info.context, view) for view in views]

    @strawberry.field(
        description="What it was worth at an instant. Errors: RANGE_INVALID for one to come; NOT_FOUND for the "
        "currency."
    )
    async def valuation(
        self,
        info: Info,
        at: AtArgument = NOW,
        currency: ValuationCurrencyArgument = None,
        cost_basis: CostBasisArgument = CostBasisMethod.FIFO,
    ) -> Valuation:
        view = await resolve_valuation(info.context, self.row.id, self._in(currency), at, detailed=wants_details(info))
        [view] = await self._with_costs(info, [view], currency, cost_basis)
        charge_valuations(info, [view])
        return Valuation.from_view(info.context, view)

    @strawberry.field(
        description="What it was worth at the start of each bucket of a range: the same as `valuation` at each of "
        "these instants. Errors: RANGE_INVALID; COST_EXCEEDED for more than 10,000 instants, and sooner with "
        "`holdings` or `unpriced`; NOT_FOUND for the currency."
    )
    async def history(
        self,
        info: Info,
        from_: FromArgument = A_QUARTER_AGO,
        to: ToArgument = NOW,
        interval: IntervalArgument = Interval.AUTO,
        currency: ValuationCurrencyArgument = None,
        cost_basis: CostBasisArgument = CostBasisMethod.FIFO,
    ) -> list[Valuation]:
        views = await resolve_valuations(
            info.context,
            self.row.id,
            self._in(currency),
            from_,
            to,
            AskedInterval(interval.name),
            detailed=wants_details(info),
        )
        views = await self._with_costs(info, views, currency, cost_basis)
        charge_valuations(info, views)
        return [Valuation.from_view(info.context, view) for view in views]

    @strawberry.field(
        description="What was gained, with what is held and with what was sold. What moved between two accounts of the "
        "portfolio makes no gain. Errors: RANGE_INVALID for an instant to come; NOT_FOUND for the currency."
    )
    async def gains(
        self,
        info: Info,
        at: AtArgument = NOW,
        currency: ValuationCurrencyArgument = None,
        method: CostBasisArgument = CostBasisMethod.FIFO,
    ) -> Gains:
        asked = ReckonedMethod(method.name)
        view = await resolve_gains(info.context, self.row.id, self._in(currency), at, asked)
        info.context.charge_values(len(view.assets) * count_fields(info))
        return Gains.from_view(view)

    @strawberry.field(
        description="How it did over a period. Errors: RANGE_INVALID; COST_EXCEEDED when money came or went at too "
        "many instants for TIME_WEIGHTED; NOT_FOUND for the currency."
    )
    async def performance(
        self,
        info: Info,
        from_: StartArgument,
        method: MethodArgument,
        to: ToArgument = NOW,
        currency: ValuationCurrencyArgument = None,
    ) -> Performance:
        asked = AskedMethod(method.name)
        view = await resolve_performance(info.context, self.row.id, self._in(currency), from_, to, asked)
        return Performance.from_view(view)

    async def _with_costs(
        self, info: Info, views: list[ValuationView], currency: str | None, method: CostBasisMethod
    ) -> list[ValuationView]:
        if not wants_costs(info):
            return views
        return await add_costs(info.context, self.row.id, self._in(currency), views, ReckonedMethod(method.name))

    def _in(self, currency: str | None) -> str:
        return currency or self.currency.code

    @classmethod
    def from_view(cls, view: PortfolioView) -> Portfolio:
        return cls(
            row=view.row,
            id=strawberry.ID(encode_id("Portfolio", view.row.id)),
            name=view.row.name,
            currency=Currency.from_row(view.currency),
            created_at=view.row.created_at,
        )


@strawberry.type(description="What became of a change of a portfolio.")
class PortfolioPayload:
    portfolio: Portfolio | None = strawberry.field(description="As it is now; null when the change was refused.")
    errors: list[ApiError] = strawberry.field(description="Why it was refused: then nothing was changed.")

    @classmethod
    def from_result(cls, result: PortfolioView | Refusal) -> PortfolioPayload:
        if isinstance(result, Refusal):
            return cls(portfolio=None, errors=[ApiError.from_error(result)])
        return cls(portfolio=Portfolio.from_view(result), errors=[])


@strawberry.type
class PortfolioQueries:
    @strawberry.field(description="Yours, in the order they were made. Needs a token with scope PORTFOLIO_READ.")
    async def portfolios(self, info: Info) -> list[Portfolio]:
        return [Portfolio.from_view(view) for view in await resolve_portfolios(info.context)]

    @strawberry.field(
        description="One of yours. Error NOT_FOUND when you have none of that id. Needs a token with scope "
        "PORTFOLIO_READ."
    )
    async def portfolio(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description=PORTFOLIO_ID)]
    ) -> Portfolio | None:
        return Portfolio.from_view(await resolve_portfolio(info.context, id))


@strawberry.type
class PortfolioMutations:
    @strawberry.mutation(
        description="Make a portfolio. Needs a token with scope PORTFOLIO_WRITE. Every refusal is among `errors`, with "
        "a code."
    )
    async def create_portfolio(
        self,
        info: Info,
        name: Annotated[str, strawberry.argument(description=_NAME)],
        currency: Annotated[
            str, strawberry.argument(description="Code of the currency that it is valued in, such as `usd`.")
        ],
    ) -> PortfolioPayload:
        return PortfolioPayload.from_result(await resolve_create_portfolio(info.context, name, currency))

    @strawberry.mutation(description="Call a portfolio something else. Needs a token with scope PORTFOLIO_WRITE.")
    async def rename_portfolio(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description=PORTFOLIO_ID)],
        name: Annotated[str, strawberry.argument(description=_NAME)],
    ) -> PortfolioPayload:
        return PortfolioPayload.from_result(await resolve_rename_portfolio(info.context, id, name))

    @strawberry.mutation(
        description="Delete a portfolio with its accounts and all that belongs to them, keys included. It cannot be "
        "brought back. Needs a token with scope PORTFOLIO_WRITE."
    )
    async def delete_portfolio(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description=PORTFOLIO_ID)]
    ) -> DeletePayload:
        return DeletePayload.from_result(await resolve_delete_portfolio(info.context, id))
