"""GraphiQL in a real Chromium, on the real server: every starter tab, as a newcomer meets it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, Response, expect

from pricegraph.pages import built_pages
from tests.site import TOKEN, Watched

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

STARTER_QUERIES = sorted(built_pages().parent.glob("queries/*.graphql"))
SMUGGLE = """() => {
    const script = document.createElement('script');
    script.textContent = 'window.smuggled = true';
    document.body.append(script);
}"""


def operation_name(query: Path) -> str:
    operation = re.search(r"^(?:query|mutation) (\w+)", query.read_text(), re.MULTILINE)
    assert operation, "A starter query has a name, which becomes the title of its tab."
    return operation[1]


TABS = [operation_name(query) for query in STARTER_QUERIES]
NEEDING_A_TOKEN = ("PlanARefresh", "NetWorth")
READING = [tab for tab in TABS if tab not in NEEDING_A_TOKEN]


async def open_graphiql(page: Page, tab: str = TABS[0]) -> None:
    """Waits for all three editors: until they are there, GraphiQL lets a click on its buttons pass without effect."""
    await page.goto("/graphiql")
    for pane in (".graphiql-query-editor", ".graphiql-editor-tool", ".graphiql-response"):
        await expect(page.locator(f"{pane} .monaco-editor .view-line").first).to_be_attached()
    await page.get_by_role("tab", name=tab).click()
    await expect(page.locator(".graphiql-query-editor")).to_contain_text(tab)
    # GraphiQL reads the operation's name a moment after the text has changed, and shows nowhere that it has.
    await page.wait_for_timeout(1_000)


async def execute(page: Page, tab: str) -> dict[str, Any]:
    """Press the button; the whole answer, of which the editor shows only what fits."""

    def is_answer(response: Response) -> bool:
        return f" {tab}" in (response.request.post_data or "")

    async with page.expect_response(is_answer) as answered:
        await page.get_by_role("button", name="Execute query").click()
    answer: dict[str, Any] = await (await answered.value).json()
    return answer


async def open_headers(page: Page) -> None:
    await page.get_by_role("button", name="Headers").click()
    await page.locator(".graphiql-editor-tool .view-line", has_text="Bearer").click()


async def put_token(page: Page, token: str) -> None:
    """In place of the example's, as someone at the keyboard does; the caret comes to stand at the end of the line."""
    await open_headers(page)
    await page.keyboard.press("End")
    await page.keyboard.press("ArrowLeft")
    for _ in "<token>":
        await page.keyboard.press("Backspace")
    await page.keyboard.insert_text(token)
    await expect(page.locator(".graphiql-editor-tool .view-line", has_text=f'{token}"')).to_be_visible()


def failures(answer: object) -> Iterator[object]:
    """Every `error` or `errors`, however deep, that is not empty."""
    if isinstance(answer, dict):
        yield from (value for name, value in answer.items() if name in ("error", "errors") and value)
        for value in answer.values():
            yield from failures(value)
    if isinstance(answer, list):
        for value in answer:
            yield from failures(value)


async def test_it_opens_one_tab_for_each_starter_query(watched: Watched) -> None:
    await watched.page.goto("/graphiql")

    await expect(watched.page.locator(".graphiql-tab-button")).to_have_text(TABS)


@pytest.mark.parametrize("tab", READING)
async def test_a_starter_tab_gives_data_without_an_error(watched: Watched, tab: str) -> None:
    await open_graphiql(watched.page, tab)

    answer = await execute(watched.page, tab)

    assert list(failures(answer)) == []
    assert all(answer["data"].values())
    shown = watched.page.locator(".graphiql-response")
    await expect(shown).to_contain_text('"data"')
    await expect(shown).to_contain_text(f'"{next(iter(answer["data"]))}"')


async def test_the_first_tab_shows_a_day_without_a_hole(watched: Watched) -> None:
    await open_graphiql(watched.page)

    answer = await execute(watched.page, TABS[0])

    coverages = [result["history"]["coverage"] for result in answer["data"]["priceHistory"]]
    assert [(coverage["expectedPoints"], coverage["completeness"]) for coverage in coverages] == [(24, 1)] * 3
    await expect(watched.page.locator(".graphiql-response")).to_contain_text('"slug": "bitcoin"')


async def test_planning_a_refresh_works_once_the_token_is_put_into_headers(watched: Watched) -> None:
    await open_graphiql(watched.page, "PlanARefresh")
    await expect(watched.page.locator(".graphiql-editor-tool")).to_contain_text('"dryRun": true')
    await put_token(watched.page, TOKEN)

    plan = (await execute(watched.page, "PlanARefresh"))["data"]["refreshPrices"]

    assert (plan["outcome"], plan["run"], plan["errors"]) == ("PLANNED", None, [])
    assert plan["estimate"]["requests"] > 0
    await expect(watched.page.locator(".graphiql-response")).to_contain_text('"outcome": "PLANNED"')


async def test_planning_a_refresh_with_the_examples_token_is_refused_with_a_code(watched: Watched) -> None:
    await open_graphiql(watched.page, "PlanARefresh")

    answer = await execute(watched.page, "PlanARefresh")

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]
    await expect(watched.page.locator(".graphiql-response")).to_contain_text("UNAUTHENTICATED")


async def test_planning_a_refresh_without_any_token_is_refused_with_a_code(watched: Watched) -> None:
    await open_graphiql(watched.page, "PlanARefresh")
    await open_headers(watched.page)
    await watched.page.keyboard.press("Control+A")
    await watched.page.keyboard.press("Delete")

    answer = await execute(watched.page, "PlanARefresh")

    assert [error["code"] for error in answer["data"]["refreshPrices"]["errors"]] == ["UNAUTHENTICATED"]
    await expect(watched.page.locator(".graphiql-response")).to_contain_text("UNAUTHENTICATED")


async def test_net_worth_is_told_once_the_token_is_put_into_headers(watched: Watched) -> None:
    await open_graphiql(watched.page, "NetWorth")
    await put_token(watched.page, TOKEN)

    answer = await execute(watched.page, "NetWorth")

    assert answer == {"data": {"portfolios": []}}


@pytest.mark.parametrize("tab", NEEDING_A_TOKEN)
async def test_a_tab_that_needs_a_token_brings_a_header_to_put_it_into(watched: Watched, tab: str) -> None:
    await open_graphiql(watched.page, tab)

    await watched.page.get_by_role("button", name="Headers").click()

    await expect(watched.page.locator(".graphiql-editor-tool")).to_contain_text("Bearer <token>")


async def test_it_opens_the_docs_when_the_address_asks_for_them(watched: Watched) -> None:
    await watched.page.goto("/graphiql?docs")

    docs = watched.page.locator(".graphiql-doc-explorer")
    await expect(docs).to_contain_text("Query")


async def test_it_breaks_no_policy_and_asks_no_other_host(watched: Watched) -> None:
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
