"""Documents: parsed and validated once for each text, and kept with what all requests for them have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from cachetools import LRUCache
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.collect_fields import FragmentDetails

from resolvers.errors import ApiError, Code
from resolvers.limits import Limits
from schema.executor import Plan
from schema.limits import limit_rule
from schema.lookahead import asks_why, mentions_change
from schema.variables import Variables

# In characters of all texts, and for each so many more. A parsed document takes some hundred times its text. Those with
# errors are not kept: it is easy to send a million different ones.
_KEPT_TEXT, _ENTRY = 250_000, 100
_NO_OPERATION = "the document holds no operation, or none of the name in `operationName`"
_SEVERAL = "the document holds several operations: say which with `operationName`"


@dataclass(frozen=True)
class Operation:
    """One that may be executed."""

    node: OperationDefinitionNode
    schema: GraphQLSchema

    @property
    def is_query(self) -> bool:
        return self.node.operation is OperationType.QUERY

    @property
    def is_mutation(self) -> bool:
        return self.node.operation is OperationType.MUTATION

    @cached_property
    def variables(self) -> Variables:
        return Variables(self.schema, self.node.variable_definitions or ())


@dataclass
class Document:
    """A text that is valid. The plan grows with the first requests."""

    text: str
    node: DocumentNode
    schema: GraphQLSchema
    plan: Plan = field(default_factory=Plan)

    def __post_init__(self) -> None:
        nodes = [one for one in self.node.definitions if isinstance(one, OperationDefinitionNode)]
        self._operations = {one.name.value if one.name else None: Operation(one, self.schema) for one in nodes}
        self.fragments = {
            one.name.value: one for one in self.node.definitions if isinstance(one, FragmentDefinitionNode)
        }
        self.fragment_details = {name: FragmentDetails(one, None) for name, one in self.fragments.items()}
        self.mentions_change = mentions_change(self.text)
        self.asks_why = asks_why(self.text)
        # Without directives a document selects the same, whatever the variables.
        self.always_selects_the_same = "@" not in self.text

    def find(self, name: str | None) -> Operation:
        """Raises ApiError where the name fits none, or is missing."""
        if name is None and len(self._operations) > 1:
            raise ApiError(Code.BAD_INPUT, _SEVERAL)
        found = next(iter(self._operations.values())) if name is None else self._operations.get(name)
        if found is None:
            raise ApiError(Code.BAD_INPUT, _NO_OPERATION)
        return found

    def forget_large_plan(self) -> None:
        """For small fragments that are spread again and again: they select more than the text is long."""
        if self.plan.size > len(self.text):
            self.plan = Plan()


class Documents:
    """Those that were asked for last."""

    def __init__(self, schema: GraphQLSchema, limits: Limits) -> None:
        self._schema = schema
        self._max_tokens = limits.max_tokens
        # Limits are rules, so that there is no way around them.
        self._rules = [*specified_rules, limit_rule(limits)]
        self._kept: LRUCache[str, Document] = LRUCache(_KEPT_TEXT, getsizeof=_size)

    def prepare(self, text: str) -> Document | list[GraphQLError]:
        """Errors for a text that may not be executed."""
        try:
            return self._kept[text]
        except KeyError:
            document = self._parse(text)
        if isinstance(document, Document) and _size(document) <= _KEPT_TEXT:
            self._kept[text] = document
        return document

    def _parse(self, text: str) -> Document | list[GraphQLError]:
        if not text.strip():
            return [as_graphql_error(ApiError(Code.BAD_INPUT, "`query` is empty"))]
        try:
            node = parse(text, max_tokens=self._max_tokens)
            if not any(isinstance(one, OperationDefinitionNode) for one in node.definitions):
                return [as_graphql_error(ApiError(Code.BAD_INPUT, _NO_OPERATION))]
            return validate(self._schema, node, self._rules) or Document(text, node, self._schema)
        except GraphQLError as error:
            return [error]
        except RecursionError as error:
            return [GraphQLError(str(error), original_error=error)]


def as_graphql_error(problem: ApiError) -> GraphQLError:
    return GraphQLError(problem.message, original_error=problem)


def _size(document: Document) -> int:
    return len(document.text) + _ENTRY
