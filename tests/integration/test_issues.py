"""What is wrong with the data is noticed once, counted exactly, and over when a later answer shows it no more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import httpx
import pytest

from db.issues import (
    MAX_EVIDENCE,
    Evidence,
    Finding,
    IssueFilter,
    IssueKind,
    IssueRow,
    acknowledge_issue,
    list_issues,
    read_evidence,
    record_finding,
)
from db.series import DAY, HOUR, Granularity
from ingest.catalogue import sync_list
from ingest.pacing import Pacer
from ingest.providers.coingecko import budget_of, make_client
from tests.world import NOW, World

pytestmark = pytest.mark.slow  # in all, not each

HOURS = {"granularities": (Granularity.HOURLY,), "history_days": 20}  # one request a series
# After so long every wait that a provider imposes by refusing us is over.
LATER = timedelta(minutes=16)


@pytest.fixture
async def small(world: World) -> World:
    """Bitcoin in dollars only."""
    await world.configure(currencies=("usd",))
    await world.know(["bitcoin"], ["usd"])
    await world.simulator.forget()
    return world


async def issues(world: World) -> list[IssueRow]:
    async with world.database.connection() as connection:
        return await list_issues(connection, IssueFilter(), 100, None)


async def evidence(world: World, issue: IssueRow) -> list[Evidence]:
    async with world.database.connection() as connection:
        return (await read_evidence(connection, [issue.id]))[issue.id]


async def refresh_well(world: World, **request: object) -> None:
    await world.simulator.heal()
    world.clock.advance(LATER)
    assert (await world.refresh(**(HOURS | request))).status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("kind", "value", "note"),
    [
        ("nan", "NaN", "its price is no number"),
        ("null", "null", "its price is no number"),
        ("negative", "-", "its price is not above zero"),
        ("string-number", ' USD"', "its price is no number"),
        ("missing", "[1", "its price is no number"),
    ],
)
async def test_refused_rows_are_counted_exactly_and_kept_with_the_reason_until_good_ones_have_come(
    small: World, kind: str, value: str, note: str
) -> None:
    await small.simulator.fault(kind, count=1)
    await small.refresh(**HOURS)
    [entry] = await small.simulator.requests()

    [issue] = await issues(small)
    assert (issue.kind, issue.state, issue.occurrences) == ("REJECTED_ROWS", "OPEN", entry["damaged"])
    kept = await evidence(small, issue)
    assert len({one.time for one in kept}) == len(kept) == entry["damaged"] <= MAX_EVIDENCE
    assert {one.note for one in kept} == {note}
    assert all(value in one.value for one in kept)
    assert issue.from_ts is not None
    assert issue.to_ts is not None
    assert all(one.time and issue.from_ts <= one.time < issue.to_ts for one in kept)

    await refresh_well(small)

    [issue] = await issues(small)
    assert (issue.state, issue.resolved_at) == ("RESOLVED", small.clock.now())
    assert len(await evidence(small, issue)) == entry["damaged"]


async def test_an_answer_to_another_window_does_not_end_what_is_wrong_with_this_one(small: World) -> None:
    await small.simulator.fault("null", count=1)
    await small.refresh(**HOURS)
    older = {"start": NOW - 60 * DAY, "end": NOW - 50 * DAY}

    await refresh_well(small, **older)
    assert [issue.state for issue in await issues(small)] == ["OPEN"]
    await refresh_well(small, history_days=21)
    assert [issue.state for issue in await issues(small)] == ["RESOLVED"]


async def test_a_hole_that_refreshes_do_not_go_back_to_any_more_keeps_no_issue_open(small: World) -> None:
    await small.simulator.fault("null", count=1)
    await small.refresh(**HOURS)
    small.clock.advance(2 * DAY)

    await refresh_well(small)

    assert await small.scalar("select count(*) from fetch_windows where outcome = 'REJECTED'") > 0
    assert [issue.state for issue in await issues(small)] == ["RESOLVED"]


async def test_another_form_of_answer_is_one_issue_until_it_can_be_read_again(small: World) -> None:
    await small.simulator.fault("renamed")
    for _ in range(3):
        assert (await small.refresh(**HOURS)).status == "FAILED"

    [issue] = await issues(small)
    assert (issue.kind, issue.state, issue.occurrences) == ("SCHEMA_DRIFT", "OPEN", 1)  # only one was asked
    assert "schema changed" in issue.message
    small.clock.advance(LATER)
    await small.refresh(**HOURS)
    [issue] = await issues(small)
    assert (issue.occurrences, issue.detected_at, issue.last_seen_at) == (2, NOW, small.clock.now())

    await refresh_well(small)
    assert [issue.state for issue in await issues(small)] == ["RESOLVED"]


async def test_a_coin_that_the_provider_does_not_know_is_one_issue_in_whatever_currency(world: World) -> None:
    await world.know(["bitcoin"], ["usd", "eur"])
    await world.simulator.fault("404", count=2)
    assert (await world.refresh(**HOURS)).status == "FAILED"

    [issue] = await issues(world)
    assert (issue.kind, issue.currency, issue.occurrences) == ("ID_NOT_FOUND", None, 2)
    await refresh_well(world)
    assert [issue.state for issue in await issues(world)] == ["RESOLVED"]


async def test_a_tracked_coin_that_vanishes_from_the_provider_s_list_is_an_issue_until_it_is_back(world: World) -> None:
    await world.know(["bitcoin", "solana"], ["usd"])

    async def sync() -> None:
        world.clock.advance(DAY)
        pacer = Pacer(world.database, budget_of(world.settings).key, world.clock)
        await sync_list(world.database, world.provider, pacer, world.clock)

    await world.simulator.change("drop", "solana")
    await sync()
    [issue] = await issues(world)
    assert (issue.kind, issue.state, issue.currency) == ("ID_NOT_FOUND", "OPEN", None)
    assert "does not list this coin" in issue.message

    await world.simulator.restore()
    await sync()
    await refresh_well(world)
    assert [issue.state for issue in await issues(world)] == ["RESOLVED"]


async def test_keys_limits_and_failures_of_the_provider_are_no_matter_of_the_data(small: World) -> None:
    for kind in ("401", "quota", "429", "500", "html403"):
        await small.simulator.fault(kind, count=3)
        await small.refresh(**HOURS)
        await small.simulator.heal()
        small.clock.advance(31 * DAY)
    assert await issues(small) == []


class MisplacedPoint(httpx.AsyncBaseTransport):
    """The provider with the decimal point of some prices in the wrong place."""

    def __init__(self, places: Sequence[int]) -> None:
        self._real = httpx.AsyncHTTPTransport(verify=False)
        self._places = places

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._real.handle_async_request(request)
        chart = json.loads(await answer.aread())
        for place in self._places:
            chart["prices"][place][1] *= 100
        return httpx.Response(200, json=chart)

    async def aclose(self) -> None:
        await self._real.aclose()


async def misplace(world: World, *places: int) -> None:
    good = world.client
    world.client = httpx.AsyncClient(
        transport=MisplacedPoint(places), base_url=good.base_url, headers=good.headers, timeout=10
    )
    await good.aclose()


async def mend(world: World) -> None:
    await world.client.aclose()
    world.client = make_client(world.settings)


async def test_a_sample_far_from_both_its_neighbours_is_stored_and_flagged_until_it_was_answered_again(
    small: World,
) -> None:
    await misplace(small, 100, -100)
    await small.refresh(**HOURS)
    await mend(small)

    [issue] = await issues(small)
    assert (issue.kind, issue.state, issue.occurrences) == ("OUTLIER", "OPEN", 2)
    for one in await evidence(small, issue):
        stored = await small.scalar("select price from price_hourly where observed_at = %s", one.time)
        assert one.value == repr(stored)
        assert "its neighbours are" in one.note

    await refresh_well(small, force=True, granularities=(Granularity.DAILY,))
    await refresh_well(small, force=True, history_days=7)
    assert [issue.state for issue in await issues(small)] == ["OPEN"]
    await refresh_well(small, force=True)
    assert [issue.state for issue in await issues(small)] == ["RESOLVED"]
    assert await small.scalar("select max(price) / min(price) from price_hourly") < 10


def finding(times: Sequence[datetime] = (), kind: IssueKind = IssueKind.OUTLIER) -> Finding:
    return Finding(kind, 1, 1, 2, "…", len(times), None, [Evidence(time, "1.0", "…") for time in times])


async def note(world: World, one: Finding, at: datetime = NOW) -> None:
    async with world.database.transaction() as connection:
        await record_finding(connection, one, at)


async def test_of_many_samples_the_newest_hundred_are_kept_each_once(small: World) -> None:
    times = [NOW - hour * HOUR for hour in range(250)]
    for chosen in (times[150:], times[40:200], times[:60], times[:60]):
        await note(small, finding(chosen))

    [issue] = await issues(small)
    assert issue.occurrences == 100 + 160 + 60 + 60
    assert [one.time for one in await evidence(small, issue)] == times[:MAX_EVIDENCE]


async def test_workers_that_notice_the_same_at_once_make_one_issue_and_count_together(small: World) -> None:
    times = [NOW - hour * HOUR for hour in range(10)]
    await asyncio.gather(*(note(small, finding([time])) for time in times))

    [issue] = await issues(small)
    assert issue.occurrences == 10
    assert [one.time for one in await evidence(small, issue)] == times


async def test_an_acknowledged_issue_stays_so_when_it_is_seen_again_and_a_resolved_one_comes_as_a_new_one(
    small: World,
) -> None:
    await note(small, finding())
    [first] = await issues(small)
    async with small.database.connection() as connection:
        await acknowledge_issue(connection, first.id, "alice", NOW)
        await acknowledge_issue(connection, first.id, "bob", NOW + HOUR)
    await note(small, finding(), NOW + HOUR)
    [issue] = await issues(small)
    assert (issue.id, issue.state, issue.acknowledged_by) == (first.id, "ACKNOWLEDGED", "alice")
    assert issue.last_seen_at == NOW + HOUR

    await refresh_well(small)
    await note(small, finding(), NOW + DAY)
    newer, older = await issues(small)
    assert (older.id, older.state) == (first.id, "RESOLVED")
    assert (newer.state, newer.detected_at) == ("OPEN", NOW + DAY)


async def test_what_was_resolved_is_forgotten_after_ninety_days_when_something_new_is_noticed(small: World) -> None:
    await note(small, finding())
    await refresh_well(small)
    await note(small, finding(kind=IssueKind.REJECTED_ROWS), NOW + 90 * DAY)
    assert [issue.kind for issue in await issues(small)] == ["REJECTED_ROWS", "OUTLIER"]
    await note(small, finding(kind=IssueKind.SCHEMA_DRIFT), NOW + 91 * DAY)
    assert [issue.kind for issue in await issues(small)] == ["SCHEMA_DRIFT", "REJECTED_ROWS"]
