"""What a provider does wrong leaves no trace in the tables: nothing lost, nothing twice, nothing different."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from db.runs import RunRow
from db.series import HOUR, Granularity
from tests.world import World, hours_ago

pytestmark = pytest.mark.slow

DAYS = 20  # one request a series
# After so long every wait that a provider imposes by refusing us is over.
LATER = timedelta(minutes=16)


@pytest.fixture
async def small(world: World) -> World:
    """Bitcoin in dollars only."""
    await world.configure(currencies=("usd",))
    await world.know(["bitcoin"], ["usd"])
    await world.simulator.forget()
    return world


async def forget_prices(world: World) -> None:
    for table in ("price_hourly", "price_daily", "price_latest", "price_revisions", "fetch_windows"):
        await world.execute(f"delete from {table}")
    await world.simulator.heal()
    await world.simulator.forget()


async def heal(world: World, **request: object) -> RunRow:
    """The provider is well again, and one more refresh is made."""
    await world.simulator.heal()
    return await world.refresh(history_days=DAYS, **request)


async def rejected(world: World, run: RunRow) -> int:
    return (await world.totals(run.id)).rows_rejected


async def texts(world: World) -> str:
    """Everything that a user may read about what went wrong."""
    return str(await world.scalar("select string_agg(error_message, ' ') from refresh_tasks"))


async def test_an_answer_that_is_damaged_on_its_way_is_fetched_again(small: World) -> None:
    kinds = ("500", "502html", "503", "truncated", "wrong-length", "gzip-bad", "reset", "429", "429-date", "throttled")
    for kind in kinds:
        await forget_prices(small)
        await small.simulator.fault(kind, count=2)

        run = await small.refresh(history_days=DAYS)

        assert run.status == "SUCCEEDED", kind
        assert [entry["fault"] for entry in await small.simulator.requests()] == [kind, kind, None]
        await small.assert_true(["bitcoin"], DAYS)


async def test_an_hour_that_two_prices_claim_is_left_empty_until_the_provider_makes_up_its_mind(small: World) -> None:
    """As at the end of summer time, when stamps in local time come twice."""
    ambiguous = hours_ago(100)
    await small.simulator.fault("dst", arg=ambiguous.timestamp(), count=1)

    run = await small.refresh(history_days=DAYS)

    assert await rejected(small, run) == 2
    stored = {row[0] for row in await small.stored("bitcoin", "usd", Granularity.HOURLY)}
    assert not stored & {int(hour.timestamp()) for hour in (ambiguous, ambiguous - HOUR)}
    small.clock.advance(timedelta(minutes=31))
    await heal(small)
    await small.assert_true(["bitcoin"], DAYS)


async def test_nothing_of_a_damaged_answer_is_stored(small: World) -> None:
    for kind in ("truncated", "wrong-length", "gzip-bad", "500", "429-in-200"):
        await small.simulator.fault(kind)
        await small.record(history_days=DAYS)
        await small.fetcher.run_task(await small.scalar("select max(id) from refresh_tasks"))
        assert await small.scalar("select count(*) from price_hourly") == 0
        assert await small.scalar("select count(*) from price_latest") == 0
        await small.simulator.heal()
        await small.work()
        await small.assert_true(["bitcoin"], DAYS)
        await forget_prices(small)


async def test_faults_at_random_cost_requests_and_no_row(world: World) -> None:
    coins = ["bitcoin", "solana", "dogecoin"]
    await world.configure(currencies=("usd", "btc"))
    await world.know(coins, ("usd", "btc"))
    for kind in ("500", "429", "truncated", "502html", "gzip-bad"):
        await world.simulator.fault(kind, probability=0.08)

    await world.refresh(history_days=100)
    await world.simulator.heal()
    world.clock.advance(LATER)
    run = await world.refresh(history_days=100)

    assert run.status == "SUCCEEDED"
    await world.assert_true(coins, 100)


async def test_a_provider_that_is_down_for_five_minutes_is_probed_and_then_asked_on(small: World) -> None:
    await small.simulator.fault("503")
    recorded = await small.record(history_days=100)
    back = small.clock.now() + timedelta(minutes=5)
    while small.clock.now() < back:
        await run_due_tasks(small)
        await small.clock.sleep(1)
    log = await small.simulator.requests()
    assert len(log) <= 5 + 5
    assert "the provider is down" in await texts(small)

    await small.simulator.heal()
    await small.work()

    assert (await small.run(recorded.run_id)).status == "SUCCEEDED"
    assert small.clock.now() - back <= timedelta(minutes=2)
    await small.assert_true(["bitcoin"], 100)


async def run_due_tasks(world: World) -> None:
    async with world.database.connection() as connection:
        cursor = await connection.execute(
            "select id from refresh_tasks where status = 'PENDING' or status = 'DEFERRED' and retry_at <= %s",
            (world.clock.now(),),
        )
        due = [row[0] for row in await cursor.fetchall()]
    for task in due:
        await world.fetcher.run_task(task)


async def test_a_silent_or_dripping_provider_is_given_up_at_the_deadline(
    small: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.http.DEADLINE_SECONDS", 0.3)
    for kind in ("timeout", "drip"):
        await forget_prices(small)
        await small.simulator.fault(kind, count=1)
        async with asyncio.timeout(20):  # either fault lasts a minute
            run = await small.refresh(history_days=DAYS)
        assert run.status == "SUCCEEDED"
        assert [entry["fault"] for entry in await small.simulator.requests()] == [kind, None]
        await small.assert_true(["bitcoin"], DAYS)


async def test_an_answer_without_end_is_refused_at_twenty_megabytes(small: World) -> None:
    await small.simulator.fault("huge", count=1, arg=60)
    run = await small.refresh(history_days=DAYS)
    assert run.status == "SUCCEEDED"
    assert len(await small.simulator.requests()) == 2
    await small.assert_true(["bitcoin"], DAYS)


async def test_bad_rows_are_counted_exactly_good_ones_are_stored_and_the_rest_comes_with_the_next_refresh(
    small: World,
) -> None:
    for kind in ("nan", "null", "zero", "negative", "missing", "string-number"):
        await forget_prices(small)
        await small.simulator.fault(kind, count=1)

        run = await small.refresh(history_days=DAYS)

        [entry] = await small.simulator.requests()
        assert entry["damaged"] > 40
        assert await rejected(small, run) == entry["damaged"], kind
        assert 400 < await small.scalar("select count(*) from price_hourly") < 24 * DAYS
        assert await small.scalar("select count(*) from price_hourly where price = 'NaN' or price <= 0") == 0
        reasons = await small.scalar("select array_agg(distinct outcome) from fetch_windows")
        assert reasons == ["REJECTED"], kind

        run = await heal(small)

        assert await rejected(small, run) == 0
        await small.assert_true(["bitcoin"], DAYS)
        assert await small.scalar("select count(*) from fetch_windows") == 0


async def test_rows_twice_or_in_any_order_make_the_same_table(small: World) -> None:
    for kind in ("dup", "reorder"):
        await forget_prices(small)
        await small.simulator.fault(kind)
        run = await small.refresh(history_days=DAYS)
        assert run.status == "SUCCEEDED"
        await small.assert_true(["bitcoin"], DAYS)


async def test_rows_that_are_left_out_are_the_gaps_and_come_once_their_record_expires(small: World) -> None:
    for kind in ("gap", "partial-page", "empty"):
        await forget_prices(small)
        await small.simulator.fault(kind, count=1)

        run = await small.refresh(history_days=DAYS)

        assert run.status == "SUCCEEDED"
        assert await hours(small, "price_hourly") | await hours_without_data(small) == await expected(small), kind
        assert not await hours(small, "price_hourly") & await hours_without_data(small), kind
        small.clock.advance(timedelta(minutes=31))
        await small.refresh(history_days=DAYS + 1)
        await small.assert_true(["bitcoin"], DAYS + 1)


async def hours(world: World, table: str) -> set[datetime]:
    until = world.clock.now() - timedelta(hours=1)
    return set(await world.scalar(f"select coalesce(array_agg(ts), '{{}}') from {table} where ts <= %s", until))


async def hours_without_data(world: World) -> set[datetime]:
    query = (
        "select coalesce(array_agg(ts), '{}') from fetch_windows, "
        "generate_series(from_ts, to_ts - interval '1 hour', interval '1 hour') as ts "
        "where granularity = 'HOURLY' and outcome = 'NO_DATA'"
    )
    return set(await world.scalar(query))


async def expected(world: World) -> set[datetime]:
    window = (await world.request(history_days=DAYS)).window(Granularity.HOURLY, world.clock.now())
    return {window.start + index * timedelta(hours=1) for index in range(window.buckets(timedelta(hours=1)))}


async def test_a_stamp_in_the_future_is_refused_and_stops_no_later_refresh(small: World) -> None:
    for ahead in (timedelta(days=1), timedelta(minutes=30), timedelta(days=365)):
        await forget_prices(small)
        await small.simulator.fault("future", count=1, arg=ahead.total_seconds())
        run = await small.refresh(history_days=DAYS)
        assert await rejected(small, run) == 1
        newest = await small.scalar("select max(observed_at) from price_latest")
        assert newest <= small.clock.now()
        small.clock.advance(timedelta(days=1))
        assert (await small.refresh(history_days=DAYS + 1)).tasks_total == 1
        await small.assert_true(["bitcoin"], DAYS + 1)


async def test_values_that_come_later_correct_what_was_stored_and_keep_the_old_ones(small: World) -> None:
    for kind in ("null-caps", "short-array"):
        await forget_prices(small)
        await small.simulator.fault(kind, count=1, arg=0.2 if kind == "null-caps" else 50)
        await small.refresh(history_days=DAYS)
        [damaged] = [entry["damaged"] for entry in await small.simulator.requests()]
        assert damaged >= 50

        run = await heal(small, force=True)

        await small.assert_true(["bitcoin"], DAYS)
        corrected = (await small.totals(run.id)).rows_corrected
        assert corrected >= 40
        assert await small.scalar("select count(*) from price_revisions where market_cap is null") == corrected


@pytest.mark.parametrize(
    ("kind", "words"),
    [("renamed", "schema changed"), ("html200", "schema changed"), ("redirect-loop", "redirects"), ("401", "key")],
)
async def test_what_people_must_mend_fails_the_run_within_three_requests_and_says_so(
    world: World, kind: str, words: str
) -> None:
    await world.configure(currencies=("usd",), api_key="CG-demo")
    coins = ["bitcoin", "solana", "dogecoin"]
    await world.know(coins, ["usd"])
    await world.simulator.forget()
    await world.simulator.fault(kind)

    with capture_logs() as logs:
        run = await world.refresh(history_days=100)

    assert (run.status, run.tasks_total) == ("FAILED", 6)
    assert len(await world.simulator.requests()) <= 3
    assert words in await texts(world)
    assert "CG-demo" not in await texts(world) + str(logs)
    assert await world.scalar("select count(*) from price_hourly") == 0

    world.clock.advance(LATER)
    assert (await heal(world)).status == "SUCCEEDED"
    await world.assert_true(coins, DAYS)


async def test_the_key_is_in_no_log_at_any_level(small: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for kind in ("401", "500", "html403", "404"):
        await small.simulator.fault(kind, count=1)
        with capture_logs() as logs:
            await small.refresh(history_days=DAYS, force=True)
        assert "CG-demo" not in caplog.text + str(logs)
        small.clock.advance(LATER)
    stored = await small.scalar("select jsonb_agg(to_jsonb(b)) from provider_budget b")
    assert "CG-demo" not in str(stored)


async def test_an_unknown_coin_fails_alone(world: World) -> None:
    await world.configure(currencies=("usd",))
    await world.know(["bitcoin", "solana"], ["usd"])
    await world.execute(
        "update coin_provider_ids set provider_coin_id = 'renamed-away' where provider_coin_id = 'solana'"
    )

    run = await world.refresh(history_days=DAYS)

    assert run.status == "PARTIAL"
    assert "does not know this coin" in await texts(world)
    await world.assert_true(["bitcoin"], DAYS)


async def test_a_refused_address_is_left_alone_for_a_quarter_of_an_hour(small: World) -> None:
    await small.simulator.fault("html403", count=1)
    for _ in range(3):
        run = await small.refresh(history_days=DAYS)
        assert run.status == "FAILED"
        small.clock.advance(timedelta(minutes=4))
    assert len(await small.simulator.requests()) == 1
    small.clock.advance(LATER)
    assert (await heal(small)).status == "SUCCEEDED"
    await small.assert_true(["bitcoin"], DAYS)
