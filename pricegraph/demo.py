"""`pricegraph demo`: database, simulator, worker and API in one process, filled while it already answers."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from db.coins import list_tracked
from db.currencies import list_currencies
from db.migrate import migrate
from db.pool import Database, open_database
from db.refresh import RefreshRequest, record_refresh
from db.runs import RunRow, read_runs
from db.series import Granularity, Series
from ingest.settings import Plan
from ingest.worker import run_worker
from pricegraph.app import create_app
from pricegraph.commands import WORKER_POOL, address, end, open_port
from pricegraph.embedded import EmbeddedPostgres
from pricegraph.serve import listen, serving, until_signal
from pricegraph.settings import Settings
from simulator.app import create_simulator
from simulator.settings import SimulatorSettings

# A paid plan of the simulator, so that the first fill takes seconds; COINGECKO_PLAN chooses another.
_PLAN = Plan.ANALYST
# The keys that the simulator knows.
_KEYS = {Plan.PUBLIC: None, Plan.DEMO: "CG-demo"}
_PAID_KEY = "CG-pro"


@dataclass(frozen=True)
class _Sockets:
    api: socket.socket
    simulator: socket.socket | None


def run_demo(settings: Settings, *, live: bool) -> None:
    """Run until Ctrl-C or SIGTERM. With `live`, prices come from the real provider."""
    console = Console(highlight=False, soft_wrap=True)
    sockets = _Sockets(open_port(settings, move_on=True), None if live else listen("127.0.0.1", 0))
    console.print("starting PostgreSQL …")
    with EmbeddedPostgres(settings.data_dir) as server:
        migrate(server.url)
        token = settings.token or SecretStr(_keep_token(settings.data_dir))
        settings = settings.model_copy(update={"token": token, "database_url": SecretStr(server.url)})
        if sockets.simulator:
            settings = _simulated(settings, address(sockets.simulator))
        asyncio.run(_run(settings, sockets, console))


async def _run(settings: Settings, sockets: _Sockets, console: Console) -> None:
    url = settings.need_database_url()
    async with AsyncExitStack() as stack:
        if sockets.simulator:
            await stack.enter_async_context(serving(create_simulator(SimulatorSettings()), sockets.simulator))
        database = await stack.enter_async_context(open_database(url, WORKER_POOL))
        ready = asyncio.Event()
        worker = asyncio.create_task(run_worker(database, url, settings.ingest(), ready))
        stack.push_async_callback(end, worker)
        await stack.enter_async_context(serving(create_app(settings, database), sockets.api))
        note = _write_note(settings, sockets)
        stack.callback(note.unlink, missing_ok=True)
        _print_addresses(settings, sockets, console)
        fill = asyncio.create_task(_fill(database, settings, ready, console))
        stack.callback(fill.cancel)
        stop = asyncio.create_task(until_signal())
        await asyncio.wait([stop, worker], return_when=asyncio.FIRST_COMPLETED)
        if worker.done():
            worker.result()
        console.print("stopping …")


async def _fill(database: Database, settings: Settings, ready: asyncio.Event, console: Console) -> None:
    """Ask for what is missing, as a client would, and show how it gets on."""
    await ready.wait()
    async with database.transaction() as connection:
        coins, currencies = await list_tracked(connection), await list_currencies(connection)
        request = RefreshRequest(
            series=[Series(coin.id, currency.id) for coin in coins for currency in currencies],
            granularities=list(Granularity),
            history_days=settings.history_days,
            asked={"by": "demo"},
        )
        recorded = await record_refresh(connection, request, datetime.now(UTC), requested_by="demo")
    run = await _read_run(database, recorded.run_id)
    if run.finished_at is None:
        console.print(f"filling {len(coins)} coins x {len(currencies)} currencies x {settings.history_days} days …")
        run = await _show_progress(database, run, console)
    console.print(f"refresh: {run.status.lower()}. Everything is there to be asked for; Ctrl-C stops.")


async def _show_progress(database: Database, run: RunRow, console: Console) -> RunRow:
    columns = (TextColumn("requests"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=run.tasks_total)
        told = 0
        while run.finished_at is None:
            await asyncio.sleep(0.5)
            run = await _read_run(database, run.id)
            done = run.tasks_total - run.tasks_open
            progress.update(bar, completed=done)
            if not console.is_terminal and (quarter := done * 4 // run.tasks_total) > told:
                told = quarter
                console.print(f"{done} of {run.tasks_total} requests done")
    return run


async def _read_run(database: Database, run_id: int) -> RunRow:
    async with database.engine.connect() as connection:
        return (await read_runs(connection, [run_id]))[run_id]


def _simulated(settings: Settings, simulator: str) -> Settings:
    """The settings with the provider replaced; a real key never leaves for the simulator."""
    plan = settings.coingecko_plan if "coingecko_plan" in settings.model_fields_set else _PLAN
    key = _KEYS.get(plan, _PAID_KEY)
    host = "coingecko" if plan in _KEYS else "coingecko-pro"
    return settings.model_copy(
        update={
            "coingecko_plan": plan,
            "coingecko_api_key": SecretStr(key) if key else None,
            "coingecko_url": f"{simulator}/{host}/api/v3",
        }
    )


def _keep_token(data_dir: Path) -> str:
    """The same token at every start, readable by its owner only."""
    file = data_dir / "token"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text("pg_" + secrets.token_urlsafe(32))
    return file.read_text().strip()


def _write_note(settings: Settings, sockets: _Sockets) -> Path:
    """`demo.json`: what scripts need to know; it holds the token, so only its owner may read it."""
    note = settings.data_dir / "demo.json"
    note.touch(mode=0o600)
    content = {
        "urls": _urls(address(sockets.api)),
        "token": settings.token.get_secret_value() if settings.token else None,
        "database": settings.need_database_url(),
        "simulator": address(sockets.simulator) if sockets.simulator else None,
        "pid": os.getpid(),
    }
    note.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    return note


def _urls(api: str) -> dict[str, str]:
    return {"start": f"{api}/", "graphiql": f"{api}/graphiql", "graphql": f"{api}/graphql"}


def _print_addresses(settings: Settings, sockets: _Sockets, console: Console) -> None:
    urls = _urls(address(sockets.api))
    console.print(f"start page: {urls['start']}")
    console.print(f"GraphiQL:   {urls['graphiql']}")
    console.print(f"API:        {urls['graphql']}")
    if settings.token:
        console.print(f"token: {settings.token.get_secret_value()}")
    if sockets.simulator:
        console.print("The prices are simulated. Real ones, without a key: pricegraph demo --live")
