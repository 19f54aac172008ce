"""GraphQL over HTTP, after the specification of that name (draft of 2025).

Strawberry's own view answers request errors with status 200 and some malformed bodies with 500, so the transport is
ours; parsing, validation and execution are Strawberry's.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson
from graphql import ExecutionResult
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from db.pool import Database
from pricegraph.auth import Authenticator
from pricegraph.compression import compress
from pricegraph.etags import revalidate
from pricegraph.graphql_request import GraphQLRequest, HttpProblem, read_request
from pricegraph.masking import describe, format_error, translate
from pricegraph.negotiation import GRAPHQL_JSON, JSON, choose_media_type
from pricegraph.persisted_queries import PersistedQueries, PersistedQueryNotFound
from pricegraph.statuses import RETRY_AFTER_SECONDS, TRY_LATER, status_of, status_of_outcomes
from resolvers.blocks import BlockCache
from resolvers.context import ApiSettings, Context, Outcome
from resolvers.errors import ApiError, Code, forget_frames
from resolvers.private import WRITE
from schema.execution import Executable, OperationNotAllowed, refused

# A script that sends this header gets the outcome of its refresh as the HTTP status, so that `curl --fail` is enough.
STATUS_HEADER = "pricegraph-status"
# An answer may depend on who asks, so a cache that several share keeps none; each use is preceded by a question.
_CACHE_CONTROL = "private, no-cache"
_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"vary", b"accept, accept-encoding"))


class GraphQLEndpoint:
    """`GET` and `POST /graphql`, as an ASGI application: what Starlette puts around a function is not needed."""

    def __init__(
        self,
        executable: Executable,
        database: Database,
        reads: Database,
        blocks: BlockCache,
        settings: ApiSettings,
        authenticator: Authenticator,
        now: Callable[[], datetime],
    ) -> None:
        self._executable = executable
        self._database = database
        self._reads = reads
        self._blocks = blocks
        self._settings = settings
        self._authenticator = authenticator
        self._now = now
        self._queries = PersistedQueries()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if _wants_page(request):
            return RedirectResponse("/graphiql", status_code=303)
        request_id = f"{random.getrandbits(64):016x}"
        response = await self._try_to_answer(request, request_id)
        response.raw_headers += [(b"x-request-id", request_id.encode()), *_HEADERS]
        response.headers.setdefault("cache-control", "no-store")
        if response.status_code == 401:
            response.headers["www-authenticate"] = "Bearer"
        if response.status_code == TRY_LATER:
            response.headers["retry-after"] = RETRY_AFTER_SECONDS
        await compress(response, request.headers.get("accept-encoding"))
        return response

    async def _try_to_answer(self, request: Request, request_id: str) -> Response:
        media_type = choose_media_type(request.headers.get("accept"))
        try:
            if media_type is None:
                raise HttpProblem(406, Code.BAD_INPUT, f"answers come as {GRAPHQL_JSON} or {JSON}")
            return await self._answer(request, request_id, media_type)
        except HttpProblem as problem:
            return _problem(problem.status, problem.error, request_id, media_type, problem.headers)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:
            reason = translate(error, request_id)
            return _problem(status_of([reason.code]), reason, request_id, media_type)

    async def _answer(self, request: Request, request_id: str, media_type: str) -> Response:
        caller = await self._authenticator.identify(request.headers.get("authorization"))
        by_outcome = request.headers.get(STATUS_HEADER) == "outcome"
        files = caller is not None and WRITE in caller.scopes
        try:
            operation = await read_request(request, self._settings.limits, self._queries, files=files)
        except PersistedQueryNotFound as error:
            return _show(refused(error), request_id, media_type, () if by_outcome else None)
        context = Context(
            database=self._database,
            reads=self._reads,
            settings=self._settings,
            now=self._now(),
            request_id=request_id,
            operation_name=operation.operation_name,
            caller=caller,
            blocks=self._blocks,
        )
        is_post = request.method == "POST"
        result = await self._execute(operation, context, only_queries=not is_post)
        if operation.key and _was_executed(result):
            self._queries.keep(operation.key, operation.query)
        response = _show(result, request_id, media_type, context.outcomes if by_outcome else None)
        if is_post or result.errors or context.is_private:
            return response
        return revalidate(request, response, _CACHE_CONTROL)

    async def _execute(self, operation: GraphQLRequest, context: Context, *, only_queries: bool) -> ExecutionResult:
        try:
            return await self._executable.execute(
                operation.query,
                context,
                operation.variables,
                operation.operation_name,
                only_queries=only_queries,
            )
        except OperationNotAllowed as error:
            raise HttpProblem(405, Code.BAD_INPUT, "only queries travel by GET; use POST", {"allow": "POST"}) from error


def _was_executed(result: ExecutionResult) -> bool:
    """Without data nothing was executed, unless a field failed that may not be null."""
    return result.data is not None or bool(result.errors and any(error.path for error in result.errors))


def _show(result: ExecutionResult, request_id: str, media_type: str, outcomes: Iterable[Outcome] | None) -> Response:
    """The HTTP status follows the errors in the document, or the outcomes for a client that wants that."""
    body: dict[str, Any] = {}
    if result.errors:
        body["errors"] = [format_error(error, request_id) for error in result.errors]
        for error in result.errors:  # it has been told, and where it was raised is what was read for the answer
            forget_frames(error)
    codes = [Code(error["extensions"]["code"]) for error in body.get("errors", [])]
    # A request error has no `data` entry.
    executed = _was_executed(result)
    if executed:
        body["data"] = result.data
    status = 200 if executed or media_type == JSON else status_of(codes)
    if outcomes is not None:
        status = max(status_of(codes), status_of_outcomes(outcomes))
    return Response(orjson.dumps(body, option=orjson.OPT_UTC_Z), status_code=status, media_type=media_type)


def _wants_page(request: Request) -> bool:
    """A browser that opens /graphql is looking for GraphiQL."""
    return (
        request.method == "GET"
        and not {"query", "extensions"} & request.query_params.keys()
        and "text/html" in request.headers.get("accept", "")
    )


def _problem(
    status: int, error: ApiError, request_id: str, media_type: str | None, headers: Mapping[str, str] | None = None
) -> Response:
    entry = {"message": error.message, "extensions": describe(error) | {"requestId": request_id}}
    return Response(orjson.dumps({"errors": [entry]}), status, headers, media_type or JSON)
