"""Variables of an operation: what a client sends for them, as the schema's types take it.

graphql-core does that item by item, and asks of each a dozen times of what type it is. Here it is asked once for each
variable, and a list of strings is taken as it is. Whatever else a value may be, refused above all, is graphql-core's
business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from graphql import (
    GraphQLError,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLString,
    Undefined,
    VariableDefinitionNode,
    get_variable_values,
    is_leaf_type,
    is_list_type,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource

# So many errors are told.
_MOST_ERRORS = 50
_Take = Callable[[Any], Any]


class _Variable(NamedTuple):
    """`take` answers the value for a resolver, or Undefined where graphql-core has to look at it."""

    node: VariableDefinitionNode
    signature: GraphQLVariableSignature
    take: _Take


class Variables:
    """Those of one operation that is valid."""

    def __init__(self, schema: GraphQLSchema, nodes: Sequence[VariableDefinitionNode]) -> None:
        self._schema = schema
        self._variables = [_prepare(schema, node) for node in nodes]

    def read(self, given: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        """What `get_variable_values` answers."""
        values = VariableValues({}, {})
        left = []
        for node, signature, take in self._variables:
            value = given.get(signature.name, Undefined)
            taken = take(value)
            if taken is Undefined:
                left.append(node)
            else:
                values.sources[signature.name] = VariableValueSource(signature, value)
                values.coerced[signature.name] = taken
        if left:
            others = get_variable_values(self._schema, left, dict(given), _MOST_ERRORS)
            if isinstance(others, list):
                return others
            values.sources.update(others.sources)
            values.coerced.update(others.coerced)
        return values


def _prepare(schema: GraphQLSchema, node: VariableDefinitionNode) -> _Variable:
    signature = get_variable_signature(schema, node)
    if isinstance(signature, GraphQLError):
        raise signature
    return _Variable(node, signature, _choose(signature.type))


def _choose(type_: Any) -> _Take:
    type_ = _without_non_null(type_)
    if is_leaf_type(type_):
        return lambda value: _take_leaf(type_, value)
    if is_list_type(type_) and _without_non_null(type_.of_type) is GraphQLString:
        return _take_strings
    return _take_nothing


def _without_non_null(type_: Any) -> Any:
    return type_.of_type if isinstance(type_, GraphQLNonNull) else type_


def _take_leaf(type_: Any, value: Any) -> Any:
    if value is None or value is Undefined:
        return Undefined
    try:
        return type_.coerce_input_value(value)
    except Exception:  # what it is, graphql-core says
        return Undefined


def _take_nothing(_: Any) -> Any:
    return Undefined


def _take_strings(value: Any) -> Any:
    return value if type(value) is list and {str}.issuperset(map(type, value)) else Undefined
