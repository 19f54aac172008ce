"""`cancelRefresh`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api import ONE, Api, iso, refresh
from tests.world import NOW, World

pytestmark = pytest.mark.slow

CANCEL = """
mutation Cancel($id: ID!) {
  cancelRefresh(id: $id) {
    outcome estimate { requests } errors { code message field }
    run { id status exitCode finishedAt tasksTotal tasksDone tasks { nodes { status error { code } } } }
  }
}
"""
OUTCOME = {"pricegraph-status": "outcome"}


async def cancel(api: Api, id_: str) -> dict[str, Any]:
    payload: dict[str, Any] = (await api.ask(CANCEL, id=id_))["cancelRefresh"]
    return payload


async def test_a_run_is_cancelled_with_its_tasks_and_once_more_changes_nothing(known: World, world_api: Api) -> None:
    run = (await refresh(world_api, **ONE))["run"]

    payload = await cancel(world_api, run["id"])

    assert (payload["outcome"], payload["errors"], payload["estimate"]) == ("FINISHED", [], None)
    assert payload["run"] == {
        "id": run["id"],
        "status": "CANCELLED",
        "exitCode": 1,
        "finishedAt": iso(NOW),
        "tasksTotal": 1,
        "tasksDone": 1,
        "tasks": {"nodes": [{"status": "SKIPPED", "error": None}]},
    }
    await known.work()
    assert await known.simulator.requests() == []
    assert await cancel(world_api, run["id"]) == payload


async def test_a_run_that_has_ended_is_answered_as_it_ended(known: World, world_api: Api) -> None:
    run = (await refresh(world_api, **ONE))["run"]
    await known.work()
    payload = await cancel(world_api, run["id"])
    assert payload["outcome"] == "FINISHED"
    assert (payload["run"]["status"], payload["run"]["exitCode"]) == ("SUCCEEDED", 0)


async def test_what_cannot_be_cancelled_is_refused_with_a_code(known: World, world_api: Api) -> None:
    run = (await refresh(world_api, **ONE))["run"]
    task = (await world_api.ask("{ refreshRuns { nodes { tasks { nodes { id } } } } }"))["refreshRuns"]["nodes"][0]
    await known.execute("delete from refresh_run_tasks")
    await known.execute("delete from refresh_runs")
    for id_, code in ((run["id"], "NOT_FOUND"), (task["tasks"]["nodes"][0]["id"], "BAD_INPUT"), ("7", "BAD_INPUT")):
        payload = await cancel(world_api, id_)
        assert (payload["outcome"], payload["run"]) == ("REJECTED", None)
        assert [(error["code"], error["field"]) for error in payload["errors"]] == [(code, ["id"])]


async def test_it_needs_the_scope_and_scripts_read_the_status(known: World, world_api: Api) -> None:
    run = (await refresh(world_api, **ONE))["run"]
    body = {"query": CANCEL, "variables": {"id": run["id"]}}
    stranger = await world_api.client.post("/graphql", json=body, headers=OUTCOME | {"authorization": ""})
    assert stranger.status_code == 401
    assert (await world_api.post(CANCEL, {"id": "7"}, OUTCOME)).status_code == 400
    assert (await world_api.post(CANCEL, {"id": run["id"]}, OUTCOME)).status_code == 200
