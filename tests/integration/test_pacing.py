"""The pace of a plan: never more calls a minute, nor credits a month, however many processes share the budget."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from db.pool import Database
from db.providers import Budget, block, configure_budget, take_budget
from db.runs import RunRow
from ingest.errors import Kind, NotNow, ProviderError, RetryableProviderError
from ingest.pacing import Pacer
from ingest.providers.coingecko import PLANS, budget_of
from ingest.settings import Plan
from pricegraph.commands import address
from pricegraph.serve import listen, serving
from resolvers.context import ApiSettings, Context
from resolvers.runs import resolve_exit_code
from simulator.app import create_simulator
from simulator.settings import SimulatorSettings
from tests.world import NOW, PLENTY, FakeClock, Simulated, World, open_world

pytestmark = pytest.mark.slow

MANY = ("usd", "eur", "gbp", "btc", "jpy", "chf", "aud", "cad", "eth", "sek", "nok", "dkk", "pln", "inr", "brl", "mxn")


def most_within(times: Sequence[float], seconds: float) -> int:
    """The fullest window of that length, `(t, t + seconds]`."""
    times = sorted(times)
    return max(sum(1 for time in times[first:] if time < start + seconds) for first, start in enumerate(times))


async def exit_code(world: World, run: RunRow) -> int | None:
    context = Context(world.database, world.database, ApiSettings("test"), world.clock.now(), "test")
    return await resolve_exit_code(context, run)


async def small(world: World) -> None:
    """One coin in one currency: a refresh of 20 days is one request."""
    await world.configure(currencies=("usd",))
    await world.know(["bitcoin"], ["usd"])
    await world.simulator.forget()


async def test_thirty_calls_a_minute_are_never_exceeded_and_no_429_occurs(
    database: Database, database_url: str
) -> None:
    async with open_world(database, database_url, SimulatorSettings(demo_per_minute=30)) as world:
        await world.configure(calls_per_minute=30, currencies=MANY)
        coins = ["bitcoin", "ethereum", "solana", "dogecoin"]
        await world.know(coins, MANY)

        run = await world.refresh(history_days=1)

        log = await world.simulator.requests("")
        assert run.status == "SUCCEEDED"
        assert len(log) == 1 + len(coins) * len(MANY)
        assert {entry["status"] for entry in log} == {200}
        assert most_within([entry["time"] for entry in log], 60) <= 30
        await world.assert_true(coins, days=1)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    calls=st.integers(2, 30),
    burst=st.integers(1, 10),
    pauses=st.lists(st.sampled_from([0.0, 0.0, 0.1, 1.0, 20.0, 90.0]), min_size=40, max_size=80),
)
async def test_no_minute_holds_more_turns_than_the_budget_has_calls(
    database: Database, calls: int, burst: int, pauses: list[float]
) -> None:
    assume(burst < calls)
    turns: list[float] = []
    async with database.connection() as connection, connection.transaction(force_rollback=True):
        budget = Budget("shared", calls, timedelta(minutes=1), burst, None, None)
        await configure_budget(connection, "COINGECKO", budget, simulated=True)
        now = NOW
        for pause in pauses:
            now += timedelta(seconds=pause)
            turn = await take_budget(connection, "shared", now)
            turns.append((now - NOW).total_seconds() + turn.wait)
    assert turns == sorted(turns)
    assert most_within(turns, 60 - 1e-3) <= calls


# Takes turns as fast as the budget gives them, and prints when each one was due.
PROCESS = """
import asyncio, sys
from datetime import timedelta
from db.pool import open_database
from db.providers import take_budget
from ingest.clock import SystemClock

async def main(url, turns):
    clock = SystemClock()
    async with open_database(url) as database, database.connection() as connection:
        for _ in range(turns):
            now = clock.now()
            turn = await take_budget(connection, "shared", now)
            assert turn.reason is None
            print((now + timedelta(seconds=turn.wait)).timestamp(), flush=True)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def test_four_processes_share_one_budget(database: Database, database_url: str) -> None:
    budget = Budget("shared", 600, timedelta(minutes=1), 10, None, None)
    async with database.transaction() as connection:
        await configure_budget(connection, "COINGECKO", budget, simulated=True)

    async def process() -> list[float]:
        command = (sys.executable, "-c", PROCESS, database_url, "400")
        child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        out, _ = await asyncio.wait_for(child.communicate(), 60)
        assert child.returncode == 0
        return [float(line) for line in out.split()]

    turns = [turn for part in await asyncio.gather(*(process() for _ in range(4))) for turn in part]

    assert len(turns) == 1600
    assert most_within(turns, 60 - 1e-3) <= 600


@pytest.fixture
async def real_time() -> AsyncIterator[Simulated]:
    """A simulator on this machine's clock that allows what `CALLING` is configured for."""
    listener = listen("127.0.0.1", 0)
    limits = SimulatorSettings(demo_per_minute=600)
    async with serving(create_simulator(limits), listener):
        simulated = Simulated(address(listener))
        yield simulated
        await simulated.close()


CALLING = """
import asyncio, sys
from db.pool import open_database
from db.providers import configure_budget
from ingest.clock import SystemClock
from ingest.pacing import Pacer
from ingest.providers.coingecko import NAME, CoinGecko, budget_of, make_client
from ingest.settings import IngestSettings, Plan

async def main(database_url, coingecko_url, calls):
    settings = IngestSettings(Plan.DEMO, "CG-demo", coingecko_url, calls_per_minute=600)
    clock, budget = SystemClock(), budget_of(settings)
    async with open_database(database_url) as database, make_client(settings) as client:
        async with database.transaction() as connection:
            await configure_budget(connection, NAME, budget, True)
        coingecko, pacer = CoinGecko(client, 365), Pacer(database, budget.key, clock)
        for _ in range(calls):
            await pacer.call(lambda: coingecko.fetch_markets(["bitcoin"], clock.now()))

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


async def test_four_real_processes_call_at_the_pace_of_one_budget(
    database: Database, database_url: str, real_time: Simulated
) -> None:
    arguments = (database_url, f"{real_time.url}/coingecko/api/v3", "12")
    children = [await asyncio.create_subprocess_exec(sys.executable, "-c", CALLING, *arguments) for _ in range(4)]
    assert await asyncio.wait_for(asyncio.gather(*(child.wait() for child in children)), 60) == [0] * 4

    log = await real_time.requests("")
    times = [entry["time"] for entry in log]
    assert len(times) == 48
    assert {entry["status"] for entry in log} == {200}
    paced = len(times) - 1 - PLANS[Plan.DEMO].burst
    assert paced / (max(times) - min(times)) <= 600 / 60 * 1.1


async def month_used(world: World) -> int:
    return int(
        await world.scalar("select month_used from provider_budget where key = %s", budget_of(world.settings).key)
    )


async def limit_month(world: World, calls: int) -> None:
    await world.execute("update provider_budget set monthly_limit = %s", calls)


async def test_only_answers_with_data_cost_a_credit_and_a_new_process_still_knows(world: World) -> None:
    await small(world)
    before = await month_used(world)
    await world.simulator.fault("500", count=2)

    await world.refresh(history_days=20)

    assert [entry["status"] for entry in await world.simulator.requests()] == [500, 500, 200]
    assert await month_used(world) == before + 1
    await world.configure()  # what a process does when it starts
    assert await month_used(world) == before + 1


async def test_a_spent_month_sends_nothing_and_says_try_later_until_the_month_ends(world: World) -> None:
    await small(world)
    await limit_month(world, await month_used(world))

    run = await world.refresh(history_days=20)

    assert await world.simulator.requests() == []
    assert run.status == "FAILED"
    assert await exit_code(world, run) == 75
    assert await world.scalar("select error_message from refresh_tasks") == "the month's calls are used up"

    world.clock.advance(datetime(2026, 12, 1, 0, 0, 1, tzinfo=UTC) - world.clock.now())
    run = await world.refresh(history_days=20)

    assert await exit_code(world, run) == 0
    assert await month_used(world) == 1
    await world.assert_true(["bitcoin"], days=20)


async def test_a_month_that_the_provider_calls_spent_is_not_asked_again_at_once(world: World) -> None:
    await small(world)
    for kind in ("quota", "quota-in-200"):
        await world.simulator.fault(kind, count=1)
        runs = [await world.refresh(history_days=20) for _ in range(3)]
        assert [await exit_code(world, run) for run in runs] == [75, 75, 75]
        assert len(await world.simulator.requests()) == 1
        world.clock.advance(timedelta(minutes=16))
        await world.simulator.forget()


async def test_no_request_is_sent_inside_the_wait_that_was_told(world: World) -> None:
    await small(world)
    told = {"429": (7, 53, 119), "429-date": (53,), "429-noheader": (60,), "429-in-200": (60,), "throttled": (60,)}
    for kind, seconds in ((kind, seconds) for kind, waits in told.items() for seconds in waits):
        await world.simulator.forget()
        await world.simulator.fault(kind, count=1, arg=seconds)

        run = await world.refresh(history_days=3, force=True)

        log = await world.simulator.requests()
        assert run.status == "SUCCEEDED"
        assert [entry["fault"] for entry in log] == [kind, None]
        assert log[1]["time"] - log[0]["time"] >= seconds, kind


async def test_a_call_that_waits_for_its_turn_waits_on_when_another_is_told_to(world: World) -> None:
    await small(world)
    key = budget_of(world.settings).key

    class WhileWeSleep(FakeClock):
        told: datetime | None = None

        async def sleep(self, seconds: float) -> None:
            if self.told is None:
                self.told = self.now() + timedelta(seconds=20)
                async with world.database.connection() as connection:
                    await block(connection, key, self.told, "RATE_LIMITED")
            await super().sleep(seconds)

    clock = WhileWeSleep()
    sent: list[datetime] = []

    async def request() -> None:
        sent.append(clock.now())

    await Pacer(world.database, key, clock).call(request)
    assert sent == [clock.told]


async def test_a_long_wait_shows_on_the_run_and_gives_exit_code_75(world: World) -> None:
    await small(world)
    await world.simulator.fault("429", count=1, arg=119)
    recorded = await world.record(history_days=20)
    task = await world.scalar("select id from refresh_tasks")

    await world.fetcher.run_task(task)

    run = await world.run(recorded.run_id)
    assert run.status == "WAITING_RATE_LIMIT"
    assert run.resumes_at is not None
    assert run.resumes_at - world.clock.now() == timedelta(seconds=120)
    assert await exit_code(world, run) == 75
    await world.work()
    assert (await world.run(run.id)).status == "SUCCEEDED"


async def test_five_failures_in_a_row_leave_one_probe_a_minute_until_one_succeeds(world: World) -> None:
    await small(world)
    pacer = Pacer(world.database, budget_of(world.settings).key, world.clock)
    await world.simulator.fault("503")

    async def call() -> None:
        await pacer.call(lambda: world.provider.fetch_markets(["bitcoin"], world.clock.now()))

    end = world.clock.now() + timedelta(minutes=10)
    while world.clock.now() < end:
        with pytest.raises(ProviderError) as caught:
            await call()
        await world.clock.sleep(5)
    assert isinstance(caught.value, NotNow)
    assert caught.value.kind is Kind.DOWN
    times = [entry["time"] for entry in await world.simulator.requests("markets")]
    assert most_within(times[5:], 60) == 1
    assert len(times) <= 5 + 10

    await world.simulator.heal()
    await world.clock.sleep(60)
    await call()
    await world.simulator.forget()
    for _ in range(5):
        await call()
    assert len(await world.simulator.requests("markets")) == 5


async def test_a_failure_now_and_then_leaves_the_provider_up(world: World) -> None:
    await small(world)
    pacer = Pacer(world.database, budget_of(world.settings).key, world.clock)
    for _ in range(4):
        await world.simulator.fault("500", count=2)
        await pacer.call(lambda: world.provider.fetch_markets(["bitcoin"], world.clock.now()))
    assert await world.scalar("select failures from provider_budget where month_used > 0") == 0


async def test_one_request_is_tried_three_times_at_most(world: World) -> None:
    await small(world)
    pacer = Pacer(world.database, budget_of(world.settings).key, world.clock)
    await world.simulator.fault("500")
    with pytest.raises(RetryableProviderError):
        await pacer.call(lambda: world.provider.fetch_markets(["bitcoin"], world.clock.now()))
    assert len(await world.simulator.requests("markets")) == pacer.requests == 3


async def test_another_key_has_a_budget_of_its_own(database: Database, database_url: str) -> None:
    limits = SimulatorSettings(demo_keys=frozenset({"CG-demo", "CG-other"}), demo_per_minute=PLENTY)
    async with open_world(database, database_url, limits) as world:
        await small(world)
        await limit_month(world, 0)
        await world.configure(api_key="CG-other")
        run = await world.refresh(history_days=20)
        assert run.status == "SUCCEEDED"
        assert await month_used(world) == 1
