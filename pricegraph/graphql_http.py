"""GraphQL over HTTP, after the specification of that name (draft of 2025).

Strawberry's own view answers request errors with status 200 and some malformed bodies with 500, so the transport is
ours; parsing, validation and execution are Strawberry's.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import strawberry
from graphql import GraphQLError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from db.pool import Database
from pricegraph.auth import Authenticator
from pricegraph.masking import describe, format_error, translate
from pricegraph.statuses import RETRY_AFTER_SECONDS, TRY_LATER, status_of, status_of_outcomes
from resolvers.context import ApiSettings, Context
from resolvers.errors import ApiError, Code

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
# A script that sends this header gets the outcome of its refresh as the HTTP status, so that `curl --fail` is enough.
STATUS_HEADER = "pricegraph-status"
# A media range with a quality of zero is one that the client does not take (RFC 9110, 12.4.2).
_REFUSED = re.compile(r"(?:^|;)\s*q=0(?:\.0*)?\s*(?:;|$)", re.IGNORECASE)
# So that nobody goes on sending what nobody reads.
_HANG_UP = {"connection": "close"}
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


class HttpProblem(Exception):
    """A request that never becomes a GraphQL operation."""

    def __init__(self, status: int, code: Code, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.error = ApiError(code, message)
        self.headers = headers or {}


class GraphQLEndpoint:
    """`GET` and `POST /graphql`."""

    def __init__(
        self,
        schema: strawberry.Schema,
        database: Database,
        settings: ApiSettings,
        authenticator: Authenticator,
        now: Callable[[], datetime],
    ) -> None:
        self._schema = schema
        self._database = database
        self._settings = settings
        self._authenticator = authenticator
        self._now = now

    async def respond(self, request: Request) -> Response:
        request_id = secrets.token_hex(8)
        if _wants_page(request):
            return RedirectResponse("/graphiql", status_code=303)
        media_type = JSON
        try:
            media_type = _choose_media_type(request.headers.get("accept"))
            response = await self._answer(request, request_id, media_type)
        except HttpProblem as problem:
            response = _problem(problem.status, problem.error, request_id, media_type)
            response.headers.update(problem.headers)
        except ClientDisconnect:
            response = Response(status_code=499)
        except Exception as error:
            reason = translate(error, request_id)
            response = _problem(status_of([reason.code]), reason, request_id, media_type)
        response.headers.update({"x-request-id": request_id} | _HEADERS)
        if response.status_code == 401:
            response.headers["www-authenticate"] = "Bearer"
        if response.status_code == TRY_LATER:
            response.headers["retry-after"] = RETRY_AFTER_SECONDS
        return response

    async def _answer(self, request: Request, request_id: str, media_type: str) -> Response:
        caller = await self._authenticator.identify(request.headers.get("authorization"))
        operation = await _read_request(request, self._settings.limits.max_body_bytes)
        context = Context(
            database=self._database,
            settings=self._settings,
            now=self._now(),
            request_id=request_id,
            operation_name=operation.operation_name,
            caller=caller,
        )
        result = await self._execute(operation, context, request.method)
        return _show(result, context, media_type, by_outcome=request.headers.get(STATUS_HEADER) == "outcome")

    async def _execute(self, operation: GraphQLRequest, context: Context, method: str) -> ExecutionResult:
        allowed = {OperationType.QUERY, OperationType.MUTATION} if method == "POST" else {OperationType.QUERY}
        try:
            return await self._schema.execute(
                operation.query,
                variable_values=operation.variables,
                context_value=context,
                operation_name=operation.operation_name,
                allowed_operation_types=allowed,
            )
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.SUBSCRIPTION:
                return _refused("there are no subscriptions; ask again instead")
            raise HttpProblem(405, Code.BAD_INPUT, "only queries travel by GET; use POST", {"allow": "POST"}) from error
        except (CannotGetOperationTypeError, MissingQueryError) as error:
            return _refused(_no_operation(error))


def _show(result: ExecutionResult, context: Context, media_type: str, *, by_outcome: bool) -> Response:
    body: dict[str, Any] = {}
    if result.errors:
        body["errors"] = [format_error(error, context.request_id) for error in result.errors]
    codes = [Code(error["extensions"]["code"]) for error in body.get("errors", [])]
    # Without data nothing was executed: a request error, which has no `data` entry.
    executed = result.data is not None or bool(result.errors and any(error.path for error in result.errors))
    if executed:
        body["data"] = result.data
    status = 200 if executed or media_type == JSON else status_of(codes)
    if by_outcome:
        status = max(status_of(codes), status_of_outcomes(context.outcomes))
    return Response(orjson.dumps(body), status_code=status, media_type=media_type)


def _refused(message: str) -> ExecutionResult:
    return ExecutionResult(data=None, errors=[GraphQLError(message)])


def _no_operation(error: Exception) -> str:
    if isinstance(error, MissingQueryError):
        return "`query` is empty"
    return "the document holds no operation, or none of the name in `operationName`"


async def _read_request(request: Request, limit: int) -> GraphQLRequest:
    if request.method != "POST":
        given: dict[str, Any] = dict(request.query_params)
        for name in ("variables", "extensions"):
            if name in given:
                given[name] = _parse_json(given[name].encode())
    else:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise HttpProblem(415, Code.BAD_INPUT, f"the body must be JSON: send  Content-Type: {JSON}")
        given = _parse_json(await _read_body(request, limit))
    return _check_request(given)


def _check_request(given: Any) -> GraphQLRequest:
    if isinstance(given, list):
        raise HttpProblem(400, Code.BAD_INPUT, "batches are not supported; ask for several fields in one document")
    if not isinstance(given, dict):
        raise HttpProblem(400, Code.BAD_INPUT, 'the body must be an object: {"query": "…"}')
    query, variables, name = given.get("query"), given.get("variables"), given.get("operationName")
    if not isinstance(query, str):
        raise HttpProblem(400, Code.BAD_INPUT, "`query` must hold a GraphQL document as a string")
    if not isinstance(variables, dict | None):
        raise HttpProblem(400, Code.BAD_INPUT, "`variables` must be an object")
    if not isinstance(name, str | None):
        raise HttpProblem(400, Code.BAD_INPUT, "`operationName` must be a string")
    if not isinstance(given.get("extensions"), dict | None):
        raise HttpProblem(400, Code.BAD_INPUT, "`extensions` must be an object")
    return GraphQLRequest(query, variables, name or None)


async def _read_body(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise HttpProblem(413, Code.COST_EXCEEDED, f"the body is larger than {limit:,} bytes", _HANG_UP)
    return bytes(body)


def _parse_json(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise HttpProblem(400, Code.BAD_INPUT, "this is not JSON in UTF-8") from error


def _choose_media_type(accept: str | None) -> str:
    """The specification's own type where it is named; JSON for everything that takes it."""
    if accept is None:
        return JSON
    ranges = [part.partition(";") for part in accept.split(",")]
    names = {name.strip().lower() for name, _, parameters in ranges if not _REFUSED.search(parameters)}
    if GRAPHQL_JSON in names:
        return GRAPHQL_JSON
    if names & {JSON, "application/*", "*/*"}:
        return JSON
    raise HttpProblem(406, Code.BAD_INPUT, f"answers come as {GRAPHQL_JSON} or {JSON}")


def _wants_page(request: Request) -> bool:
    """A browser that opens /graphql is looking for GraphiQL."""
    return (
        request.method == "GET"
        and "query" not in request.query_params
        and "text/html" in request.headers.get("accept", "")
    )


def _problem(status: int, error: ApiError, request_id: str, media_type: str) -> Response:
    entry = {"message": error.message, "extensions": describe(error) | {"requestId": request_id}}
    return Response(orjson.dumps({"errors": [entry]}), status_code=status, media_type=media_type)
