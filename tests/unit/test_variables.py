"""Variables are read as graphql-core reads them, whatever a client sends."""

from __future__ import annotations

from typing import Any

from graphql import OperationDefinitionNode, get_variable_values, parse
from hypothesis import given
from hypothesis import strategies as st

from schema.schema import make_schema
from schema.variables import Variables

SCHEMA = make_schema()._schema
NAMED = ("String", "ID", "Int", "Float", "Boolean", "Time", "Interval", "CoinFilter")
WRAPPED = ("{}", "{}!", "[{}]", "[{}!]", "[{}!]!", "[[{}!]]")
DEFAULTS = {"String": '"usd"', "Int": "5", "Interval": "DAY_1", "[String!]": '["a"]', "Float": "1", "[Int]": "3"}

types = st.builds(str.format, st.sampled_from(WRAPPED), st.sampled_from(NAMED))
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "usd", "now-1d", "2026-01-01T00:00:00Z", "HOUR_1", "DAY_1", "12"])
    | st.text(max_size=3)
)
inputs = st.dictionaries(st.sampled_from(["slugs", "search", "tracked", "nonsense"]), leaves, max_size=2)
values = leaves | st.lists(leaves, max_size=4) | st.lists(st.text(max_size=3), max_size=4) | inputs


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """An operation with variables, and what is sent for some of them."""
    declared = draw(st.lists(types, min_size=1, max_size=4))
    definitions, sent = [], {}
    for place, type_ in enumerate(declared):
        default = f" = {DEFAULTS[type_]}" if type_ in DEFAULTS and draw(st.booleans()) else ""
        definitions.append(f"$v{place}: {type_}{default}")
        if draw(st.integers(0, 4)):
            sent[f"v{place}"] = draw(values)
    return f"query ({', '.join(definitions)}) {{ __typename }}", sent


def definitions_of(document: str) -> Any:
    [operation] = parse(document).definitions
    assert isinstance(operation, OperationDefinitionNode)
    return operation.variable_definitions


def told(read: Any) -> Any:
    """Errors as they are told, values by name."""
    if isinstance(read, list):
        return [error.formatted for error in read]
    return read.coerced, {name: (source.signature.name, source.value) for name, source in read.sources.items()}


@given(questions())
def test_what_is_read_is_what_graphql_core_reads(question: tuple[str, dict[str, Any]]) -> None:
    document, sent = question
    nodes = definitions_of(document)

    assert told(Variables(SCHEMA, nodes).read(sent)) == told(get_variable_values(SCHEMA, nodes, sent, 50))


def test_a_list_of_strings_is_taken_as_it_is() -> None:
    slugs = ["bitcoin", "ethereum"]

    read: Any = Variables(SCHEMA, definitions_of("query ($slugs: [String!]!) { __typename }")).read({"slugs": slugs})

    assert read.coerced["slugs"] is slugs
