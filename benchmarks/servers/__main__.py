"""A peer as a process: `python -m benchmarks.servers <module> <database url> <port>`."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module

import uvicorn
from starlette.applications import Starlette

from benchmarks.servers.prices import open_prices


def main(name: str, url: str, port: str) -> None:
    peer = import_module(f"benchmarks.servers.{name}")  # one of them may not be installed

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_prices(url) as prices:
            app.state.prices = prices
            yield

    uvicorn.run(peer.make_app(lifespan), host="127.0.0.1", port=int(port), access_log=False, log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
