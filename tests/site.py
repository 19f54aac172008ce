"""The real server, filled once, for all browser tests: they look at it and change nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from playwright.async_api import ConsoleMessage, Page
from pydantic import SecretStr

from db.migrate import migrate
from db.pool import open_database
from pricegraph.app import create_app
from pricegraph.commands import address
from pricegraph.serve import listen, serving
from pricegraph.settings import read_settings
from tests.postgres_servers import embedded_server
from tests.world import open_world

# Those that the starter queries name, and one that stays without a price.
PRICED = ("bitcoin", "ethereum", "solana", "cardano", "dogecoin")
PRICELESS = "tether"
CURRENCIES = ("usd", "eur")
DAYS = 31
TOKEN = "the-operator-s-own-token"


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


@asynccontextmanager
async def open_site() -> AsyncIterator[str]:
    """The address of a server on the embedded PostgreSQL alone: a page shows the same on every store."""
    with embedded_server() as url:
        migrate(url)
        async with open_database(url) as database, open_world(database, url) as world:
            await world.know((*PRICED, PRICELESS), CURRENCIES)
            run = await world.refresh(coins=PRICED, history_days=DAYS)
            assert run.status == "SUCCEEDED"
            app = create_app(read_settings(token=SecretStr(TOKEN)), database, world.clock.now)
            listener = listen("127.0.0.1", 0)
            async with serving(app, listener):
                yield address(listener)
