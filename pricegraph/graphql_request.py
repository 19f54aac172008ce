"""A GraphQL request as it comes by HTTP: in the address of a GET, or as the JSON body of a POST."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from pricegraph.negotiation import JSON
from pricegraph.persisted_queries import PersistedQueries, check_key, read_key
from resolvers.errors import ApiError, Code
from resolvers.limits import Limits

# More than any request with a file has besides it. Each value of a long list costs far more than its bytes.
_MOST_VALUES_WITH_FILE = 1_000
# So that nobody goes on sending what nobody reads.
_HANG_UP = {"connection": "close"}


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """`key` is the hash that the client gave for its query."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None
    key: str | None = None


class HttpProblem(Exception):
    """A request that never becomes a GraphQL operation."""

    def __init__(self, status: int, code: Code, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.error = ApiError(code, message)
        self.headers = headers or {}


async def read_request(
    request: Request, limits: Limits, queries: PersistedQueries, *, files: bool = False
) -> GraphQLRequest:
    """The request, with the text of its query where it holds but the hash of one. Whoever may send `files` may send
    longer bodies: of few values, and with a query no longer than others'.
    """
    if request.method != "POST":
        given: Any = dict(request.query_params)
        for name in ("variables", "extensions"):
            if name in given:
                given[name] = _parse_json(given[name].encode())
    else:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise HttpProblem(415, Code.BAD_INPUT, f"the body must be JSON: send  Content-Type: {JSON}")
        given = await _read_json(request, limits, files=files)
    found = _check_request(given, queries)
    if len(found.query) > limits.max_body_bytes:
        raise HttpProblem(413, Code.COST_EXCEEDED, "the query is too long; send what is long in a variable")
    return found


def _check_request(given: Any, queries: PersistedQueries) -> GraphQLRequest:
    if isinstance(given, list):
        raise HttpProblem(400, Code.BAD_INPUT, "batches are not supported; ask for several fields in one document")
    if not isinstance(given, dict):
        raise HttpProblem(400, Code.BAD_INPUT, 'the body must be an object: {"query": "…"}')
    variables, name, extensions = given.get("variables"), given.get("operationName"), given.get("extensions")
    if not isinstance(variables, dict | None):
        raise HttpProblem(400, Code.BAD_INPUT, "`variables` must be an object")
    if not isinstance(name, str | None):
        raise HttpProblem(400, Code.BAD_INPUT, "`operationName` must be a string")
    if not isinstance(extensions, dict | None):
        raise HttpProblem(400, Code.BAD_INPUT, "`extensions` must be an object")
    key = read_key(extensions or {})
    return GraphQLRequest(_find_query(given.get("query"), key, queries), variables, name or None, key)


def _find_query(given: Any, key: str | None, queries: PersistedQueries) -> str:
    if given is None and key:
        return queries.find(key)
    if not isinstance(given, str):
        raise HttpProblem(400, Code.BAD_INPUT, "`query` must hold a GraphQL document as a string")
    if key is not None:
        check_key(key, given)
    return given


async def _read_json(request: Request, limits: Limits, *, files: bool) -> Any:
    body = await _read_body(request, limits.max_import_body_bytes if files else limits.max_body_bytes)
    given = _parse_json(body)
    if len(body) > limits.max_body_bytes and _has_more_values(given, _MOST_VALUES_WITH_FILE):
        text = f"a body of more than {limits.max_body_bytes:,} bytes is for a file; send a long list in parts"
        raise HttpProblem(413, Code.COST_EXCEEDED, text)
    return given


def _has_more_values(given: Any, most: int) -> bool:
    left, count = [given], 0
    while left:
        one = left.pop()
        if isinstance(one, dict | list):
            count += len(one)
            if count > most:
                return True
            left += one.values() if isinstance(one, dict) else one
    return False


async def _read_body(request: Request, limit: int) -> bytearray:
    body = bytearray()
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit:
            raise HttpProblem(413, Code.COST_EXCEEDED, f"the body is larger than {limit:,} bytes", _HANG_UP)
    return body


def _parse_json(text: bytes | bytearray) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise HttpProblem(400, Code.BAD_INPUT, "this is not JSON in UTF-8") from error
