"""Runs a document: parsed and validated once for each text, then executed by graphql-core with our executor.

Strawberry's own way is the same with hooks in between, which cost more than a light query does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from dataclasses import dataclass, field
from typing import Any, cast

import strawberry
from cachetools import LRUCache
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    execute,
    parse,
    specified_rules,
    validate,
)
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from resolvers.context import Context
from resolvers.errors import ApiError, Code
from resolvers.limits import Limits
from schema.executor import FastExecutor, Plan
from schema.limits import limit_rule
from schema.lookahead import asks_why, mentions_change

# In characters of all texts, and for each so many more. A parsed document takes some hundred times its text. Those with
# errors are not kept: it is easy to send a million different ones.
_KEPT_TEXT, _ENTRY = 250_000, 100
_NO_OPERATION = ApiError(Code.BAD_INPUT, "the document holds no operation, or none of the name in `operationName`")


@dataclass(slots=True)
class _Document:
    """A text that was parsed; with errors it is never executed. The plan grows with the first requests."""

    text: str
    node: DocumentNode | None
    errors: list[GraphQLError]
    plan: Plan = field(default_factory=Plan)


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
        self._max_tokens = limits.max_tokens
        # Limits are rules, so that there is no way around them.
        self._rules = [*specified_rules, limit_rule(limits)]
        self._executor = executor
        self._documents: LRUCache[str, _Document] = LRUCache(_KEPT_TEXT, getsizeof=_size)

    async def execute(
        self,
        query: str,
        context: Context,
        variables: dict[str, Any] | None = None,
        operation_name: str | None = None,
        allowed: Collection[OperationType] = frozenset(OperationType),
    ) -> ExecutionResult:
        """Raises OperationNotAllowed, and nothing else."""
        document = self._prepare(query)
        if document.errors:
            return ExecutionResult(errors=document.errors)
        assert document.node is not None
        operation = _find_operation(document.node, operation_name)
        if isinstance(operation, ApiError):
            return refused(operation)
        if operation.operation not in allowed:
            raise OperationNotAllowed
        if operation.operation is OperationType.MUTATION:
            context.read_own_writes()
        context.day_before = mentions_change(query)
        context.explained = asks_why(query)
        try:
            return await self._run(document, context, variables, operation_name)
        finally:
            if document.plan.size > len(query):  # small fragments, spread again and again
                document.plan = Plan()

    async def _run(
        self, document: _Document, context: Context, variables: dict[str, Any] | None, operation_name: str | None
    ) -> ExecutionResult:
        assert document.node is not None
        result = execute(
            self._schema,
            document.node,
            context_value=context,
            variable_values=variables,
            operation_name=operation_name,
            executor_class=self._executor,
            is_awaitable=cast("Any", optimized_is_awaitable),
            # Without directives a document selects the same, whatever the variables.
            plan=Plan() if "@" in document.text else document.plan,
        )
        return await result if isinstance(result, Awaitable) else result

    def _prepare(self, query: str) -> _Document:
        document = self._documents.get(query)
        if document is None:
            document = self._parse(query)
            if not document.errors and _size(document) <= _KEPT_TEXT:
                self._documents[query] = document
        return document

    def _parse(self, query: str) -> _Document:
        if not query.strip():
            return _Document(query, None, [_error(ApiError(Code.BAD_INPUT, "`query` is empty"))])
        try:
            node = parse(query, max_tokens=self._max_tokens)
            if not _list_operations(node):
                return _Document(query, node, [_error(_NO_OPERATION)])
            return _Document(query, node, validate(self._schema, node, self._rules))
        except GraphQLError as error:
            return _Document(query, None, [error])
        except RecursionError as error:
            return _Document(query, None, [GraphQLError(str(error), original_error=error)])


def _size(document: _Document) -> int:
    return len(document.text) + _ENTRY


def refused(problem: ApiError) -> ExecutionResult:
    """The answer to a request that is not executed."""
    return ExecutionResult(errors=[_error(problem)])


def _error(problem: ApiError) -> GraphQLError:
    return GraphQLError(problem.message, original_error=problem)


def _find_operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | ApiError:
    operations = _list_operations(document)
    if name is None and len(operations) > 1:
        return ApiError(Code.BAD_INPUT, "the document holds several operations: say which with `operationName`")
    for operation in operations:
        if name is None or (operation.name and operation.name.value == name):
            return operation
    return _NO_OPERATION


def _list_operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
