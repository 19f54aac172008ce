"""Syncs and their workers: one at a time, taken up where the last one stopped, and each account by itself."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from decimal import Decimal

import pytest

from db.providers import Budget, put_budget
from db.queue import requeue_orphans
from db.sync_runs import Step, SyncLost, claim_sync, lock_sync, step_sync
from ingest.schedule import Schedule
from tests.wallets import Wallets, open_wallets
from tests.world import World

pytestmark = [pytest.mark.slow, pytest.mark.one_store]

# A call takes longer than a run's turn lasts.
SLOW = Budget("esplora", calls=2, period=timedelta(minutes=3), burst=1, monthly_limit=None, reach_days=None)
JOBS = "select array_agg(priority order by id) from procrastinate_jobs where status = 'todo'"

REPLACE_KEY = """
update accounts a set secret = o.secret, key_name = o.key_name from accounts o where a.id = %s and o.id = %s
"""


@pytest.fixture
async def wallets(world: World) -> Wallets:
    return await open_wallets(world)


async def assert_all_is_there(wallets: Wallets, account: int, label: str) -> None:
    """Nothing lost, nothing twice."""
    found = (await wallets.truth())["bitcoin"][label]
    assert await wallets.transactions(account) == found["transactions"]
    assert await wallets.holdings(account) == {"BTC": Decimal(found["satoshis"]) / 100_000_000}
    changes = await wallets.world.scalar("select sum(change) from transactions where account_id = %s", account)
    assert changes * 100_000_000 == found["satoshis"]


@pytest.mark.parametrize("seed", range(3))
async def test_a_worker_that_stops_anywhere_leaves_the_rest_to_the_next_one(wallets: Wallets, seed: int) -> None:
    account = await wallets.add_bitcoin("busy")
    run = (await wallets.request(account))[account]
    dice = random.Random(seed)
    for _ in range(4):
        task = asyncio.create_task(wallets.syncer.run_sync(run))
        await asyncio.sleep(dice.uniform(0, 0.15))
        task.cancel()
        await asyncio.wait([task])

    await wallets.work()

    done = await wallets.run(run)
    assert done.status == "SUCCEEDED"
    assert done.transactions_new == await wallets.transactions(account)
    await assert_all_is_there(wallets, account, "busy")


async def test_a_run_whose_turn_is_over_goes_on_behind_the_others_where_it_stopped(wallets: Wallets) -> None:
    account = await wallets.add_bitcoin("busy")
    run = (await wallets.request(account))[account]
    assert await wallets.world.scalar(JOBS) == [1]
    async with wallets.world.database.transaction() as connection:
        await put_budget(connection, SLOW)
    await wallets.world.execute("update procrastinate_jobs set status = 'doing'")

    await wallets.syncer.run_sync(run)

    assert (await wallets.run(run)).status == "RUNNING"
    assert 0 < await wallets.transactions(account) <= 50
    assert await wallets.world.scalar(JOBS) == [0]

    await wallets.work()
    attempts = await wallets.world.scalar("select attempts from sync_runs where id = %s", run)
    assert attempts > 2
    asked = [entry["path"] for entry in await wallets.world.simulator.requests("/address/")]
    assert len(asked) == len(set(asked)) == (await wallets.run(run)).requests
    await assert_all_is_there(wallets, account, "busy")


async def test_of_two_workers_at_one_run_only_the_later_one_writes(wallets: Wallets) -> None:
    account = await wallets.add_bitcoin("savings")
    run = (await wallets.request(account))[account]
    now = wallets.world.clock.now()
    async with wallets.world.database.transaction() as connection:
        lost = await claim_sync(connection, run, now)
    async with wallets.world.database.transaction() as connection:
        held = await claim_sync(connection, run, now)
    assert lost
    assert held
    async with wallets.world.database.transaction() as connection:
        await lock_sync(connection, held)
        await step_sync(connection, held, Step({"pages": 1}, requests=1), now)
    with pytest.raises(SyncLost):
        async with wallets.world.database.transaction() as connection:
            await lock_sync(connection, lost)


async def test_two_workers_at_one_account_store_everything_once(wallets: Wallets) -> None:
    account = await wallets.add_bitcoin("busy")
    run = (await wallets.request(account))[account]
    await asyncio.gather(*(wallets.syncer.run_sync(run) for _ in range(3)))
    await wallets.work()
    assert (await wallets.run(run)).status == "SUCCEEDED"
    await assert_all_is_there(wallets, account, "busy")


async def test_an_account_that_is_removed_meanwhile_ends_its_run_in_silence(wallets: Wallets) -> None:
    account = await wallets.add_bitcoin("busy")
    run = (await wallets.request(account))[account]
    await wallets.world.simulator.fault("slow", provider="esplora", arg=0.1)
    task = asyncio.create_task(wallets.syncer.run_sync(run))
    await wallets.until_claimed(run)
    await wallets.world.execute("delete from accounts where id = %s", account)
    await task
    assert await wallets.world.scalar("select count(*) from transactions") == 0


async def test_a_run_that_lost_its_job_is_queued_again(wallets: Wallets) -> None:
    account = await wallets.add_bitcoin("savings")
    run = (await wallets.request(account))[account]
    await wallets.world.execute("update procrastinate_jobs set status = 'doing'")  # of a worker that is not there
    async with wallets.world.database.transaction() as connection:
        assert (await requeue_orphans(connection, 30)).syncs == [run]
        assert (await requeue_orphans(connection, 30)).syncs == []
    await wallets.work()
    async with wallets.world.database.transaction() as connection:
        assert (await requeue_orphans(connection, 30)).syncs == []


async def test_a_run_that_fails_unexpectedly_again_and_again_is_given_up(wallets: Wallets) -> None:
    account = await wallets.add_bitcoin("savings")
    run = (await wallets.request(account))[account]
    for _ in range(11):
        assert (await wallets.run(run)).finished_at is None
        await wallets.syncer.abandon_sync(run)
    ended = await wallets.run(run)
    assert (ended.status, ended.error_code) == ("FAILED", "INTERNAL")
    assert (await wallets.account(account)).status == "ERROR"


async def test_one_account_that_fails_keeps_no_other_from_its_sync(wallets: Wallets) -> None:
    broken, whole = await wallets.add_coinbase("revoked"), await wallets.add_coinbase("everyday")
    runs = await wallets.request(broken, whole)
    await wallets.work()
    assert (await wallets.run(runs[broken])).status == "FAILED"
    assert (await wallets.run(runs[whole])).status == "SUCCEEDED"


async def test_a_key_that_is_replaced_while_the_old_one_is_refused_is_tried(wallets: Wallets) -> None:
    account, other = await wallets.add_coinbase("revoked"), await wallets.add_coinbase("everyday")
    run = (await wallets.request(account))[account]
    async with wallets.world.database.transaction() as connection:
        await connection.execute("select from provider_budget where key = 'coinbase' for update")
        task = asyncio.create_task(wallets.syncer.run_sync(run))
        await wallets.until_claimed(run)
        await wallets.world.execute(REPLACE_KEY, account, other)
    await task
    assert (await wallets.account(account)).status == "OK"
    await wallets.work()
    assert (await wallets.run(run)).status == "SUCCEEDED"


async def test_the_schedule_syncs_each_account_once_a_tick_but_none_whose_key_was_refused(wallets: Wallets) -> None:
    world = wallets.world
    refused, address = await wallets.add_coinbase("revoked"), await wallets.add_bitcoin("savings")
    await wallets.add_manual("Paper")
    await wallets.sync(refused)

    for _ in range(2):
        await Schedule(world.database, world.spot, world.clock, None, 90, "20 * * * *").run_due()

    query = "select array_agg(account_id) from sync_runs where requested_by = 'schedule'"
    assert await world.scalar(query) == [address]
    await wallets.work()
    schedule = Schedule(world.database, world.spot, world.clock, None, 90, "20 * * * *")
    assert schedule.next.minute == 20
    world.clock.advance(schedule.next - world.clock.now())
    await schedule.run_due()
    assert await world.scalar(query) == [address, address]
