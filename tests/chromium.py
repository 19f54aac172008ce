"""A real Chromium for the browser tests, with every host but this one out of reach."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def find_chromium() -> str:
    for name in _NAMES:
        if path := shutil.which(name):
            return path
    raise FileNotFoundError(f"The browser tests need one of {', '.join(_NAMES)} on the PATH.")


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Headless, with a fresh profile that is deleted afterwards."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=_FLAGS)
        try:
            yield browser
        finally:
            await browser.close()
