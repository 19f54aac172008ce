"""The schema describes itself, and is the one that is committed and served."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    specified_directives,
    validate_schema,
)

from resolvers import errors
from schema.enums import ErrorCode
from schema.schema import sdl
from tests.api import Api


@pytest.fixture
def built() -> GraphQLSchema:
    return build_schema(sdl())


def describable(schema: GraphQLSchema) -> dict[str, str | None]:
    """Everything that can have a description, by its path."""
    found: dict[str, str | None] = {}
    for name, type_ in schema.type_map.items():
        if name.startswith("__") or name in ("String", "Int", "Float", "Boolean", "ID"):
            continue
        found[name] = type_.description
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            found |= {f"{name}.{field}": one.description for field, one in type_.fields.items()}
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field, one in type_.fields.items():
                found |= {f"{name}.{field}({arg}:)": given.description for arg, given in one.args.items()}
        if isinstance(type_, GraphQLEnumType):
            found |= {f"{name}.{value}": one.description for value, one in type_.values.items()}
    return found


def test_every_type_field_argument_input_and_enum_value_has_a_description(built: GraphQLSchema) -> None:
    found = describable(built)

    assert len(found) > 200
    assert [path for path, text in found.items() if not (text or "").strip()] == []


def test_descriptions_are_sentences(built: GraphQLSchema) -> None:
    assert [path for path, text in describable(built).items() if text and text.rstrip()[-1] not in ".:!"] == []


def test_the_schema_is_valid(built: GraphQLSchema) -> None:
    assert validate_schema(built) == []


def test_the_committed_definition_is_the_codes() -> None:
    assert Path("schema/schema.graphql").read_text() == sdl()


def test_a_definition_has_only_standard_directives(built: GraphQLSchema) -> None:
    assert {one.name for one in built.directives} == {one.name for one in specified_directives}


def test_every_error_code_is_in_the_schema() -> None:
    assert {one.name for one in ErrorCode} == {one.name for one in errors.Code}


async def test_the_definition_is_served_and_its_hash_told(lone_api: Api) -> None:
    served = await lone_api.client.get("/schema.graphql")

    assert served.text == sdl()
    told = await lone_api.ask("{ server { schemaHash version } }")
    assert told["server"]["schemaHash"] == sha256(served.content).hexdigest()


def test_the_lists_of_coins_runs_tasks_and_transactions_are_relay_connections(built: GraphQLSchema) -> None:
    for name in ("Coin", "RefreshRun", "RefreshTask", "Transaction"):
        connection, edge = built.type_map[f"{name}Connection"], built.type_map[f"{name}Edge"]
        assert isinstance(connection, GraphQLObjectType)
        assert isinstance(edge, GraphQLObjectType)
        assert {"edges", "nodes", "pageInfo", "totalCount"} <= set(connection.fields)
        assert {field: str(one.type) for field, one in edge.fields.items()} == {"node": f"{name}!", "cursor": "String!"}
        assert [str(one) for one in getattr(built.type_map[name], "interfaces", [])] == ["Node"]
