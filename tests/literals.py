"""Values of input types, as they are written in a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    is_required_argument,
    is_required_input_field,
)

SAMPLES = {"Int": "1", "Float": "1.5", "Boolean": "true", "Time": '"now-2d/d"', "Duration": '"1d"', "Decimal": '"1"'}


def literal(type_: Any, samples: Mapping[str, str] = SAMPLES) -> str:
    """Some value of an input type, with what is required only; of a choice its first member."""
    match type_:
        case GraphQLNonNull():
            return literal(type_.of_type, samples)
        case GraphQLList():
            return f"[{literal(type_.of_type, samples)}]"
        case GraphQLEnumType():
            return str(next(iter(type_.values)))
        case GraphQLInputObjectType():
            required = {name: one for name, one in type_.fields.items() if is_required_input_field(one)}
            chosen = dict([next(iter(type_.fields.items()))]) if type_.is_one_of else required
            return "{" + ", ".join(f"{name}: {literal(one.type, samples)}" for name, one in chosen.items()) + "}"
    return samples.get(type_.name, '"a"')


def arguments(field: Any, samples: Mapping[str, str] = SAMPLES) -> str:
    """What a field has to be given, in parentheses; nothing where nothing is required."""
    given = {key: literal(one.type, samples) for key, one in field.args.items() if is_required_argument(one)}
    return "(" + ", ".join(f"{key}: {value}" for key, value in given.items()) + ")" if given else ""
