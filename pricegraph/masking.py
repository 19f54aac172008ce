"""Errors as clients see them: a code, words that help, and nothing internal."""

from __future__ import annotations

import re
from datetime import UTC
from typing import Any

import psycopg
import structlog
from graphql import GraphQLError
from psycopg_pool import PoolTimeout, TooManyRequests

from resolvers.errors import ApiError, Code

log = structlog.get_logger()

# What graphql-core says of an input object that is not as its type has it, and then the object itself.
_MALFORMED = re.compile(r"(to be an object|field '\w+')(\. Did you mean [^?]*\?)?[,.]? [Ff]ound: .*", re.DOTALL)
# Likewise of an object or a list that stands where a single value belongs.
_NO_LEAF = re.compile(r"(cannot represent .*?value): [\[{].*", re.DOTALL)


def format_error(error: GraphQLError, request_id: str) -> dict[str, Any]:
    """One entry of `errors`. A surprise is logged with the request id, which the client gets instead of its text."""
    cause = error.original_error
    if cause is None or isinstance(cause, GraphQLError):
        problem = ApiError(Code.BAD_INPUT, _without_values(error.message))
    else:
        problem = translate(cause, request_id)
    formatted = dict(error.formatted)
    formatted["message"] = problem.message
    formatted["extensions"] = describe(problem) | {"requestId": request_id}
    return formatted


def _without_values(message: str) -> str:
    """A key may stand in the object, and in whatever keeps the answer then."""
    return _NO_LEAF.sub(r"\1.", _MALFORMED.sub(lambda match: match[1] + (match[2] or "."), message))


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
