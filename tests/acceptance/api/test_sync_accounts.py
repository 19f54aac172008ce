"""`syncAccounts` records a run for each account and queues it; the status tells a script how it went."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from db.pool import Database
from tests.api import execute, iso
from tests.portfolios import BITCOIN, COINBASE, Person, open_person
from tests.world import NOW

pytestmark = [pytest.mark.one_store, pytest.mark.slow]

SYNC = """
mutation($ids: [ID!], $wait: Int! = 0) {
  syncAccounts(ids: $ids, waitSeconds: $wait) {
    runs { id status createdAt finishedAt requests exitCode account { label status } error { code message } }
    errors { code message field }
  }
}
"""
END = "update sync_runs set status = %s, finished_at = %s, error_code = %s, error_message = %s"
OUTCOME = {"pricegraph-status": "outcome"}


@pytest.fixture
async def alice(database: Database) -> AsyncIterator[Person]:
    async with open_person(database, "alice") as alice:
        yield alice


@pytest.fixture
async def accounts(alice: Person, database: Database) -> dict[str, str]:
    """One of each kind, whose first sync has ended."""
    portfolio = await alice.create_portfolio()
    ids = {
        label: await alice.add_account(portfolio, source, label)
        for label, source in (("cold", {"manual": True}), ("chain", BITCOIN), ("exchange", COINBASE))
    }
    await execute(database, END, "SUCCEEDED", NOW, None, None)
    return ids


async def test_a_sync_is_recorded_and_queued_and_asking_again_joins_it(
    alice: Person, accounts: dict[str, str], database: Database
) -> None:
    jobs = "select count(*) from procrastinate_jobs where task_name = 'sync' and status = 'todo'"
    [(before,)] = await execute(database, jobs)

    first, second = [await alice.change(SYNC, ids=[accounts["exchange"]] * 2) for _ in range(2)]

    assert first == second
    [run] = first["runs"]
    assert (run["status"], run["createdAt"], run["exitCode"], run["error"]) == ("QUEUED", iso(NOW), None, None)
    assert run["account"] == {"label": "exchange", "status": "SYNCING"}
    assert await execute(database, "select requested_by from sync_runs where finished_at is null") == [("token:alice",)]
    assert await execute(database, jobs) == [(before + 1,)]


async def test_without_ids_every_account_with_a_source_is_synced(alice: Person, accounts: dict[str, str]) -> None:
    payload = await alice.change(SYNC)

    assert [run["account"]["label"] for run in payload["runs"]] == ["chain", "exchange"]
    assert payload["errors"] == []


async def test_an_account_that_cannot_be_synced_keeps_no_other_from_it(alice: Person, accounts: dict[str, str]) -> None:
    payload = await alice.change(SYNC, ids=[accounts["cold"], "QWNjb3VudDo5OTk", accounts["chain"]])

    assert [run["account"]["label"] for run in payload["runs"]] == ["chain"]
    assert [(error["code"], error["field"]) for error in payload["errors"]] == [
        ("BAD_INPUT", ["ids"]),
        ("NOT_FOUND", ["ids"]),
    ]
    assert [error["code"] for error in (await alice.change(SYNC, ids=["kitten"]))["errors"]] == ["BAD_INPUT"]
    assert [error["code"] for error in (await alice.change(SYNC, wait=61))["errors"]] == ["BAD_INPUT"]


ENDS = [("SUCCEEDED", None, 0, 200), ("PARTIAL", None, 1, 502), ("FAILED", "PROVIDER_ERROR", 2, 502)]


async def test_an_answer_can_be_held_until_the_sync_has_ended_and_tell_how(
    alice: Person, accounts: dict[str, str], database: Database, subtests: pytest.Subtests
) -> None:
    """The worker's part is played by a statement; what workers do is in `tests/integration/test_syncs.py`."""
    for status, code, exit_code, http in ENDS:
        with subtests.test(status=status):
            variables = {"ids": [accounts["chain"]], "wait": 60}
            asked = asyncio.create_task(alice.api.post(SYNC, variables, OUTCOME))
            await recorded(database)
            await execute(database, END + " where finished_at is null", status, NOW, code, "in words")

            answer = await asked

            [run] = answer.json()["data"]["syncAccounts"]["runs"]
            assert (run["status"], run["exitCode"], answer.status_code) == (status, exit_code, http)
            assert run["error"] == ({"code": code, "message": "in words"} if code else None)


async def test_a_sync_that_waits_for_its_source_is_to_be_tried_later(
    alice: Person, accounts: dict[str, str], database: Database
) -> None:
    await alice.change(SYNC, ids=[accounts["chain"]])
    await execute(database, END + " where finished_at is null", "WAITING_RATE_LIMIT", None, None, None)

    answer = await alice.api.post(SYNC, {"ids": [accounts["chain"]]}, OUTCOME)

    assert [run["exitCode"] for run in answer.json()["data"]["syncAccounts"]["runs"]] == [75]
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)


async def recorded(database: Database) -> None:
    """An open run is there."""
    async with asyncio.timeout(30):
        while not await execute(database, "select id from sync_runs where finished_at is null"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
