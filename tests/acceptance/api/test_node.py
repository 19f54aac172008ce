"""`node(id)`: anything by its id."""

from __future__ import annotations

import base64

import pytest

from resolvers.ids import encode_id
from tests.api import Api
from tests.world import World

NODE = "query Node($id: ID!) { node(id: $id) { __typename id ... on Coin { slug } ... on Currency { code } } }"

EVERYTHING = """
{
  coin(slug: "bitcoin") { id }
  currencies { id }
  dataIssues { nodes { id } }
  refreshRuns { nodes { id tasks { nodes { id } } } }
}
"""


def encode(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode()


async def test_whatever_has_an_id_is_found_by_it(known: World, world_api: Api) -> None:
    await known.simulator.fault("404")
    await known.refresh(coins=["bitcoin"], history_days=2)
    found = await world_api.ask(EVERYTHING)
    run = found["refreshRuns"]["nodes"][0]
    ids = {
        "Coin": found["coin"]["id"],
        "Currency": found["currencies"][0]["id"],
        "DataIssue": found["dataIssues"]["nodes"][0]["id"],
        "RefreshRun": run["id"],
        "RefreshTask": run["tasks"]["nodes"][0]["id"],
    }

    for type_name, id_ in ids.items():
        node = (await world_api.ask(NODE, id=id_))["node"]
        assert (node["__typename"], node["id"]) == (type_name, id_)


async def test_an_id_of_nothing_is_null(api: Api) -> None:
    private = ("Portfolio", "Account", "Transaction", "SyncRun")
    for type_name in ("Coin", "Currency", "DataIssue", "RefreshRun", "RefreshTask", *private):
        for key in (999_999, 10**17):
            assert await api.ask(NODE, id=encode_id(type_name, key)) == {"node": None}


@pytest.mark.parametrize("id_", ["", "bitcoin", "!", "ü", *map(encode, (b"Coin", b"Coin:x", b"Kitten:1", b"\xff:1"))])
async def test_what_is_no_id_is_refused(lone_api: Api, id_: str) -> None:
    error = await lone_api.fail(NODE, id=id_)

    assert error["extensions"]["code"] == "BAD_INPUT"
