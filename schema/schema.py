"""Query and Mutation, put together from their subjects, and the schema that they make."""

from __future__ import annotations

from functools import cache

import strawberry
from graphql import ASTValidationRule, GraphQLError
from strawberry.extensions import AddValidationRules, MaxTokensLimiter
from strawberry.extensions.parser_cache import ParserCache
from strawberry.extensions.validation_cache import ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionContext

from resolvers.limits import Limits as RequestLimits
from schema.coins import CoinQueries
from schema.currencies import CurrencyQueries
from schema.history import HistoryQueries
from schema.issues import IssueMutations, IssueQueries
from schema.limits import NamedOperation, limit_rule
from schema.manual import ManualMutations
from schema.node import NodeQueries
from schema.prices_at import PriceAtQueries
from schema.providers import ProviderQueries
from schema.refresh import RefreshMutations, RefreshQueries
from schema.resolution import ResolutionQueries
from schema.scalars import SCALARS
from schema.server import ServerQueries
from schema.tracking import TrackingMutations

# The largest document that the limits let through takes a few megabytes once it is parsed.
_CACHED_DOCUMENTS = 64


@strawberry.type(description="Reading is open to everyone who reaches the server, unless it asks for a token.")
class Query(
    CoinQueries,
    CurrencyQueries,
    HistoryQueries,
    IssueQueries,
    NodeQueries,
    PriceAtQueries,
    ProviderQueries,
    RefreshQueries,
    ResolutionQueries,
    ServerQueries,
):
    pass


@strawberry.type(description="Changes; each needs a bearer token with a scope of its own.")
class Mutation(IssueMutations, ManualMutations, RefreshMutations, TrackingMutations):
    pass


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
