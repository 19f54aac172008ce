"""What the commands do, apart from parsing their arguments."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress

import psycopg
import structlog

from db.migrate import migrate
from db.pool import open_database
from ingest.worker import run_worker
from pricegraph.app import create_app
from pricegraph.databases import open_databases, worker_pool
from pricegraph.processes import run_processes
from pricegraph.serve import keep_what_is_there, listen, run_async, serving, stop_order, stop_signal
from pricegraph.settings import Settings, SettingsError
from simulator.app import create_simulator
from simulator.settings import SimulatorSettings

log = structlog.get_logger()

DEFAULT_PORT = 8000
SIMULATOR_PORT = 8001
# A worker takes up to 20 to end its jobs.
_END_SECONDS = 30


def open_port(settings: Settings, *, move_on: bool = False) -> socket.socket:
    """The socket to listen on. A port that was asked for must be free; the default one may `move_on` to the next."""
    first = settings.port or DEFAULT_PORT
    candidates = range(first, first + (50 if move_on and settings.port is None else 1))
    for port in candidates:
        with suppress(OSError):
            return listen(settings.host, port)
    raise SettingsError(
        f"port {first} of {settings.host} cannot be had; is it taken? Set PRICEGRAPH_PORT to another one"
    )


def run_migrate(settings: Settings) -> None:
    migrate(settings.need_database_url())


def run_serve(settings: Settings, workers: int) -> None:
    """The API alone, in this process or in several that share its port."""
    settings.need_database_url()
    listener = open_port(settings)
    if workers == 1:
        run_async(_serve(settings, listener, stop_signal))
    else:
        run_processes(workers, listener, lambda own: run_async(_serve(settings, own, stop_order)))


async def _serve(settings: Settings, listener: socket.socket, stop_on: Callable[[], asyncio.Event]) -> None:
    async with (
        open_databases(settings) as (database, reads),
        serving(create_app(settings, database, reads=reads), listener),
    ):
        stop = stop_on()
        keep_what_is_there()
        log.info("serving", address=address(listener), pid=os.getpid())
        await stop.wait()


async def run_worker_alone(settings: Settings) -> None:
    """One worker; any number of them share the queue and the budget."""
    url = settings.need_database_url()
    async with open_database(url, worker_pool(settings)) as database:
        worker = asyncio.create_task(run_worker(database, url, settings.ingest(), asyncio.Event()))
        stop = asyncio.create_task(stop_signal().wait())
        log.info("working", pid=os.getpid())
        await asyncio.wait([worker, stop], return_when=asyncio.FIRST_COMPLETED)
        if worker.done():
            worker.result()
        await end(worker)


async def run_simulator(port: int, seed: int) -> None:
    """The providers on 127.0.0.1, invented but consistent."""
    listener = listen("127.0.0.1", port)
    async with serving(create_simulator(SimulatorSettings(seed=seed)), listener):
        stop = stop_signal()
        log.info(
            "simulating",
            COINGECKO_URL=f"{address(listener)}/coingecko/api/v3",
            COINBASE_EXCHANGE_URL=f"{address(listener)}/coinbase-exchange",
            COINPAPRIKA_URL=f"{address(listener)}/coinpaprika/v1",
            COINBASE_URL=f"{address(listener)}/coinbase/api/v3/brokerage",
            ESPLORA_URL=f"{address(listener)}/esplora/api",
        )
        await stop.wait()


async def end(task: asyncio.Task[None]) -> None:
    """Cancel and wait; the worker ends the batch it is at. What does not end is cancelled once more with its loop."""
    task.cancel()
    await asyncio.wait([task], timeout=_END_SECONDS)
    if task.done():
        with suppress(asyncio.CancelledError, psycopg.Error):
            task.result()


def address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
