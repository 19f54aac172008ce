"""Random documents over the schema: whatever a client may select, with aliases, fragments, directives and variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, get_named_type, is_leaf_type, is_required_argument
from hypothesis import strategies as st

# What directives hang on: both values of a variable, and both of a literal.
_CONDITIONS = ["@include(if: $yes)", "@include(if: $no)", "@skip(if: $yes)", "@skip(if: $no)", "@skip(if: false)"]
VARIABLES = {"yes": True, "no": False}
# Where objects that are nested further say nothing new.
_DEPTH = 5


class Documents:
    """Draws documents. `arguments` are the ways to call a field, as text, by `Type.field`."""

    def __init__(self, schema: GraphQLSchema, arguments: Mapping[str, Sequence[str]]) -> None:
        self._schema = schema
        self._arguments = arguments

    def strategy(self) -> st.SearchStrategy[str]:
        return st.composite(self._document)()

    def _document(self, draw: st.DrawFn) -> str:
        query = self._schema.query_type
        assert query is not None
        roots = draw(st.lists(st.sampled_from(sorted(self._roots())), min_size=1, max_size=2))
        fragments: list[str] = []
        fields = [self._field(draw, query, name, f"r{place}", 0, fragments) for place, name in enumerate(roots)]
        head = "query Q($yes: Boolean!, $no: Boolean!) {"
        used = " __typename @include(if: $yes) @skip(if: $no) "
        return "\n".join([head, *fields, used, "}", *fragments])

    def _roots(self) -> set[str]:
        return {path.removeprefix("Query.") for path in self._arguments if path.startswith("Query.")}

    def _field(
        self, draw: st.DrawFn, parent: GraphQLObjectType, name: str, alias: str | None, depth: int, fragments: list[str]
    ) -> str:
        field = parent.fields[name]
        given = draw(st.sampled_from(self._arguments.get(f"{parent.name}.{name}", [""])))
        condition = draw(st.sampled_from([""] * 12 + _CONDITIONS))
        key = f"{alias}: " if alias else ""
        inner = get_named_type(field.type)
        nested = ""
        if isinstance(inner, GraphQLObjectType):
            nested = self._selection(draw, inner, depth + 1, fragments)
        return f"{key}{name}{given} {condition} {nested}"

    def _selection(self, draw: st.DrawFn, type_: GraphQLObjectType, depth: int, fragments: list[str]) -> str:
        names = [name for name in type_.fields if self._possible(type_, name, depth)]
        chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=6)) if names else []
        parts = ["__typename"] if not chosen or draw(st.integers(0, 5)) == 0 else []
        for place, name in enumerate(chosen):
            alias = f"{name}{depth}_{place}" if chosen.count(name) > 1 or draw(st.integers(0, 3)) == 0 else None
            parts.append(self._wrap(draw, type_, self._field(draw, type_, name, alias, depth, fragments), fragments))
        return "{ " + " ".join(parts) + " }"

    def _wrap(self, draw: st.DrawFn, type_: GraphQLObjectType, field: str, fragments: list[str]) -> str:
        """The field as it is, or inside a fragment of some kind."""
        match draw(st.integers(0, 9)):
            case 0:
                return f"... on {type_.name} {{ {field} }}"
            case 1:
                return f"... @include(if: $yes) {{ {field} }}"
            case 2:
                fragments.append(f"fragment F{len(fragments)} on {type_.name} {{ {field} }}")
                return f"...F{len(fragments) - 1} @skip(if: $no)"
            case _:
                return field

    def _possible(self, type_: GraphQLObjectType, name: str, depth: int) -> bool:
        field = type_.fields[name]
        known = f"{type_.name}.{name}" in self._arguments
        if any(is_required_argument(argument) for argument in field.args.values()) and not known:
            return False
        inner: Any = get_named_type(field.type)
        return is_leaf_type(inner) or (depth < _DEPTH and isinstance(inner, GraphQLObjectType))
