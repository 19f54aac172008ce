"""Query and Mutation, put together from their subjects, and the schema that they make."""

from __future__ import annotations

from functools import cache

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.account_changes import AccountMutations
from schema.accounts import ACCOUNT_TYPES
from schema.binding import bind_resolvers
from schema.coins import CoinQueries
from schema.currencies import CurrencyQueries
from schema.history import HistoryQueries
from schema.issues import IssueMutations, IssueQueries
from schema.manual import ManualMutations
from schema.node import NodeQueries
from schema.portfolios import PortfolioMutations, PortfolioQueries
from schema.prices_at import PriceAtQueries
from schema.providers import ProviderQueries
from schema.refresh import RefreshMutations, RefreshQueries
from schema.resolution import ResolutionQueries
from schema.scalars import SCALARS
from schema.server import ServerQueries
from schema.tracking import TrackingMutations
from schema.transaction_changes import TransactionMutations
from schema.transaction_import import ImportMutations


@strawberry.type(
    description="Reading is open to everyone who reaches the server, unless it asks for a token. "
    "Portfolios are private: they need one with scope PORTFOLIO_READ."
)
class Query(
    CoinQueries,
    CurrencyQueries,
    HistoryQueries,
    IssueQueries,
    NodeQueries,
    PortfolioQueries,
    PriceAtQueries,
    ProviderQueries,
    RefreshQueries,
    ResolutionQueries,
    ServerQueries,
):
    pass


@strawberry.type(description="Changes; each needs a bearer token with a scope of its own.")
class Mutation(
    AccountMutations,
    ImportMutations,
    IssueMutations,
    ManualMutations,
    PortfolioMutations,
    RefreshMutations,
    TrackingMutations,
    TransactionMutations,
):
    pass


@cache
def make_schema() -> strawberry.Schema:
    schema = plain_schema()
    bind_resolvers(schema)
    return schema


def plain_schema() -> strawberry.Schema:
    """As Strawberry makes it."""
    return strawberry.Schema(
        query=Query, mutation=Mutation, types=ACCOUNT_TYPES, config=StrawberryConfig(scalar_map=SCALARS)
    )


@cache
def sdl() -> str:
    """The schema definition, as it is served and committed."""
    return make_schema().as_str() + "\n"
