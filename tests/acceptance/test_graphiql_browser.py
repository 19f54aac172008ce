"""The web pages in a real Chromium that can reach 127.0.0.1 and nothing else."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import Enum
from typing import Annotated, Any
from urllib.parse import urlsplit

import pytest
import strawberry
import uvicorn
from playwright.async_api import ConsoleMessage, Page, Route, expect
from playwright.async_api import Error as PlaywrightError
from starlette.applications import Starlette
from strawberry.asgi import GraphQL

from pricegraph.pages import built_pages, page_routes
from tests.chromium import chromium

pytestmark = pytest.mark.browser

expect.set_options(timeout=30_000)  # a busy machine may take its time; what fails, fails for good

STARTER_QUERIES = list(built_pages().parent.glob("queries/*.graphql"))

SMUGGLE = """() => {
    const script = document.createElement('script');
    script.textContent = 'window.smuggled = true';
    document.body.append(script);
}"""


# ── the least server that the pages can be opened on ──


@strawberry.enum
class Interval(Enum):
    HOUR_1 = "HOUR_1"


@strawberry.type
class LatestPrice:
    price: float | None
    change24h_percent: float | None = strawberry.field(name="change24hPercent")
    observed_at: str


@strawberry.type
class Coin:
    slug: str
    symbol: str
    name: str
    rank: int | None
    price: strawberry.Private[LatestPrice | None]

    @strawberry.field
    def latest_price(self, currency: str) -> LatestPrice | None:
        return self.price


@strawberry.type
class CoinConnection:
    nodes: list[Coin]


@strawberry.input
class CoinFilter:
    tracked: bool


@strawberry.type
class Server:
    version: str
    store: str
    simulated: bool


@strawberry.type
class Run:
    id: strawberry.ID
    status: str
    tasks_total: int
    tasks_done: int
    requests: int
    rows_inserted: int


@strawberry.type
class RunConnection:
    nodes: list[Run]


@strawberry.type
class Coverage:
    expected_points: int
    actual_points: int
    completeness: float


@strawberry.type
class Point:
    time: str
    price: float | None
    origin: str


@strawberry.type
class History:
    coverage: Coverage
    points: list[Point]


@strawberry.type
class Problem:
    code: str
    message: str


@strawberry.type
class HistoryResult:
    slug: str
    history: History | None
    error: Problem | None


BITCOIN = Coin(
    slug="bitcoin",
    symbol="btc",
    name="Bitcoin",
    rank=1,
    price=LatestPrice(price=67_123.4, change24h_percent=-1.5, observed_at="2024-05-01T12:00:00Z"),
)
NEWCOIN = Coin(slug="newcoin", symbol="new", name="Newcoin", rank=None, price=None)


@strawberry.type
class Query:
    @strawberry.field
    def server(self) -> Server:
        return Server(version="0.1.0", store="TIMESCALEDB_APACHE", simulated=True)

    @strawberry.field
    def coins(self, first: int, filter: CoinFilter) -> CoinConnection:
        return CoinConnection(nodes=[BITCOIN, NEWCOIN])

    @strawberry.field
    def refresh_runs(self, first: int) -> RunConnection:
        run = Run(
            id=strawberry.ID("1"),
            status="SUCCEEDED",
            tasks_total=88,
            tasks_done=88,
            requests=90,
            rows_inserted=95_000,
        )
        return RunConnection(nodes=[run])

    @strawberry.field
    def price_history(
        self,
        coins: list[str],
        currency: str,
        from_: Annotated[str, strawberry.argument(name="from")],
        to: str,
        interval: Interval,
    ) -> list[HistoryResult]:
        points = [Point(time="2024-05-01T12:00:00Z", price=67_123.4, origin="OBSERVED")]
        history = History(coverage=Coverage(expected_points=1, actual_points=1, completeness=1), points=points)
        return [HistoryResult(slug=coin, history=history, error=None) for coin in coins]


def site() -> Starlette:
    app = Starlette(routes=page_routes(built_pages()))
    app.mount("/graphql", GraphQL[None, None](strawberry.Schema(Query), graphql_ide=None))
    return app


@pytest.fixture
async def site_url() -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(site(), ws="none", lifespan="off", log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield "http://{}:{}".format(*listener.getsockname())
        server.should_exit = True
        await serving


# ── a page, and a record of what it did ──


class Watched:
    """A page together with everything that it asked for and complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.hosts: set[str | None] = set()
        self.complaints: list[str] = []
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._note)

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


@pytest.fixture
async def watched(site_url: str) -> AsyncIterator[Watched]:
    assert (built_pages() / "index.html").is_file(), "The web pages are not built: run `make web`."
    async with chromium() as browser:
        yield Watched(await browser.new_page(base_url=site_url))


def graphql_answer(answer: dict[str, Any]) -> Callable[[Route], Awaitable[None]]:
    """For what a healthy server cannot be brought to say: answers the page's queries in its place."""
    return lambda route: route.fulfill(json=answer)


def newest_run(**fields: Any) -> dict[str, Any]:
    run = {"id": "1", "tasksTotal": 88, "tasksDone": 88, "requests": 90, "rowsInserted": 95_000, **fields}
    return {"data": {"refreshRuns": {"nodes": [run]}}}


# ── the start page ──


async def test_the_start_page_shows_the_tracked_coins_with_price_and_age(watched: Watched) -> None:
    await watched.page.goto("/")

    rows = watched.page.locator("#coins tr")
    await expect(rows).to_have_count(2)
    await expect(rows.nth(0)).to_contain_text("BTC")
    await expect(rows.nth(0)).to_contain_text("$67,123.40")
    await expect(rows.nth(0)).to_contain_text("−1.50 %")
    await expect(rows.nth(0).locator("time")).to_contain_text("ago")
    await expect(rows.nth(1)).to_contain_text("no price yet")


async def test_the_start_page_says_what_it_talks_to_and_how_a_shell_would(watched: Watched, site_url: str) -> None:
    await watched.page.goto("/")

    await expect(watched.page.locator("#version")).to_have_text("0.1.0")
    await expect(watched.page.locator("#store")).to_have_text("TimescaleDB (Apache)")
    await expect(watched.page.locator("#example")).to_contain_text(f"curl {site_url}/graphql")


@pytest.mark.parametrize("path", ["/", "/graphiql"])
async def test_simulated_prices_are_announced_on_every_page(watched: Watched, path: str) -> None:
    await watched.page.goto(path)

    await expect(watched.page.locator("#simulated")).to_be_visible()
    await expect(watched.page.locator("#simulated")).to_contain_text("Simulated data")


@pytest.mark.parametrize("path", ["/", "/graphiql"])
async def test_real_prices_are_not_called_simulated(watched: Watched, path: str) -> None:
    server = {"version": "0.1.0", "store": "POSTGRESQL", "simulated": False}
    await watched.page.route("**/graphql", graphql_answer({"data": {"server": server}}))
    async with watched.page.expect_response("**/graphql"):
        await watched.page.goto(path)

    await expect(watched.page.locator("#simulated")).to_be_hidden()


async def test_the_start_page_follows_a_refresh_until_it_ends(watched: Watched) -> None:
    page = watched.page
    await page.route("**/graphql", graphql_answer(newest_run(status="RUNNING", tasksDone=33)))
    await page.goto("/")
    await expect(page.locator("#progress")).to_contain_text("33 of 88 tasks")

    await page.route("**/graphql", graphql_answer(newest_run(status="SUCCEEDED")))

    await expect(page.locator("#last-refresh")).to_contain_text("fetched everything")
    await expect(page.locator("#progress")).to_be_hidden()


async def test_what_the_api_refuses_is_said_in_its_words_and_goes_away_once_it_answers(
    watched: Watched,
) -> None:
    page = watched.page
    await page.clock.install()
    await page.route("**/graphql", graphql_answer({"data": None, "errors": [{"message": "Send a token."}]}))
    await page.goto("/")
    for problem in ("#server-problem", "#coins-problem", "#refresh-problem"):
        await expect(page.locator(problem)).to_have_text("Send a token.")

    await page.unroute("**/graphql")
    await page.clock.fast_forward("01:00")

    await expect(page.locator("#coins tr")).to_have_count(2)
    for problem in ("#server-problem", "#coins-problem", "#refresh-problem"):
        await expect(page.locator(problem)).to_be_hidden()


async def test_an_api_that_cannot_be_reached_is_said_in_words(watched: Watched) -> None:
    await watched.page.route("**/graphql", lambda route: route.abort())
    await watched.page.goto("/")

    await expect(watched.page.locator("#coins-problem")).to_contain_text("cannot be reached")


async def test_an_answer_that_is_not_json_is_said_in_words(watched: Watched) -> None:
    await watched.page.route("**/graphql", lambda route: route.fulfill(status=502, body="<h1>Bad gateway"))
    await watched.page.goto("/")

    await expect(watched.page.locator("#coins-problem")).to_contain_text("HTTP 502")


# ── GraphiQL ──


def operation_name(query: str) -> str:
    operation = re.search(r"^(?:query|mutation) (\w+)", query, re.MULTILINE)
    assert operation, "A starter query has a name, which becomes the title of its tab."
    return operation[1]


async def open_graphiql(page: Page) -> None:
    """Waits for all three editors: until they are there, GraphiQL lets a click on its buttons pass without effect."""
    await page.goto("/graphiql")
    for pane in (".graphiql-query-editor", ".graphiql-editor-tool", ".graphiql-response"):
        await expect(page.locator(f"{pane} .monaco-editor .view-line").first).to_be_attached()
    await expect(page.locator(".graphiql-query-editor")).to_contain_text("FirstLook")


async def test_graphiql_opens_one_tab_for_each_starter_query(watched: Watched) -> None:
    await watched.page.goto("/graphiql")

    tabs = watched.page.locator(".graphiql-tab-button")
    await expect(tabs).to_have_text([operation_name(file.read_text()) for file in sorted(STARTER_QUERIES)])


async def test_graphiql_runs_the_first_tab_and_shows_the_answer(watched: Watched) -> None:
    await open_graphiql(watched.page)
    await watched.page.get_by_role("button", name="Execute query").click()

    answer = watched.page.locator(".graphiql-response")
    await expect(answer).to_contain_text('"slug": "bitcoin"')
    await expect(answer).to_contain_text('"completeness": 1')
    await expect(answer).not_to_contain_text('"errors"')


async def test_graphiql_brings_the_variables_and_headers_of_a_starter_query(watched: Watched) -> None:
    await open_graphiql(watched.page)
    await watched.page.get_by_role("tab", name="PlanARefresh").click()
    await expect(watched.page.locator(".graphiql-editor-tool")).to_contain_text('"dryRun": true')

    await watched.page.get_by_role("button", name="Headers").click()

    await expect(watched.page.locator(".graphiql-editor-tool")).to_contain_text("Bearer <token>")


async def test_graphiql_opens_the_docs_when_the_address_asks_for_them(watched: Watched) -> None:
    await watched.page.goto("/graphiql?docs")

    docs = watched.page.locator(".graphiql-doc-explorer")
    await expect(docs).to_contain_text("Query")


# ── the policy ──


async def test_the_start_page_breaks_no_policy_and_asks_no_other_host(watched: Watched) -> None:
    await watched.page.goto("/")
    await expect(watched.page.locator("#coins tr")).to_have_count(2)

    assert watched.complaints == []
    assert watched.hosts == {"127.0.0.1"}


async def test_graphiql_breaks_no_policy_and_asks_no_other_host(watched: Watched) -> None:
    """Running a query, completing a field and marking a mistake each load something of the editor's own."""
    page = watched.page
    await open_graphiql(page)
    await page.get_by_role("button", name="Execute query").click()
    await expect(page.locator(".graphiql-response")).to_contain_text("bitcoin")
    await page.locator(".graphiql-query-editor .view-line", has_text="slug").click()
    await page.keyboard.press("End")
    await page.keyboard.type(" misspelt")
    await expect(page.locator(".squiggly-error").first).to_be_visible()
    await page.keyboard.press("Control+Space")
    await expect(page.locator(".suggest-widget").first).to_be_attached()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Prettify").click()
    misspelt_alone = re.compile(r"^\s*misspelt\s*$")
    await expect(page.locator(".view-line", has_text=misspelt_alone)).to_be_visible()

    assert watched.complaints == []
    assert watched.hosts == {"127.0.0.1"}


@pytest.mark.parametrize("path", ["/", "/graphiql"])
async def test_a_script_that_was_smuggled_into_a_page_does_not_run(watched: Watched, path: str) -> None:
    await watched.page.goto(path)

    async with watched.page.expect_console_message(lambda said: "Content Security Policy" in said.text):
        await watched.page.evaluate(SMUGGLE)

    assert await watched.page.evaluate("window.smuggled") is None


async def test_the_browser_of_these_tests_reaches_no_other_host(watched: Watched) -> None:
    with pytest.raises(PlaywrightError, match="ERR_NAME_NOT_RESOLVED"):
        await watched.page.goto("http://example.com/")
