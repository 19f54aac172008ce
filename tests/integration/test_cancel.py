"""A cancelled run ends at once; what others share goes on, and every counter stays right."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from db.cancel import cancel_run
from db.recording import insert_run
from tests.world import World

pytestmark = pytest.mark.slow

OPEN = ("PENDING", "RUNNING", "DEFERRED")
# Runs whose count of open tasks is not the number of their open tasks.
MISCOUNTED = """
select count(*) from refresh_runs r
where r.tasks_open <> (select count(*) from refresh_run_tasks rt join refresh_tasks t on t.id = rt.task_id
                       where rt.run_id = r.id and t.status in ('PENDING', 'RUNNING', 'DEFERRED'))
"""


@pytest.fixture
async def known(world: World) -> World:
    """Two coins in dollars, of which nothing is stored."""
    await world.configure(currencies=("usd",))
    await world.know(["bitcoin", "solana"], ["usd"])
    await world.simulator.forget()
    return world


async def cancel(world: World, run_id: int) -> None:
    async with world.database.transaction() as connection:
        await cancel_run(connection, run_id, world.clock.now())


async def statuses(world: World, run_id: int) -> list[str]:
    found: list[str] = await world.scalar(
        "select array_agg(t.status order by t.id) from refresh_tasks t join refresh_run_tasks rt on rt.task_id = t.id "
        "where rt.run_id = %s",
        run_id,
    )
    return found


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    deadline = asyncio.get_running_loop().time() + 30
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, "it did not come about"
        await asyncio.sleep(0.01)


async def test_nothing_more_is_asked_for_a_cancelled_run(known: World) -> None:
    recorded = await known.record(history_days=5)

    await cancel(known, recorded.run_id)

    run = await known.run(recorded.run_id)
    assert (run.status, run.tasks_open, run.finished_at) == ("CANCELLED", 0, known.clock.now())
    assert await statuses(known, run.id) == ["SKIPPED", "SKIPPED"]
    for task in await known.scalar("select array_agg(id) from refresh_tasks"):
        await known.fetcher.run_task(task)  # its job is still in the queue
    assert await known.simulator.requests() == []
    assert await known.run(run.id) == run


async def test_what_was_fetched_before_stays_and_the_rest_is_there_to_be_asked_for(known: World) -> None:
    first = await known.record(history_days=5)
    await known.fetcher.run_task(await known.scalar("select min(id) from refresh_tasks"))
    await cancel(known, first.run_id)
    assert await statuses(known, first.run_id) == ["UPDATED", "SKIPPED"]

    second = await known.record(history_days=5)
    assert (len(second.plan.tasks), second.plan.joined) == (1, [])
    await known.work()

    await known.assert_true(["bitcoin", "solana"], days=5)


async def test_a_task_that_another_open_run_shares_goes_on_and_both_count_it(known: World) -> None:
    first = await known.record(history_days=5)
    second = await known.record(coins=["bitcoin"], history_days=5)

    await cancel(known, first.run_id)

    assert await statuses(known, first.run_id) == ["PENDING", "SKIPPED"]
    assert (await known.run(first.run_id)).tasks_open == 1
    await known.work()
    one, two = await known.run(first.run_id), await known.run(second.run_id)
    assert (one.status, one.tasks_open, two.status, two.tasks_open) == ("CANCELLED", 0, "SUCCEEDED", 0)


async def test_the_last_of_those_who_share_a_task_ends_it_for_all(known: World) -> None:
    runs = [(await known.record(history_days=5)).run_id for _ in range(3)]
    for run_id in runs:
        assert (await statuses(known, run_id)) == ["PENDING", "PENDING"]
        await cancel(known, run_id)
    assert [(await known.run(run_id)).tasks_open for run_id in runs] == [0, 0, 0]
    assert await statuses(known, runs[0]) == ["SKIPPED", "SKIPPED"]


async def test_a_request_that_is_under_way_ends_and_keeps_what_it_brings(known: World) -> None:
    recorded = await known.record(coins=["bitcoin"], history_days=5)
    await known.simulator.fault("slow", arg=0.3)
    working = asyncio.create_task(known.fetcher.run_task(await known.scalar("select id from refresh_tasks")))
    await until(known.simulator.requests)

    await cancel(known, recorded.run_id)
    assert await statuses(known, recorded.run_id) == ["RUNNING"]
    await working

    run = await known.run(recorded.run_id)
    assert (run.status, run.tasks_open, await statuses(known, run.id)) == ("CANCELLED", 0, ["UPDATED"])
    assert (await known.totals(run.id)).rows_inserted > 5 * 24
    await known.assert_true(["bitcoin"], days=5)


async def test_a_request_that_is_told_to_wait_is_not_repeated_for_a_cancelled_run(known: World) -> None:
    recorded = await known.record(coins=["bitcoin"], history_days=5)
    await known.simulator.fault("429", arg=600)
    await known.simulator.fault("slow", arg=0.3)
    task = await known.scalar("select id from refresh_tasks")
    await known.execute("update refresh_tasks set status = 'RUNNING'")  # a worker has just taken it
    await cancel(known, recorded.run_id)

    await known.fetcher.run_task(task)

    run = await known.run(recorded.run_id)
    assert (run.status, run.tasks_open, await statuses(known, run.id)) == ("CANCELLED", 0, ["SKIPPED"])


async def test_a_refresh_that_is_recorded_meanwhile_does_not_rely_on_tasks_that_are_being_cancelled(
    known: World,
) -> None:
    blocked = (
        "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"
    )
    first = await known.record(history_days=5)
    async with known.database.transaction() as connection:
        await cancel_run(connection, first.run_id, known.clock.now())
        recording = asyncio.create_task(known.record(history_days=5))
        await until(lambda: known.scalar(blocked))

    recorded = await recording

    assert (len(recorded.plan.tasks), recorded.plan.joined) == (2, [])
    await known.work()
    assert (await known.run(recorded.run_id)).status == "SUCCEEDED"
    await known.assert_true(["bitcoin", "solana"], days=5)


async def test_a_run_whose_task_was_skipped_in_the_moment_it_was_recorded_does_not_count_as_a_success(
    known: World,
) -> None:
    """A worker ends a task that nobody wants any more just when a refresh wants it again."""
    first = await known.record(coins=["bitcoin"], history_days=5)
    task = await known.scalar("select id from refresh_tasks")
    await cancel(known, first.run_id)
    async with known.database.transaction() as connection:
        second = await insert_run(connection, {}, known.clock.now(), "test", None, [task])
    run = await known.run(second)
    assert (run.status, run.tasks_open, run.finished_at) == ("FAILED", 0, known.clock.now())


async def test_a_run_that_has_ended_and_one_that_never_was_stay_as_they_are(known: World) -> None:
    run = await known.refresh(history_days=5)
    known.clock.advance(timedelta(minutes=1))
    await cancel(known, run.id)
    await cancel(known, run.id + 1)
    assert await known.run(run.id) == run

    recorded = await known.record(history_days=9)
    await cancel(known, recorded.run_id)
    cancelled = await known.run(recorded.run_id)
    known.clock.advance(timedelta(minutes=1))
    await cancel(known, recorded.run_id)
    assert await known.run(recorded.run_id) == cancelled


async def test_a_run_that_waits_for_the_provider_can_be_cancelled(known: World) -> None:
    recorded = await known.record(coins=["bitcoin"], history_days=5)
    await known.simulator.fault("429", arg=600, count=1)
    await known.fetcher.run_task(await known.scalar("select id from refresh_tasks"))
    assert (await known.run(recorded.run_id)).status == "WAITING_RATE_LIMIT"

    await cancel(known, recorded.run_id)

    run = await known.run(recorded.run_id)
    assert (run.status, run.resumes_at, run.tasks_open) == ("CANCELLED", None, 0)
    assert await known.scalar("select error_code from refresh_tasks") is None


@pytest.mark.parametrize("seed", range(4))
async def test_cancelled_in_any_order_with_workers_and_refreshes_nothing_is_lost_or_miscounted(
    known: World, seed: int
) -> None:
    dice = random.Random(seed)
    await known.simulator.fault("429", probability=0.2, arg=1)
    runs: list[int] = []
    cancelled: set[int] = set()

    async def refresh() -> None:
        for _ in range(8):
            coins = dice.choice([["bitcoin"], ["solana"], None])
            runs.append((await known.record(coins=coins, history_days=dice.choice([3, 90, 170]))).run_id)
            await asyncio.sleep(dice.random() / 50)

    async def work() -> None:
        for _ in range(20):
            tasks = await known.scalar("select array_agg(id) from refresh_tasks where status = any(%s)", list(OPEN))
            if tasks:
                await known.fetcher.run_task(dice.choice(tasks))
            await asyncio.sleep(dice.random() / 100)

    async def end() -> None:
        for _ in range(6):
            await asyncio.sleep(dice.random() / 20)
            if runs:
                run_id = dice.choice(runs)
                await cancel(known, run_id)
                cancelled.add(run_id)

    await asyncio.gather(refresh(), end(), *(work() for _ in range(3)))
    assert await known.scalar(MISCOUNTED) == 0
    await known.work()

    assert await known.scalar(MISCOUNTED) == 0
    found = {run_id: (await known.run(run_id)) for run_id in runs}
    assert {run.tasks_open for run in found.values()} == {0}
    assert all(run.finished_at for run in found.values())
    for run_id, run in found.items():
        assert run.status in ({"CANCELLED", "SUCCEEDED"} if run_id in cancelled else {"SUCCEEDED"}), run
    await known.simulator.heal()
    await known.refresh(history_days=170)
    await known.assert_true(["bitcoin", "solana"], days=170)
