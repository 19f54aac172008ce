"""`pricegraph doctor`: workers, the prices they bring, and who may ask for them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from db.pool import Database
from db.tokens import Scope, create_token, revoke_token
from pricegraph.doctor.findings import Verdict
from pricegraph.doctor.work import check_origin
from tests.doctor import assert_finding, diagnose, real_time
from tests.world import World

# Each test is short; there are many.
pytestmark = pytest.mark.slow


async def test_tasks_that_wait_while_no_worker_lives_are_a_problem(installation: World) -> None:
    await installation.record(history_days=30)
    await installation.execute("update procrastinate_workers set last_heartbeat = now() - interval '31 seconds'")

    workers = (await diagnose(installation))["workers"]

    assert_finding(workers, Verdict.PROBLEM, "none is alive; open tasks: 2, the oldest of", "pricegraph worker")


async def test_no_worker_and_nothing_to_do_is_a_warning(installation: World) -> None:
    await installation.execute("delete from procrastinate_workers")

    workers = (await diagnose(installation))["workers"]

    assert_finding(workers, Verdict.WARNING, "none is alive", "pricegraph worker")


async def test_a_stale_series_is_a_warning_with_its_reason(installation: World) -> None:
    await _age(installation, "ethereum")

    prices = (await diagnose(installation))["prices"]

    newest = f"newest hour {real_time() - timedelta(hours=4):%Y-%m-%d %H}"
    assert_finding(prices, Verdict.WARNING, "1 of 2 series have no price of the last 3 hours", "pricegraph refresh")
    assert f"ethereum/usd ({newest}:00 UTC, nobody has asked for more)" in prices.found


async def test_nothing_but_stale_series_is_a_problem(installation: World) -> None:
    await _age(installation, "bitcoin")
    await _age(installation, "ethereum")

    assert_finding((await diagnose(installation))["prices"], Verdict.PROBLEM, "2 of 2 series", "pricegraph refresh")


async def test_a_fresh_latest_price_does_not_hide_old_hours(installation: World) -> None:
    await installation.execute("delete from price_hourly where ts > now() - interval '4 hours' and coin_id = 1")

    assert "1 of 2 series" in (await diagnose(installation))["prices"].found


async def test_hours_that_went_behind_the_back_of_triggers_are_a_warning_until_they_are_counted(
    installation: World,
) -> None:
    assert (await diagnose(installation))["stored"].found.endswith("2 series looked at")

    async with installation.database.transaction() as connection:
        await connection.execute("set local session_replication_role = replica")
        await connection.execute("delete from price_hourly where coin_id = 2")
    stored = (await diagnose(installation))["stored"]
    assert_finding(
        stored, Verdict.WARNING, "other hours for stored than are, of 1 of 2 series", "rebuild_stored_windows()"
    )
    assert "ethereum/usd" in stored.found

    await installation.execute("select rebuild_stored_windows()")
    assert (await diagnose(installation))["stored"].verdict is Verdict.OK


async def test_series_that_never_had_a_price_say_what_stands_in_the_way(installation: World) -> None:
    await installation.know(["solana"], ["usd"])
    assert "1 never had one: solana/usd (nobody has asked for more)" in (await diagnose(installation))["prices"].found

    await installation.record(coins=["solana"], history_days=1)
    waiting = (await diagnose(installation))["prices"]
    assert_finding(waiting, Verdict.WARNING, "solana/usd (waits in the queue)", "wait")

    await installation.simulator.fault("404")
    await installation.work()
    assert "solana/usd (the provider failed)" in (await diagnose(installation))["prices"].found


async def test_of_many_stale_series_three_are_named(installation: World) -> None:
    await installation.execute(
        "insert into coins (slug, symbol, name, tracked) "
        "select 'coin-' || i, 'c', 'Coin', true from generate_series(1, 50) i"
    )

    found = (await diagnose(installation))["prices"].found

    assert found.startswith("50 of 52 series have no price of the last 3 hours, 50 never had one")
    assert found.count("coin-") == 3


async def test_a_coin_that_is_no_longer_listed_is_not_missed(installation: World) -> None:
    await _age(installation, "ethereum")
    await installation.execute("update coins set status = 'DELISTED' where slug = 'ethereum'")

    assert (await diagnose(installation))["prices"].verdict is Verdict.OK


async def _age(world: World, coin: str) -> None:
    """As if the last four hours had never been fetched."""
    of_coin = "coin_id = (select id from coins where slug = %s)"
    await world.execute(
        f"delete from price_hourly where ts > date_trunc('hour', now() - interval '4 hours') and {of_coin}", coin
    )
    await world.execute(f"update price_latest set observed_at = observed_at - interval '4 hours' where {of_coin}", coin)


async def test_nothing_tracked_yet_names_the_next_step(world: World) -> None:
    prices = (await diagnose(world))["prices"]

    assert_finding(prices, Verdict.WARNING, "no coin is tracked yet", "pricegraph worker")


async def test_without_any_token_nobody_can_refresh(installation: World, database: Database) -> None:
    assert_finding(
        (await diagnose(installation, token=None))["tokens"],
        Verdict.WARNING,
        "there is none",
        "pricegraph token create",
    )

    async with database.connection() as connection:
        token = await create_token(connection, "cron", [Scope.REFRESH], real_time())
        with_one = (await diagnose(installation, token=None))["tokens"]
        await revoke_token(connection, "cron", real_time())

    assert with_one.verdict is Verdict.OK
    assert token not in with_one.found
    assert (await diagnose(installation, token=None))["tokens"].verdict is Verdict.WARNING


async def test_real_and_simulated_prices_do_not_go_together(installation: World) -> None:
    async with installation.database.connection() as connection:
        origin = await check_origin(connection, simulated=False)

    assert_finding(origin, Verdict.PROBLEM, "holds simulated prices", "COINGECKO_URL")
