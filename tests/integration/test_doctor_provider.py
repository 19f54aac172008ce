"""`pricegraph doctor`: a provider that cannot be asked, budgets that are spent, and clocks that differ."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest

from db.providers import block
from ingest.providers.coingecko import budget_of
from pricegraph.doctor.findings import Verdict
from pricegraph.doctor.provider import check_provider
from tests.doctor import KEY, assert_finding, diagnose, real_time, settings_for
from tests.world import Simulated, World

# Each test is short; there are many.
pytestmark = [pytest.mark.slow, pytest.mark.one_store]

CLOSED = "http://127.0.0.1:9/coingecko/api/v3"


@pytest.mark.parametrize(
    ("host", "key", "found", "advice"),
    [
        ("coingecko", "CG-unknown-to-everybody", "refused the API key", "COINGECKO_API_KEY"),
        ("coingecko-pro", KEY, "belongs to another plan", "COINGECKO_PLAN"),
    ],
)
async def test_a_refused_key_is_a_problem(simulator: Simulated, host: str, key: str, found: str, advice: str) -> None:
    settings = settings_for(f"{simulator.url}/{host}/api/v3", coingecko_api_key=key).ingest()

    finding, _ = await check_provider(settings, real_time)

    assert_finding(finding, Verdict.PROBLEM, found, advice)
    assert key not in str(finding)


@pytest.mark.parametrize(
    ("fault", "verdict", "found", "advice"),
    [
        ("429", Verdict.WARNING, "rate limit", "wait a minute"),
        ("quota", Verdict.PROBLEM, "monthly calls are used up", "larger plan"),
        ("html403", Verdict.PROBLEM, "refuses this address", "quarter of an hour"),
        ("500", Verdict.PROBLEM, "status 500", "workers try again"),
        ("html200", Verdict.PROBLEM, "not JSON", "COINGECKO_URL"),
    ],
)
async def test_a_provider_that_refuses_is_told_apart(
    simulator: Simulated, fault: str, verdict: Verdict, found: str, advice: str
) -> None:
    await simulator.fault(fault)

    finding, _ = await check_provider(settings_for(f"{simulator.url}/coingecko/api/v3").ingest(), real_time)

    assert_finding(finding, verdict, found, advice)


async def test_a_provider_where_nobody_listens_is_a_problem() -> None:
    finding, clock = await check_provider(settings_for(CLOSED).ingest(), real_time)

    assert_finding(finding, Verdict.PROBLEM, "127.0.0.1 cannot be reached: nobody listens there", "COINGECKO_URL")
    assert clock is None


async def test_a_provider_whose_name_is_unknown_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    finding, _ = await check_provider(settings_for("http://provider.invalid/api/v3").ingest(), real_time)

    assert_finding(finding, Verdict.PROBLEM, "provider.invalid cannot be reached: its name is unknown", "DNS")


@pytest.mark.parametrize("changes", [{"provider": "http://127.0.0.1:9/\x00"}, {"coingecko_api_key": "CG-ключ"}])
async def test_settings_that_make_no_request_are_named(changes: dict[str, str]) -> None:
    finding, _ = await check_provider(settings_for(**({"provider": CLOSED} | changes)).ingest(), real_time)

    assert_finding(finding, Verdict.PROBLEM, "cannot be asked", "COINGECKO_URL and COINGECKO_API_KEY")


async def test_a_spent_month_is_a_problem_with_the_day_it_goes_on(installation: World) -> None:
    await installation.execute("update provider_budget set month_used = monthly_limit")

    budget = (await diagnose(installation))["budget"]

    assert_finding(budget, Verdict.PROBLEM, "10,000 of 10,000; the month's calls are used up", "larger plan")
    assert "-01 00:00:00 UTC" in budget.found


async def test_a_block_is_told_with_its_reason_and_its_end(installation: World) -> None:
    until = real_time() + timedelta(minutes=10)
    for reason, verdict, found, advice in (
        ("RATE_LIMITED", Verdict.WARNING, "the provider asked to wait", "goes on by itself"),
        ("DOWN", Verdict.WARNING, "the provider is down", "goes on by itself"),
        ("AUTH", Verdict.PROBLEM, "the provider refused the API key", "COINGECKO_API_KEY"),
        ("BLOCKED", Verdict.PROBLEM, "refuses this address", "quarter of an hour"),
    ):
        async with installation.database.connection() as connection:
            await block(connection, budget_of(installation.settings).key, until, reason)

        budget = (await diagnose(installation))["budget"]

        assert_finding(budget, verdict, found, advice)
        assert f"workers go on at {until:%Y-%m-%d %H:%M:%S} UTC" in budget.found


async def test_a_block_that_is_over_is_none(installation: World) -> None:
    async with installation.database.connection() as connection:
        await block(connection, budget_of(installation.settings).key, real_time() - timedelta(seconds=1), "AUTH")

    assert (await diagnose(installation))["budget"].verdict is Verdict.OK


async def test_workers_with_another_key_than_these_settings_are_a_warning(installation: World) -> None:
    budget = (await diagnose(installation, coingecko_plan="public", coingecko_api_key=None))["budget"]

    assert_finding(budget, Verdict.WARNING, "another plan or key", "COINGECKO_PLAN")


async def test_a_clock_that_is_off_is_told(installation: World) -> None:
    fast = (await diagnose(installation, lambda: real_time() + timedelta(seconds=40)))["clocks"]
    slow = (await diagnose(installation, lambda: real_time() - timedelta(seconds=5)))["clocks"]

    assert_finding(fast, Verdict.PROBLEM, "the database is 40 s behind, the provider is ", "NTP")
    assert_finding(slow, Verdict.WARNING, "the database is 5 s ahead, the provider is ", "NTP")
