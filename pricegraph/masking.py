"""Errors as clients see them: a code, words that help, and nothing internal."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import psycopg
import structlog
from graphql import GraphQLError
from psycopg_pool import PoolTimeout, TooManyRequests

from resolvers.errors import ApiError, Code

log = structlog.get_logger()


def format_error(error: GraphQLError, request_id: str) -> dict[str, Any]:
    """One entry of `errors`. A surprise is logged with the request id, which the client gets instead of its text."""
    cause = error.original_error
    if cause is None or isinstance(cause, GraphQLError):
        problem = ApiError(Code.BAD_INPUT, error.message)
    else:
        problem = translate(cause, request_id)
    formatted = dict(error.formatted)
    formatted["message"] = problem.message
    formatted["extensions"] = describe(problem) | {"requestId": request_id}
    return formatted


def describe(problem: ApiError) -> dict[str, Any]:
    """The machine-readable part of an error."""
    extensions: dict[str, Any] = {"code": problem.code.value, "retryable": problem.retryable}
    if problem.field:
        extensions["field"] = problem.field
    if problem.retry_at:
        extensions["retryAt"] = problem.retry_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return extensions


def translate(cause: BaseException, request_id: str) -> ApiError:
    """What an exception means to a client."""
    if isinstance(cause, ApiError):
        return cause
    match cause:
        case psycopg.errors.QueryCanceled():
            return ApiError(Code.TIMEOUT, "the database took too long; ask for less, or try again")
        case PoolTimeout() | TooManyRequests():
            return ApiError(Code.UNAVAILABLE, "the database is busy or away; try again in a few seconds")
        case psycopg.OperationalError():
            return ApiError(Code.UNAVAILABLE, "the database is away for the moment; try again in a few seconds")
        case RecursionError():
            return ApiError(Code.COST_EXCEEDED, "the document nests too deeply; spread fewer fragments in fragments")
    log.error("unexpected error", request_id=request_id, exc_info=cause)
    return ApiError(Code.INTERNAL, f"something went wrong in the server; its log has request {request_id}")
