"""`refreshPrices`, and the runs and tasks that come of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from db.providers import block
from db.series import Granularity, floor
from ingest.providers.coingecko import budget_of
from tests.api import ONE, REFRESH, Api, iso, refresh
from tests.world import NOW, World

pytestmark = pytest.mark.slow  # in all, not each

OUTCOME = {"pricegraph-status": "outcome"}


async def attended(
    api: Api, world: World, given: dict[str, Any], headers: dict[str, str] | None = None
) -> httpx.Response:
    """A refresh that is waited for, while somebody works."""
    waiting = asyncio.create_task(api.post(REFRESH, {"input": {"waitSeconds": 30} | given}, headers))
    async with asyncio.timeout(40):
        while not waiting.done():
            await world.work()
            await asyncio.sleep(0.02)
    return await waiting


async def test_a_refresh_is_recorded_at_once_and_done_by_the_workers(known: World, world_api: Api) -> None:
    payload = await refresh(world_api, **ONE)

    assert payload["outcome"] == "STARTED"
    assert payload["errors"] == []
    assert payload["estimate"] == {"requests": 1, "points": 72, "seconds": 0}
    assert (payload["run"]["status"], payload["run"]["exitCode"]) == ("QUEUED", None)
    assert (payload["run"]["tasksTotal"], payload["run"]["tasksDone"]) == (1, 0)
    assert await known.simulator.requests() == []

    await known.work()

    query = "query($id: ID!) { refreshRun(id: $id) { status exitCode requests rowsInserted tasksDone finishedAt } }"
    run = (await world_api.ask(query, id=payload["run"]["id"]))["refreshRun"]
    assert (run["status"], run["exitCode"], run["requests"], run["tasksDone"]) == ("SUCCEEDED", 0, 1, 1)
    assert run["rowsInserted"] >= 72
    assert run["finishedAt"] is not None


async def test_whoever_waits_gets_the_finished_run(known: World, world_api: Api) -> None:
    payload = (await attended(world_api, known, ONE)).json()["data"]["refreshPrices"]

    assert payload["outcome"] == "FINISHED"
    assert (payload["run"]["status"], payload["run"]["exitCode"]) == ("SUCCEEDED", 0)
    assert payload["run"]["rowsInserted"] > 0


async def test_whoever_waits_too_short_gets_the_run_as_it_stands(known: World, world_api: Api) -> None:
    payload = await refresh(world_api, waitSeconds=1, **ONE)

    assert (payload["outcome"], payload["run"]["status"]) == ("STARTED", "QUEUED")


async def test_what_is_under_way_is_joined_and_what_is_there_is_nothing_to_do(known: World, world_api: Api) -> None:
    await refresh(world_api, **ONE)

    joined = await refresh(world_api, **ONE)
    assert (joined["outcome"], joined["run"]["tasksTotal"]) == ("JOINED", 1)
    assert joined["estimate"]["requests"] == 0
    await known.work()
    assert len(await known.simulator.requests()) == 1

    again = await refresh(world_api, **ONE)
    assert (again["outcome"], again["run"]["status"], again["run"]["exitCode"]) == ("NOTHING_TO_DO", "SUCCEEDED", 0)


async def test_a_wider_refresh_shares_the_open_work_and_adds_its_own(known: World, world_api: Api) -> None:
    await refresh(world_api, **ONE)

    wider = await refresh(world_api, **(ONE | {"coins": ["bitcoin", "solana"]}))

    assert (wider["outcome"], wider["estimate"]["requests"], wider["run"]["tasksTotal"]) == ("STARTED", 1, 2)


async def test_force_fetches_again_what_is_there(known: World, world_api: Api) -> None:
    await attended(world_api, known, ONE)

    payload = (await attended(world_api, known, ONE | {"mode": "FORCE"})).json()["data"]["refreshPrices"]

    assert payload["outcome"] == "FINISHED"
    assert (payload["run"]["rowsInserted"], payload["run"]["rowsCorrected"]) == (0, 0)
    assert payload["run"]["rowsUnchanged"] >= 72


async def test_a_dry_run_says_what_it_would_cost_and_changes_nothing(known: World, world_api: Api) -> None:
    planned = await refresh(world_api, dryRun=True)

    assert (planned["outcome"], planned["run"], planned["errors"]) == ("PLANNED", None, [])
    assert planned["estimate"]["requests"] == 8  # two coins, two currencies, two windows of up to 80 days
    assert planned["estimate"]["points"] == 4 * (90 * 24 + 90)
    assert await known.scalar("select count(*) from refresh_runs") == 0
    assert await known.scalar("select count(*) from procrastinate_jobs") == 0

    await known.refresh()
    idle = await refresh(world_api, dryRun=True)
    assert (idle["outcome"], idle["estimate"]["requests"]) == ("NOTHING_TO_DO", 0)


async def test_a_key_answers_the_same_run_for_a_day_and_another_request_with_it_conflicts(
    known: World, world_api: Api
) -> None:
    first = await refresh(world_api, idempotencyKey="nightly", **ONE)
    repeated = await refresh(world_api, idempotencyKey="nightly", **ONE)
    assert (repeated["outcome"], repeated["run"]["id"]) == ("JOINED", first["run"]["id"])
    assert repeated["estimate"] is None

    await known.work()
    finished = await refresh(world_api, idempotencyKey="nightly", **ONE)
    assert (finished["outcome"], finished["run"]["id"]) == ("FINISHED", first["run"]["id"])

    other = await refresh(world_api, idempotencyKey="nightly", **(ONE | {"mode": "FORCE"}))
    assert (other["outcome"], other["run"], other["errors"][0]["code"]) == ("REJECTED", None, "CONFLICT")

    known.clock.advance(timedelta(hours=25))
    tomorrow = await refresh(world_api, idempotencyKey="nightly", **ONE)
    assert tomorrow["run"]["id"] != first["run"]["id"]


async def test_a_key_used_by_many_at_once_is_one_run(known: World, world_api: Api) -> None:
    payloads = await asyncio.gather(*(refresh(world_api, idempotencyKey="k", **ONE) for _ in range(8)))

    assert len({payload["run"]["id"] for payload in payloads}) == 1
    assert sorted(payload["outcome"] for payload in payloads) == ["JOINED"] * 7 + ["STARTED"]


async def test_what_lies_beyond_the_plan_is_left_out_and_said(known: World, world_api: Api) -> None:
    payload = await refresh(world_api, dryRun=True, **(ONE | {"from": "now-3y", "granularities": ["DAILY"]}))

    assert payload["outcome"] == "PLANNED"
    assert [(error["code"], error["field"]) for error in payload["errors"]] == [
        ("PROVIDER_PLAN_LIMIT", ["input", "from"])
    ]


REFUSED: list[tuple[dict[str, Any], str, list[str], str]] = [
    ({"coins": ["BTC"]}, "NOT_FOUND", ["coins"], "did you mean bitcoin?"),
    ({"coins": ["bitcoin", "nothing"]}, "NOT_FOUND", ["coins"], "finds similar ones"),
    ({"coins": []}, "BAD_INPUT", ["coins"], "leave it out"),
    ({"coins": [f"coin-{i}" for i in range(1001)]}, "COST_EXCEEDED", ["coins"], "1,000"),
    ({"currencies": ["dogs"]}, "NOT_FOUND", ["currencies"], "usd, eur"),
    ({"currencies": []}, "BAD_INPUT", ["currencies"], "leave it out"),
    ({"granularities": []}, "BAD_INPUT", ["granularities"], "leave it out"),
    ({"from": "now+1d"}, "RANGE_INVALID", ["from"], "before now"),
    ({"from": "now-1d", "to": "now-2d"}, "RANGE_INVALID", ["from"], "earlier than `to`"),
    ({"from": "0001-01-01T00:00:00Z"}, "RANGE_INVALID", ["from"], "2009-01-03"),
    ({"to": "now"}, "RANGE_INVALID", ["from"], "needs a `from`"),
    ({"waitSeconds": -1}, "BAD_INPUT", ["waitSeconds"], "between 0 and 60"),
    ({"waitSeconds": 61}, "BAD_INPUT", ["waitSeconds"], "between 0 and 60"),
    ({"idempotencyKey": ""}, "BAD_INPUT", ["idempotencyKey"], "empty"),
    ({"idempotencyKey": "x" * 201}, "BAD_INPUT", ["idempotencyKey"], "200"),
    ({"idempotencyKey": "a\0"}, "BAD_INPUT", ["idempotencyKey"], "NUL"),
]


async def test_every_refusal_is_an_outcome_with_a_code_a_hint_and_the_argument(known: World, world_api: Api) -> None:
    for given, code, field, hint in REFUSED:
        payload = await refresh(world_api, **given)

        (error,) = payload["errors"]
        assert (payload["outcome"], payload["run"], payload["estimate"]) == ("REJECTED", None, None)
        assert (error["code"], error["field"], error["retryable"]) == (code, ["input", *field], False), given
        assert hint in error["message"], given
        status = (await world_api.post(REFRESH, {"input": given}, OUTCOME)).status_code
        assert 400 <= status < 500, given
    assert await known.scalar("select count(*) from refresh_runs") == 0


async def test_before_a_worker_has_read_the_catalogue_a_refresh_is_to_be_tried_later(
    world: World, world_api: Api
) -> None:
    payload = await refresh(world_api)

    assert (payload["outcome"], payload["errors"][0]["code"]) == ("REJECTED", "NO_DATA")
    assert payload["errors"][0]["retryable"] is True
    answer = await world_api.post(REFRESH, {"input": {}}, OUTCOME)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


async def test_the_status_is_200_for_what_went_well_when_a_script_asks_for_the_outcome(
    known: World, world_api: Api
) -> None:
    started = await world_api.post(REFRESH, {"input": ONE}, OUTCOME)
    await known.work()
    nothing = await world_api.post(REFRESH, {"input": ONE}, OUTCOME)
    planned = await world_api.post(REFRESH, {"input": ONE | {"dryRun": True}}, OUTCOME)
    finished = await attended(world_api, known, ONE | {"mode": "FORCE"}, OUTCOME)

    assert [answer.status_code for answer in (started, nothing, planned, finished)] == [200] * 4
    assert finished.json()["data"]["refreshPrices"]["outcome"] == "FINISHED"


@pytest.mark.parametrize(
    ("fault", "count", "run_status", "exit_code", "status"),
    [
        ("404", None, "FAILED", 2, 502),
        ("404", 1, "PARTIAL", 1, 502),
        ("quota", None, "FAILED", 75, 503),
    ],
)
async def test_the_status_is_502_for_failures_and_503_for_later(
    known: World, world_api: Api, fault: str, count: int | None, run_status: str, exit_code: int, status: int
) -> None:
    await known.simulator.fault(fault, count=count)

    answer = await attended(world_api, known, ONE | {"coins": ["bitcoin", "solana"]}, OUTCOME)

    run = answer.json()["data"]["refreshPrices"]["run"]
    assert (run["status"], run["exitCode"], answer.status_code) == (run_status, exit_code, status)
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_a_run_that_waits_for_the_provider_says_until_when_and_is_to_be_tried_later(
    known: World, world_api: Api
) -> None:
    until = known.clock.now() + timedelta(hours=1)
    async with known.database.connection() as connection:
        await block(connection, budget_of(known.settings).key, until, "RATE_LIMITED")
    given = ONE | {"idempotencyKey": "hourly"}
    await refresh(world_api, **given)
    await known.fetcher.run_task(await known.scalar("select id from refresh_tasks"))

    answer = await world_api.post(REFRESH, {"input": given}, OUTCOME)

    query = """
    { refreshRuns { nodes { status resumesAt exitCode
        tasks(status: [DEFERRED]) { nodes { status error { code message retryable retryAt } } } } } }
    """
    (run,) = (await world_api.ask(query))["refreshRuns"]["nodes"]
    assert (run["status"], run["resumesAt"], run["exitCode"]) == ("WAITING_RATE_LIMIT", iso(until), 75)
    (task,) = run["tasks"]["nodes"]
    assert task["error"] == {
        "code": "PROVIDER_RATE_LIMITED",
        "message": "the provider asked to wait",
        "retryable": True,
        "retryAt": iso(until),
    }
    assert (answer.status_code, answer.json()["data"]["refreshPrices"]["outcome"]) == (503, "JOINED")
    assert answer.headers["retry-after"] == "60"


async def test_the_status_is_that_of_the_first_mistake_where_nothing_could_run(world_api: Api) -> None:
    for query, status in (
        ("{", 400),
        ("{ nothing }", 400),
        ('{ coin(slug: "nothing") { slug } }', 404),
        ("{ " + " ".join(f"a{i}: __typename" for i in range(31)) + " }", 413),
        ("{ __typename }", 200),
    ):
        assert (await world_api.post(query, headers=OUTCOME)).status_code == status
        assert (await world_api.post(query)).status_code == 200


async def test_what_a_refresh_brought_is_what_the_provider_has(known: World, world_api: Api) -> None:
    await attended(world_api, known, ONE)
    query = """
    { coin(slug: "bitcoin") {
        latestPrice { price observedAt change24hPercent }
        history(from: "now-2d", to: "now/h", interval: HOUR_1) {
          columns { time price marketCap volume24h } coverage { completeness } } } }
    """

    coin = (await world_api.ask(query))["coin"]

    end = floor(NOW, Granularity.HOURLY.width)
    truth = await known.simulator.truth("bitcoin", "usd", Granularity.HOURLY, end - timedelta(hours=48), end)
    columns = coin["history"]["columns"]
    assert columns["price"] == [row[1] for row in truth]
    assert columns["marketCap"] == [row[2] for row in truth]
    assert columns["volume24h"] == [row[3] for row in truth]
    assert coin["history"]["coverage"] == {"completeness": 1.0}
    assert coin["latestPrice"]["change24hPercent"] is not None
