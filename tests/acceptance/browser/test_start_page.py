"""The start page in a real Chromium, on the real server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from playwright.async_api import Route, expect

from tests.site import DAYS, PRICED, PRICELESS, Watched
from tests.world import NOW

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

PROBLEMS = ("#server-problem", "#coins-problem", "#refresh-problem")
LATEST = '{ coin(slug: "bitcoin") { latestPrice(currency: "usd") { price } } }'


def instead(field: str, value: Any) -> Callable[[Route], Awaitable[None]]:
    """For what a healthy server cannot be brought to say: the real answers, with one field changed."""

    async def answer(route: Route) -> None:
        body = await (await route.fetch()).json()
        if field in body["data"]:
            body["data"][field] = value
        await route.fulfill(json=body)

    return answer


def newest_run(**fields: Any) -> dict[str, Any]:
    run = {"tasksTotal": 88, "tasksDone": 88, "requests": 90, "rowsInserted": 95_000}
    return {"nodes": [run | {"resumesAt": None, "finishedAt": None} | fields]}


async def test_it_shows_the_tracked_coins_with_price_change_and_age(watched: Watched, site_url: str) -> None:
    async with httpx.AsyncClient(base_url=site_url) as client:
        answer = (await client.post("/graphql", json={"query": LATEST})).json()
    await watched.page.clock.set_fixed_time(NOW + timedelta(minutes=3, seconds=30))
    await watched.page.goto("/")

    rows = watched.page.locator("#coins tr")
    await expect(rows).to_have_count(len(PRICED) + 1)
    bitcoin = rows.filter(has_text="bitcoin")
    await expect(bitcoin).to_contain_text("BTC")
    await expect(bitcoin).to_contain_text(f"${answer['data']['coin']['latestPrice']['price']:,.2f}")
    await expect(bitcoin).to_contain_text("%")
    await expect(bitcoin.locator("time")).to_have_text("3 minutes ago")
    await expect(rows.filter(has_text=PRICELESS)).to_contain_text("no price yet")


async def test_it_says_what_it_talks_to_and_how_a_shell_would(watched: Watched, site_url: str) -> None:
    await watched.page.goto("/")

    await expect(watched.page.locator("#version")).to_have_text("0.1.0")
    await expect(watched.page.locator("#store")).to_have_text("PostgreSQL")
    await expect(watched.page.locator("#example")).to_contain_text(f"curl {site_url}/graphql")


async def test_it_says_how_the_last_refresh_ended(watched: Watched) -> None:
    await watched.page.clock.set_fixed_time(NOW + timedelta(hours=2, minutes=1))
    await watched.page.goto("/")

    points = len(PRICED) * 2 * DAYS * (24 + 1)
    last = watched.page.locator("#last-refresh")
    await expect(last).to_contain_text("The last refresh (2 hours ago) fetched everything that was missing")
    said = int((await last.inner_text()).partition(": ")[2].partition(" ")[0].replace(",", ""))
    assert points <= said <= points + len(PRICED) * 2 * 4  # the running hour and day, and days touched at the edge


async def test_it_follows_a_refresh_until_it_ends(watched: Watched) -> None:
    page = watched.page
    await page.route("**/graphql", instead("refreshRuns", newest_run(status="RUNNING", tasksDone=33)))
    await page.goto("/")
    await expect(page.locator("#progress")).to_contain_text("33 of 88 tasks")

    await page.route("**/graphql", instead("refreshRuns", newest_run(status="SUCCEEDED")))

    await expect(page.locator("#last-refresh")).to_contain_text("fetched everything")
    await expect(page.locator("#progress")).to_be_hidden()


async def test_a_refresh_that_waits_for_the_provider_says_that_it_goes_on_by_itself(watched: Watched) -> None:
    run = newest_run(status="WAITING_RATE_LIMIT", tasksDone=33, resumesAt="2026-11-20T20:00:00Z")
    await watched.page.route("**/graphql", instead("refreshRuns", run))
    await watched.page.goto("/")

    await expect(watched.page.locator("#progress")).to_contain_text("Waiting for the provider")
    await expect(watched.page.locator("#progress")).to_contain_text("goes on by itself at")


async def test_a_refresh_that_found_nothing_missing_is_not_called_one_of_zero_points(watched: Watched) -> None:
    run = newest_run(status="SUCCEEDED", tasksTotal=0, tasksDone=0)
    await watched.page.route("**/graphql", instead("refreshRuns", run))
    await watched.page.goto("/")

    await expect(watched.page.locator("#last-refresh")).to_contain_text("found nothing missing")


async def test_a_change_too_small_to_be_shown_has_no_direction(watched: Watched) -> None:
    latest = {"price": 1.0, "change24hPercent": -0.004, "observedAt": NOW.isoformat()}
    coin = {"slug": "tether", "symbol": "usdt", "name": "Tether", "rank": 3, "latestPrice": latest}
    await watched.page.route("**/graphql", instead("coins", {"nodes": [coin]}))
    await watched.page.goto("/")

    row = watched.page.locator("#coins tr")
    await expect(row).to_contain_text("0.00 %")
    await expect(row).not_to_contain_text("−0.00")
    await expect(row.locator(".down")).to_have_count(0)


async def test_what_the_api_refuses_is_said_in_its_words_and_goes_away_once_it_answers(watched: Watched) -> None:
    page = watched.page
    await page.clock.install()
    refusal = {"data": None, "errors": [{"message": "Send a token."}]}
    await page.route("**/graphql", lambda route: route.fulfill(json=refusal))
    await page.goto("/")
    for problem in PROBLEMS:
        await expect(page.locator(problem)).to_have_text("Send a token.")

    await page.unroute("**/graphql")
    await page.clock.fast_forward("01:00")

    await expect(page.locator("#coins tr")).to_have_count(len(PRICED) + 1)
    for problem in PROBLEMS:
        await expect(page.locator(problem)).to_be_hidden()


async def test_an_api_that_cannot_be_reached_is_said_in_words(watched: Watched) -> None:
    await watched.page.route("**/graphql", lambda route: route.abort())
    await watched.page.goto("/")

    await expect(watched.page.locator("#coins-problem")).to_contain_text("cannot be reached")


async def test_an_answer_that_is_not_json_is_said_in_words(watched: Watched) -> None:
    await watched.page.route("**/graphql", lambda route: route.fulfill(status=502, body="<h1>Bad gateway"))
    await watched.page.goto("/")

    await expect(watched.page.locator("#coins-problem")).to_contain_text("HTTP 502")


@pytest.mark.parametrize("path", ["/", "/graphiql"])
async def test_simulated_prices_are_announced_on_every_page(watched: Watched, path: str) -> None:
    await watched.page.goto(path)

    await expect(watched.page.locator("#simulated")).to_be_visible()
    await expect(watched.page.locator("#simulated")).to_contain_text("Simulated data")


@pytest.mark.parametrize("path", ["/", "/graphiql"])
async def test_real_prices_are_not_called_simulated(watched: Watched, path: str) -> None:
    server = {"version": "0.1.0", "store": "POSTGRESQL", "simulated": False}
    await watched.page.route("**/graphql", instead("server", server))
    async with watched.page.expect_response("**/graphql"):
        await watched.page.goto(path)

    await expect(watched.page.locator("#simulated")).to_be_hidden()


async def test_it_breaks_no_policy_and_asks_no_other_host(watched: Watched) -> None:
    await watched.page.goto("/")
    await expect(watched.page.locator("#coins tr")).to_have_count(len(PRICED) + 1)

    assert watched.complaints == []
    assert watched.hosts == {"127.0.0.1"}
