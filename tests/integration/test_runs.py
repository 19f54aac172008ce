"""Runs and their tasks: what two refreshes share, what a key repeats, and what a dead worker leaves behind."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from db.queue import list_started, requeue_orphans
from db.recording import IdempotencyConflict
from db.refresh import record_refresh
from db.series import Granularity
from tests.world import World

pytestmark = pytest.mark.slow

OPEN = "select count(*) from refresh_tasks where status in ('PENDING', 'RUNNING', 'DEFERRED')"
STALLED = 30.0


@pytest.fixture
async def small(world: World) -> World:
    """Bitcoin in dollars only."""
    await world.configure(currencies=("usd",))
    await world.know(["bitcoin"], ["usd"])
    await world.simulator.forget()
    return world


async def test_two_refreshes_of_the_same_thing_share_one_set_of_requests(small: World) -> None:
    first = await small.record(history_days=100)
    second = await small.record(history_days=100)
    assert (len(first.plan.tasks), second.plan.tasks, len(second.plan.joined)) == (2, [], 2)

    await small.work()

    assert len(await small.simulator.requests()) == 2
    one, two = await small.run(first.run_id), await small.run(second.run_id)
    assert (one.status, two.status) == ("SUCCEEDED", "SUCCEEDED")
    assert (one.tasks_total, two.tasks_total) == (2, 2)
    assert await small.totals(one.id) == await small.totals(two.id)
    await small.assert_true(["bitcoin"], 100)


async def test_a_wider_refresh_joins_what_is_open_and_asks_for_the_rest_only(small: World) -> None:
    await small.record(history_days=10)
    wider = await small.record(history_days=40)
    assert (len(wider.plan.tasks), len(wider.plan.joined)) == (1, 1)

    await small.work()

    assert len(await small.simulator.requests()) == 2
    assert (await small.run(wider.run_id)).status == "SUCCEEDED"
    await small.assert_true(["bitcoin"], 40)


async def test_a_refresh_that_finds_nothing_missing_has_ended_when_it_is_recorded(small: World) -> None:
    await small.refresh(history_days=5)
    recorded = await small.record(history_days=5)
    run = await small.run(recorded.run_id)
    assert (run.status, run.tasks_total, run.finished_at) == ("SUCCEEDED", 0, small.clock.now())


async def test_a_hundred_refreshes_of_one_coin_at_once_make_one_set_of_tasks(small: World) -> None:
    recorded = await asyncio.gather(*(small.record(history_days=100) for _ in range(100)))

    assert len({one.run_id for one in recorded}) == 100
    assert sorted(len(one.plan.tasks) for one in recorded) == [0] * 99 + [2]
    assert await small.scalar("select count(*) from refresh_tasks") == 2
    assert await small.scalar("select count(*) from procrastinate_jobs") == 2

    await small.work()

    assert len(await small.simulator.requests()) == 2
    assert await small.scalar("select count(*) from refresh_runs where status <> 'SUCCEEDED'") == 0
    assert await small.scalar("select count(*) from refresh_runs where tasks_open <> 0 or tasks_deferred <> 0") == 0
    await small.assert_true(["bitcoin"], 100)


async def test_the_same_key_answers_the_same_run_for_24_hours_and_then_a_new_one(small: World) -> None:
    first = await small.record(key="cron", history_days=5)
    small.clock.advance(timedelta(hours=24) - timedelta(seconds=1))
    again = await small.record(key="cron", history_days=5)
    assert (again.run_id, again.repeated, again.plan.tasks) == (first.run_id, True, [])

    small.clock.advance(timedelta(seconds=1))
    later = await small.record(key="cron", history_days=5)
    assert later.run_id != first.run_id
    assert not later.repeated


async def test_the_same_key_at_the_same_time_makes_one_run(small: World) -> None:
    recorded = await asyncio.gather(*(small.record(key="cron", history_days=5) for _ in range(20)))
    assert len({one.run_id for one in recorded}) == 1
    assert sum(not one.repeated for one in recorded) == 1


async def test_a_key_stands_for_one_request_and_belongs_to_one_caller(small: World) -> None:
    first = await small.record(key="cron", asked={"coins": ["bitcoin"]})

    with pytest.raises(IdempotencyConflict):
        await small.record(key="cron", asked={"coins": ["solana"]})

    order = await small.request(asked={"coins": ["solana"]})
    async with small.database.transaction() as connection:
        other = await record_refresh(connection, order, small.clock.now(), "another token", "cron")
    assert other.run_id != first.run_id
    assert await small.scalar("select count(*) from refresh_runs") == 2


async def test_what_is_recorded_is_queued_in_the_same_transaction(small: World) -> None:
    order = await small.request(history_days=100)
    async with small.database.connection() as connection, connection.transaction(force_rollback=True):
        await record_refresh(connection, order, small.clock.now(), "test")
    for table in ("refresh_runs", "refresh_tasks", "refresh_run_tasks", "procrastinate_jobs"):
        assert await small.scalar(f"select count(*) from {table}") == 0


async def test_newest_windows_are_queued_first(world: World) -> None:
    await world.know(["bitcoin", "solana"], ["usd", "eur"])
    await world.record(history_days=200)
    ends = await world.scalar(
        "select array_agg(t.to_ts order by j.id) from procrastinate_jobs j "
        "join refresh_tasks t on t.id = (j.args ->> 'task_id')::bigint"
    )
    assert len(ends) == 12
    assert ends == sorted(ends, reverse=True)


async def test_a_forced_refresh_fetches_what_is_there_and_changes_nothing(small: World) -> None:
    await small.refresh(history_days=5)
    before = [await small.table_hash(granularity) for granularity in Granularity]

    run = await small.refresh(history_days=5, force=True)

    totals = await small.totals(run.id)
    assert (totals.requests, totals.rows_inserted, totals.rows_corrected) == (1, 0, 0)
    assert totals.rows_unchanged >= 5 * 24
    assert [await small.table_hash(granularity) for granularity in Granularity] == before


async def test_a_task_that_was_done_already_is_not_done_again(small: World) -> None:
    """What a worker leaves that dies between its commit and its report."""
    run = await small.refresh(history_days=5)
    rows = await small.scalar("select array_agg(xmin::text order by ts) from price_hourly")
    await small.simulator.forget()

    await small.fetcher.run_task(await small.scalar("select id from refresh_tasks"))

    assert await small.simulator.requests() == []
    assert await small.scalar("select array_agg(xmin::text order by ts) from price_hourly") == rows
    assert await small.run(run.id) == run


async def test_a_task_that_ran_twice_at_once_counts_once(small: World) -> None:
    """A worker that was taken for dead goes on beside the one that took over."""
    recorded = await small.record(history_days=5)
    task = await small.scalar("select id from refresh_tasks")

    await asyncio.gather(small.fetcher.run_task(task), small.fetcher.run_task(task))

    run = await small.run(recorded.run_id)
    assert (run.status, run.tasks_open) == ("SUCCEEDED", 0)
    assert await small.scalar("select count(*) from price_revisions") == 0
    await small.assert_true(["bitcoin"], 5)


async def die(world: World, heartbeat: timedelta | None) -> None:
    """The jobs that wait are taken by a worker that then dies; without a heartbeat even its row is gone."""
    await world.execute("update procrastinate_jobs set status = 'doing'")
    if heartbeat is not None:
        await world.execute("insert into procrastinate_workers (last_heartbeat) values (now() - %s)", heartbeat)
        await world.execute("update procrastinate_jobs set worker_id = (select max(id) from procrastinate_workers)")


async def sweep(world: World) -> list[int]:
    async with world.database.transaction() as connection:
        return (await requeue_orphans(connection, STALLED)).tasks


@pytest.mark.parametrize(("heartbeat", "taken"), [(None, 1), (timedelta(seconds=31), 1), (timedelta(seconds=20), 0)])
async def test_jobs_of_workers_that_were_not_heard_of_are_queued_again(
    small: World, heartbeat: timedelta | None, taken: int
) -> None:
    await small.record(history_days=5)
    await die(small, heartbeat)

    assert len(await sweep(small)) == taken
    assert await sweep(small) == []
    assert await small.scalar("select count(*) from procrastinate_jobs") == 1
    assert await small.scalar("select count(*) from procrastinate_jobs where status = 'todo'") == taken


async def test_jobs_that_wait_do_not_keep_others_from_being_queued(world: World) -> None:
    """Job and task numbers run in step at first; one is no sign of the other."""
    await world.know(["bitcoin", "solana"], ["usd", "eur"])
    await world.record(history_days=100)
    await world.execute("delete from procrastinate_jobs where id <= 4")

    assert await sweep(world) == [1, 2, 3, 4]
    await world.record(history_days=300)

    without = "select count(*) from refresh_tasks t where not exists "
    assert await world.scalar(without + "(select from procrastinate_jobs where lock = 'task:' || t.id)") == 0


async def test_jobs_that_their_living_worker_has_lost_are_queued_again(small: World) -> None:
    await small.record(history_days=5)
    await die(small, timedelta(seconds=5))
    assert await sweep(small) == []
    worker = await small.scalar("select max(id) from procrastinate_workers")

    async with small.database.transaction() as connection:
        assert await list_started(connection, worker + 1) == await list_started(connection, None) == set()
        lost = await list_started(connection, worker)
        assert len((await requeue_orphans(connection, STALLED, lost)).tasks) == len(lost) == 1


async def test_a_job_that_hangs_is_queued_again_though_its_worker_lives(small: World) -> None:
    await small.record(history_days=5)
    await die(small, timedelta(seconds=5))
    assert await sweep(small) == []
    await small.execute("update procrastinate_events set at = at - interval '16 minutes' where type = 'started'")
    assert len(await sweep(small)) == 1


async def test_a_job_of_a_dead_worker_does_not_block_the_one_that_was_queued_since(small: World) -> None:
    """The worker put its task aside, which queues it again, and died before it could report its job."""
    await small.record(history_days=5)
    await small.simulator.fault("429", count=1, arg=119)
    await die(small, timedelta(seconds=60))
    await small.fetcher.run_task(await small.scalar("select id from refresh_tasks"))
    assert await small.scalar("select array_agg(status::text order by id) from procrastinate_jobs") == ["doing", "todo"]

    assert await sweep(small) == []

    assert await small.scalar("select array_agg(status::text) from procrastinate_jobs") == ["todo"]


async def test_a_job_of_a_dead_worker_whose_task_has_ended_just_goes(small: World) -> None:
    await small.record(history_days=5)
    await die(small, timedelta(seconds=60))
    await small.work()

    assert await sweep(small) == []
    assert await small.scalar("select count(*) from procrastinate_jobs") == 0


async def test_sweepers_at_once_queue_a_task_once(small: World) -> None:
    await small.record(history_days=5)
    await die(small, None)
    assert sorted(map(len, await asyncio.gather(*(sweep(small) for _ in range(6))))) == [0, 0, 0, 0, 0, 1]


async def test_a_task_that_fails_by_our_own_fault_is_given_up_in_the_end(small: World) -> None:
    recorded = await small.record(history_days=5)
    task = await small.scalar("select id from refresh_tasks")
    for _ in range(20):
        await small.fetcher.abandon_task(task)
    run = await small.run(recorded.run_id)
    assert (run.status, run.tasks_open) == ("FAILED", 0)
    assert await small.scalar(OPEN) == 0
    assert await small.scalar("select error_code from refresh_tasks") == "INTERNAL"


async def test_a_run_shows_when_it_was_made_started_and_ended(small: World) -> None:
    made = small.clock.now()
    recorded = await small.record(history_days=100)
    small.clock.advance(timedelta(seconds=10))
    await small.work()
    run = await small.run(recorded.run_id)
    assert run.created_at == made
    assert run.started_at == run.heartbeat_at == run.finished_at == made + timedelta(seconds=10)


async def test_a_run_that_joins_only_tasks_that_wait_waits_with_them(world: World) -> None:
    await world.know(["bitcoin"], ["usd"])
    await world.simulator.fault("429", arg=600, count=1)
    first = await world.record(history_days=5)
    await world.fetcher.run_task(await world.scalar("select min(id) from refresh_tasks"))

    second = await world.record(history_days=5)

    runs = [await world.run(recorded.run_id) for recorded in (first, second)]
    assert [run.status for run in runs] == ["WAITING_RATE_LIMIT", "WAITING_RATE_LIMIT"]
    assert runs[0].resumes_at == runs[1].resumes_at is not None
