"""Recorded refreshes and their tasks."""

from __future__ import annotations

from typing import Any

import pytest

from db.series import DAY, floor
from tests.api import ONE, Api, execute, iso, refresh
from tests.world import NOW, World

pytestmark = pytest.mark.slow  # in all, not each

RUNS = """
query Runs($first: Int!, $after: String) {
  refreshRuns(first: $first, after: $after) {
    edges { cursor node { id } } nodes { id createdAt } totalCount
    pageInfo { hasNextPage hasPreviousPage endCursor }
  }
}
"""


async def test_runs_are_paged_newest_first_without_loss_or_repeat(known: World, world_api: Api) -> None:
    for _ in range(7):
        await refresh(world_api, **ONE)
    every = (await world_api.ask(RUNS, first=100))["refreshRuns"]
    assert every["totalCount"] == len(every["nodes"]) == 7
    assert every["nodes"][0]["createdAt"] == iso(NOW)
    found: list[str] = []
    after = None
    for _ in range(3):
        page = (await world_api.ask(RUNS, first=3, after=after))["refreshRuns"]
        found += [node["id"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
    assert page["pageInfo"]["hasNextPage"] is False
    assert found == [node["id"] for node in every["nodes"]]
    numbers = [row[0] for row in await execute(known.database, "select id from refresh_runs order by id desc")]
    assert len(numbers) == len(set(found)) == 7


TASKS = """
query Tasks($id: ID!, $status: [TaskStatus!], $first: Int!, $after: String) {
  refreshRun(id: $id) {
    tasks(status: $status, first: $first, after: $after) {
      totalCount pageInfo { hasNextPage endCursor }
      nodes {
        id coin { slug } currency { code } granularity provider range { from to } status attempts requests
        rowsInserted rowsCorrected rowsUnchanged rowsRejected error { code message }
      }
    }
  }
}
"""


async def test_the_tasks_of_a_run_are_paged_and_chosen_by_status(known: World, world_api: Api) -> None:
    await known.simulator.fault("404", count=1)
    run = (await refresh(world_api, **{"from": "now-2d", "granularities": ["DAILY"]}))["run"]
    await known.work()

    async def tasks(**given: Any) -> dict[str, Any]:
        page: dict[str, Any] = (await world_api.ask(TASKS, id=run["id"], **given))["refreshRun"]["tasks"]
        return page

    every = await tasks(first=50)
    first = await tasks(first=3)
    rest = await tasks(first=3, after=first["pageInfo"]["endCursor"])
    assert first["nodes"] + rest["nodes"] == every["nodes"]
    assert (every["totalCount"], first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (4, True, False)
    assert {(task["coin"]["slug"], task["currency"]["code"]) for task in every["nodes"]} == {
        (coin, currency) for coin in ("bitcoin", "solana") for currency in ("usd", "eur")
    }

    (failed,) = (await tasks(first=50, status=["FAILED"]))["nodes"]
    assert failed["error"] == {"code": "PROVIDER_ERROR", "message": "CoinGecko does not know this coin (any more)"}
    updated = await tasks(first=50, status=["UPDATED", "PENDING"])
    assert (len(updated["nodes"]), updated["totalCount"]) == (3, 3)
    midnight = floor(NOW, DAY)
    for task in updated["nodes"]:
        assert task["range"] == {"from": iso(midnight - DAY), "to": iso(midnight)} or task["granularity"] == "DAILY"
        assert (task["provider"], task["attempts"], task["requests"]) == ("COINGECKO", 1, 1)
    assert (await tasks(first=50, status=[]))["nodes"] == []
