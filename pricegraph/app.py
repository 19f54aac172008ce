"""The web application."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from db.pool import Database
from pricegraph import VERSION
from pricegraph.auth import Authenticator
from pricegraph.compression import compress
from pricegraph.cors import cors
from pricegraph.etags import revalidate
from pricegraph.graphql_http import GraphQLEndpoint
from pricegraph.health import health_routes
from pricegraph.pages import built_pages, page_routes
from pricegraph.settings import Settings
from resolvers.blocks import BlockCache
from resolvers.context import ApiSettings
from schema.execution import Executable
from schema.schema import make_schema, sdl


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    settings: Settings, database: Database, now: Callable[[], datetime] = _utc_now, reads: Database | None = None
) -> ASGIApp:
    """The application over an open database; `reads` is a replica of it that answers for market data."""
    api = ApiSettings(version=VERSION, history_days=settings.history_days, vault=settings.vault())
    token = settings.token.get_secret_value() if settings.token else None
    authenticator = Authenticator(database, token, required=settings.require_token)
    executable = Executable(make_schema(), api.limits)
    blocks = BlockCache(settings.cache_bytes)
    endpoint = GraphQLEndpoint(executable, database, reads or database, blocks, api, authenticator, now)
    definition = sdl()

    async def schema_file(request: Request) -> Response:
        response = revalidate(request, PlainTextResponse(definition), "no-cache")
        response.headers.add_vary_header("accept-encoding")
        await compress(response, request.headers.get("accept-encoding"))
        return response

    others = Starlette(
        routes=[
            Route("/schema.graphql", schema_file),
            *health_routes(database, reads or database),
            *page_routes(built_pages()),
        ]
    )
    return Router(
        # In front of the others: it answers for its own faults, and needs nothing of what Starlette does about them.
        routes=[Route("/graphql", endpoint, methods=["GET", "POST"])],
        default=others,
        middleware=[cors(settings.cors_origins)] if settings.cors_origins else [],
    )
