"""`trackCoins` and `untrackCoins`: they start and stop the refresh of a coin, and its history comes by itself."""

from __future__ import annotations

from typing import Any

import pytest

from db.series import HOUR
from db.tokens import Scope, create_token
from tests.api import Api
from tests.catalogue import describe
from tests.world import NOW, World

pytestmark = pytest.mark.slow

TRACK = """
mutation Track($slugs: [String!]!) {
  trackCoins(slugs: $slugs) {
    coins { slug tracked } run { status tasksTotal } errors { code message field }
  }
}
"""
UNTRACK = TRACK.replace("trackCoins", "untrackCoins")
TRACKED = "{ coins(filter: {tracked: true}) { nodes { slug } } }"
ABOUT = """
{ coin(slug: "solana") {
  description homepage imageUrl externalIds { provider value } latestPrice { price } coverage { completeness }
} }
"""


@pytest.fixture
async def untracked(world: World) -> World:
    """A world that tracks bitcoin, and knows two more coins."""
    await world.configure(currencies=("usd",))
    await world.know(["bitcoin", "solana", "cardano"], ["usd"])
    await world.execute("update coins set tracked = false where slug <> 'bitcoin'")
    return world


async def mutate(api: Api, mutation: str, *slugs: str) -> dict[str, Any]:
    (payload,) = (await api.ask(mutation, slugs=list(slugs))).values()
    return dict(payload)


async def tracked(api: Api) -> list[str]:
    return [node["slug"] for node in (await api.ask(TRACKED))["coins"]["nodes"]]


async def test_tracking_a_coin_brings_its_history_and_what_it_is_about_without_another_step(
    untracked: World, world_api: Api
) -> None:
    payload = await mutate(world_api, TRACK, "solana")
    await untracked.work()
    await describe(untracked)

    assert payload["coins"] == [{"slug": "solana", "tracked": True}]
    assert payload["run"] == {"status": "QUEUED", "tasksTotal": 2}
    coin = (await world_api.ask(ABOUT))["coin"]
    assert coin["coverage"] == {"completeness": 1}
    assert coin["latestPrice"]["price"] > 0
    assert coin["description"] == "Solana (SOL) is priced here by a simulator.\n\nNo figure is real."
    assert coin["homepage"] == "https://solana.com/"
    assert coin["imageUrl"].startswith("https://")
    assert coin["externalIds"] == [{"provider": "COINGECKO", "value": "solana"}]
    await untracked.assert_true(["solana"])


async def test_tracking_again_changes_nothing_and_asks_for_nothing_twice(untracked: World, world_api: Api) -> None:
    await mutate(world_api, TRACK, "solana")

    again = await mutate(world_api, TRACK, "solana", "solana")
    await untracked.work()
    after = await mutate(world_api, TRACK, "solana")

    assert again["coins"] == [{"slug": "solana", "tracked": True}]
    assert again["run"]["tasksTotal"] == 2
    assert after["run"] == {"status": "SUCCEEDED", "tasksTotal": 0}
    assert len(await untracked.simulator.requests()) == 2


async def test_an_unknown_slug_is_an_error_of_its_own(untracked: World, world_api: Api) -> None:
    payload = await mutate(world_api, TRACK, "solana", "ada", "nothing")

    assert payload["coins"] == [{"slug": "solana", "tracked": True}]
    assert [(error["code"], error["field"]) for error in payload["errors"]] == [("NOT_FOUND", ["slugs"])] * 2
    assert "did you mean cardano" in payload["errors"][0]["message"]
    assert await tracked(world_api) == ["bitcoin", "solana"]


async def test_an_untracked_coin_is_not_refreshed_any_more_and_keeps_its_data(untracked: World, world_api: Api) -> None:
    await mutate(world_api, TRACK, "solana")
    await untracked.work()

    payload = await mutate(world_api, UNTRACK, "solana")
    await untracked.simulator.forget()
    untracked.clock.advance(HOUR)
    await untracked.refresh()

    assert (payload["coins"], payload["run"]) == ([{"slug": "solana", "tracked": False}], None)
    assert {entry["path"].split("/")[2] for entry in await untracked.simulator.requests()} == {"bitcoin"}
    coin = (await world_api.ask(ABOUT))["coin"]
    assert coin["latestPrice"]["price"] > 0
    assert coin["coverage"]["completeness"] > 0.99


async def test_what_was_queued_for_an_untracked_coin_is_skipped_and_its_run_ends(
    untracked: World, world_api: Api
) -> None:
    both = await untracked.record(coins=["bitcoin", "solana"], history_days=3)
    alone = await untracked.record(coins=["solana"], history_days=3)

    await mutate(world_api, UNTRACK, "solana")
    await untracked.work()

    assert {entry["path"].split("/")[2] for entry in await untracked.simulator.requests()} == {"bitcoin"}
    assert (await untracked.run(both.run_id)).status == "SUCCEEDED"
    assert (await untracked.run(alone.run_id)).status == "SUCCEEDED"
    assert (await untracked.run(alone.run_id)).tasks_open == 0
    statuses = await untracked.scalar("select array_agg(distinct status order by status) from refresh_tasks")
    assert statuses == ["SKIPPED", "UPDATED"]


async def test_untracking_what_is_not_tracked_is_no_error(untracked: World, world_api: Api) -> None:
    payload = await mutate(world_api, UNTRACK, "solana")

    assert (payload["coins"], payload["errors"]) == ([{"slug": "solana", "tracked": False}], [])


async def test_no_slugs_are_refused(untracked: World, world_api: Api) -> None:
    for mutation in (TRACK, UNTRACK):
        payload = await mutate(world_api, mutation)
        assert [error["code"] for error in payload["errors"]] == ["BAD_INPUT"]


async def test_only_a_token_with_the_scope_admin_may_track(untracked: World, world_api: Api) -> None:
    async with untracked.database.connection() as connection:
        token = await create_token(connection, "refresher", [Scope.REFRESH], NOW)
    headers = {"authorization": f"Bearer {token}", "pricegraph-status": "outcome"}
    for mutation in (TRACK, UNTRACK):
        answer = await world_api.post(mutation, {"slugs": ["solana"]}, headers)
        (payload,) = answer.json()["data"].values()
        assert (payload["coins"], payload["errors"][0]["code"]) == ([], "FORBIDDEN")
        assert answer.status_code == 403

    assert await tracked(world_api) == ["bitcoin"]
