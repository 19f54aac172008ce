"""One server and one Chromium for the package; a page with a fresh profile for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.chromium import chromium
from tests.site import Watched, open_site

expect.set_options(timeout=30_000)  # a busy machine may take its time; what fails, fails for good


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def site_url() -> AsyncIterator[str]:
    async with open_site() as url:
        yield url


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="package")
async def watched(browser: Browser, site_url: str) -> AsyncIterator[Watched]:
    async with await browser.new_context(base_url=site_url) as context:
        page = await context.new_page()
        yield Watched(page)
        # The page asks again and again: a route that is being answered when it goes would fail the next test.
        await page.unroute_all(behavior="wait")
