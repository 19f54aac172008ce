"""What holds for each mutation, also for those to come: the documents are made from the schema."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    build_schema,
    is_required_argument,
    is_required_input_field,
)

from db.pool import Database
from db.tokens import create_token
from schema.schema import sdl
from tests.api import Api
from tests.world import NOW

OUTCOME = {"pricegraph-status": "outcome"}
SAMPLES = {"Int": "1", "Float": "1.5", "Boolean": "true", "Time": '"now-2d/d"', "Duration": '"1d"', "Decimal": '"1"'}


def literal(type_: Any) -> str:
    """Some value of an input type, with what is required only."""
    match type_:
        case GraphQLNonNull():
            return literal(type_.of_type)
        case GraphQLList():
            return f"[{literal(type_.of_type)}]"
        case GraphQLEnumType():
            return str(next(iter(type_.values)))
        case GraphQLInputObjectType():
            required = {name: one for name, one in type_.fields.items() if is_required_input_field(one)}
            return "{" + ", ".join(f"{name}: {literal(one.type)}" for name, one in required.items()) + "}"
    return SAMPLES.get(type_.name, '"a"')


def mutations() -> dict[str, str]:
    """A document for each mutation."""
    mutation = build_schema(sdl()).mutation_type
    assert mutation
    documents = {}
    for name, field in mutation.fields.items():
        required = {key: one for key, one in field.args.items() if is_required_argument(one)}
        arguments = ", ".join(f"{key}: {literal(one.type)}" for key, one in required.items())
        documents[name] = f"mutation {{ {name}({arguments}) {{ errors {{ code }} }} }}"
    return documents


async def test_each_mutation_refuses_whoever_may_not_and_the_status_says_so(
    api: Api, database: Database, subtests: pytest.Subtests
) -> None:
    async with database.connection() as connection:
        reader = await create_token(connection, "reader", [], NOW)
    del api.client.headers["authorization"]

    for name, document in mutations().items():
        for headers, code, status in (
            ({}, "UNAUTHENTICATED", 401),
            ({"authorization": f"Bearer {reader}"}, "FORBIDDEN", 403),
        ):
            with subtests.test(mutation=name, code=code):
                refused = await api.post(document, headers=headers)
                assert [error["code"] for error in refused.json()["data"][name]["errors"]] == [code]
                assert (await api.post(document, headers=headers | OUTCOME)).status_code == status
