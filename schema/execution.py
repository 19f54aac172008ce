"""Runs a document: prepared once for each text, then executed by graphql-core with our executor.

Strawberry's own way is the same with hooks in between, which cost more than a light query does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, cast

import strawberry
from graphql import ExecutionResult, default_field_resolver, default_type_resolver
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from resolvers.context import Context
from resolvers.errors import ApiError, errors_without_frames
from resolvers.limits import Limits
from schema.documents import Document, Documents, Operation, as_graphql_error
from schema.executor import FastExecutor, Plan


class OperationNotAllowed(Exception):
    """The operation is of a type that may not be executed this way."""


class Executable:
    """A schema that runs documents, within their limits."""

    def __init__(
        self,
        schema: strawberry.Schema,
        limits: Limits,
        executor: type[StrawberryGraphQLCoreExecutionContext] = FastExecutor,
    ) -> None:
        self._schema = schema._schema
        self._documents = Documents(self._schema, limits)
        self._executor = executor

    async def execute(
        self,
        query: str,
        context: Context,
        variables: Mapping[str, Any] | None = None,
        operation_name: str | None = None,
        *,
        only_queries: bool = False,
    ) -> ExecutionResult:
        """Raises OperationNotAllowed, and nothing else."""
        document = self._documents.prepare(query)
        if isinstance(document, list):
            return ExecutionResult(errors=document)
        try:
            operation = document.find(operation_name)
        except ApiError as problem:
            return refused(problem)
        if only_queries and not operation.is_query:
            raise OperationNotAllowed
        if operation.is_mutation:
            context.read_own_writes()
        context.day_before, context.explained = document.mentions_change, document.asks_why
        try:
            return await self._run(document, operation, context, variables or {})
        finally:
            document.forget_large_plan()

    async def _run(
        self, document: Document, operation: Operation, context: Context, variables: Mapping[str, Any]
    ) -> ExecutionResult:
        """As graphql-core's `execute` does with a document that it sees for the first time."""
        values = operation.variables.read(variables)
        if isinstance(values, list):
            return ExecutionResult(errors=values)
        executor = self._executor(
            self._schema,
            document.fragments,
            document.fragment_details,
            None,
            context,
            operation.node,
            values,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            is_awaitable=cast("Any", optimized_is_awaitable),
            plan=document.plan if document.always_selects_the_same else Plan(),
        )
        try:
            with errors_without_frames():
                result = cast("Any", executor.execute_operation())
                return cast("ExecutionResult", await result if isinstance(result, Awaitable) else result)
        finally:
            # These hold the executor, and it holds all that was read: only a garbage collection would free that.
            del executor.async_helpers
            context.end()


def refused(problem: ApiError) -> ExecutionResult:
    """The answer to a request that is not executed."""
    return ExecutionResult(errors=[as_graphql_error(problem)])
