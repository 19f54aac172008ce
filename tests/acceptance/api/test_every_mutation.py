"""What holds for each mutation, also for those to come: the documents are made from the schema."""

from __future__ import annotations

import pytest
from graphql import build_schema

from db.pool import Database
from db.tokens import create_token
from schema.schema import sdl
from tests.api import Api
from tests.literals import arguments
from tests.world import NOW

OUTCOME = {"pricegraph-status": "outcome"}


def mutations() -> dict[str, str]:
    """A document for each mutation."""
    mutation = build_schema(sdl()).mutation_type
    assert mutation
    documents = {}
    for name, field in mutation.fields.items():
        documents[name] = f"mutation {{ {name}{arguments(field)} {{ errors {{ code }} }} }}"
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
