"""Resolvers called as they are.

Between graphql-core and a resolver Strawberry converts the arguments, which it finds out anew for each request: their
names in Python, and which values become an input. graphql-core can do both by itself, once it is told: `out_name` and
`out_type`. So the functions and the attributes of a schema that Strawberry has made are bound to its fields directly.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, cast

import strawberry
from graphql import GraphQLInputObjectType, GraphQLObjectType, GraphQLResolveInfo
from strawberry.types.field import StrawberryField

# Where Strawberry leaves what it made a type, a field or an argument of.
DEFINITION = "strawberry-definition"


def bind_resolvers(schema: strawberry.Schema) -> None:
    """Change the schema so; what of it is not Strawberry's, as introspection is, stays as it is."""
    for type_ in schema._schema.type_map.values():
        if DEFINITION not in type_.extensions:
            continue
        if isinstance(type_, GraphQLInputObjectType):
            _name_in_python(type_.fields)
            # An attribute of each type, though it is declared as a method.
            type_.out_type = _maker(type_.extensions[DEFINITION].origin, type_.out_type)  # type: ignore[method-assign,assignment]
        elif isinstance(type_, GraphQLObjectType):
            for field in type_.fields.values():
                _name_in_python(field.args)
                field.resolve = _resolver(field.extensions[DEFINITION])


def _name_in_python(fields: dict[str, Any]) -> None:
    for field in fields.values():
        field.out_name = field.extensions[DEFINITION].python_name


def _maker(input_: type, check: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[dict[str, Any]], Any]:
    """`check` is Strawberry's for the input type."""
    return lambda values: input_(**check(values))


def _resolver(field: StrawberryField) -> Callable[..., Any]:
    assert not field.extensions, "extensions and permissions of a field are not called"
    function, get = field.base_resolver, attrgetter(field.python_name)
    if function is None:
        return lambda source, _, /: get(source)
    call = cast("Callable[..., Any]", function.wrapped_func)
    if function.info_parameter is None:
        return lambda source, _, /, **arguments: call(source, **arguments)

    def resolve(source: Any, info: GraphQLResolveInfo[Any], /, **arguments: Any) -> Any:
        return call(source, info=strawberry.Info(info, field), **arguments)

    return resolve
