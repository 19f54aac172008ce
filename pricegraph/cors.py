"""Cross-origin requests: which other sites' pages may call the API from a browser."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from pricegraph.graphql_http import STATUS_HEADER


def cors(origins: Sequence[str]) -> Middleware:
    """Lets pages of these origins in, without cookies: a token travels in a header that the page must know."""
    return Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type", "if-none-match", STATUS_HEADER],
        expose_headers=["etag", "x-request-id", "retry-after"],
    )
