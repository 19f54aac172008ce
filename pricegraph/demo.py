"""`pricegraph demo`: database, simulator, worker and API in one process, filled while it already answers."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from db.coins import list_tracked
from db.currencies import list_currencies, series_of
from db.migrate import migrate
from db.pool import Database, open_database
from db.portfolios import PortfolioNameTaken
from db.providers import configure_budget
from db.refresh import RefreshRequest, record_refresh
from db.runs import RunRow, read_runs
from db.schedule import take_tick
from db.secrets import Vault
from db.series import Granularity
from ingest.providers.coingecko import NAME as PROVIDER
from ingest.providers.coingecko import budget_of
from ingest.schedule import REFRESH_JOB
from ingest.settings import Plan
from ingest.worker import run_worker
from pricegraph.app import create_app
from pricegraph.commands import address, end, open_port
from pricegraph.databases import worker_pool
from pricegraph.demo_portfolio import BY_HAND, EVERYTHING, add_demo_portfolios
from pricegraph.embedded import DATABASE, EmbeddedPostgres
from pricegraph.serve import listen, run_async, serving, stop_signal
from pricegraph.settings import Settings
from simulator.app import create_simulator
from simulator.settings import SimulatorSettings

# A paid plan of the simulator, so that the first fill takes seconds; COINGECKO_PLAN chooses another.
_PLAN = Plan.ANALYST
# The keys that the simulator knows.
_KEYS = {Plan.PUBLIC: None, Plan.DEMO: "CG-demo"}
_PAID_KEY = "CG-pro"
_SIMULATED = SimulatorSettings()
# Invented prices have a database of their own: they never lie beside real ones.
_SIMULATED_DATABASE = "pricegraph_simulated"


@dataclass(frozen=True)
class _Sockets:
    api: socket.socket
    simulator: socket.socket | None


def run_demo(settings: Settings, *, live: bool) -> None:
    """Run until Ctrl-C or SIGTERM, which is its regular end. With `live`, prices come from the real provider."""
    # Until the event loop takes them over, both signals end it in the same way: in good order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        _start(settings, live, Console(highlight=False, soft_wrap=True))


def _start(settings: Settings, live: bool, console: Console) -> None:
    sockets = _Sockets(open_port(settings, move_on=True), None if live else listen("127.0.0.1", 0))
    if sockets.simulator:
        settings = simulated_settings(settings, address(sockets.simulator))
    database = _SIMULATED_DATABASE if settings.ingest().simulated else DATABASE
    console.print("starting PostgreSQL …")
    with EmbeddedPostgres(settings.data_dir, database=database) as server:
        note_path(settings).unlink(missing_ok=True)
        migrate(server.url)
        settings = settings.model_copy(update=_keep_secrets(settings) | {"database_url": SecretStr(server.url)})
        run_async(_run(settings, sockets, console))


async def _run(settings: Settings, sockets: _Sockets, console: Console) -> None:
    stop = asyncio.create_task(stop_signal().wait())
    demo = asyncio.create_task(_serve(settings, sockets, console))
    await asyncio.wait([stop, demo], return_when=asyncio.FIRST_COMPLETED)
    if demo.done():
        demo.result()
    console.print("stopping … Ctrl-C again ends it at once; nothing is lost either way.")
    await end(demo)


async def _serve(settings: Settings, sockets: _Sockets, console: Console) -> None:
    """Everything, until cancelled."""
    url, ingest, ready = settings.need_database_url(), settings.ingest(), asyncio.Event()
    async with AsyncExitStack() as stack:
        if sockets.simulator:
            await stack.enter_async_context(serving(create_simulator(_SIMULATED), sockets.simulator))
        database = await stack.enter_async_context(open_database(url, worker_pool(settings)))
        async with database.transaction() as connection:
            # The worker does it too, but the very first answer has to say already whether prices are simulated.
            await configure_budget(connection, PROVIDER, budget_of(ingest), ingest.simulated)
            # The demo fills itself at every start, see `_fill`: the schedule goes on with its next tick.
            await take_tick(connection, REFRESH_JOB, datetime.now(UTC))
        await stack.enter_async_context(serving(create_app(settings, database), sockets.api))
        _write_note(settings, sockets)
        stack.callback(note_path(settings).unlink, missing_ok=True)
        _print_addresses(settings, sockets, console)
        async with asyncio.TaskGroup() as group:
            group.create_task(run_worker(database, url, ingest, ready))
            group.create_task(_fill(database, settings, ready, console))
            if sockets.simulator:
                group.create_task(_add_portfolios(database, settings, ready, console))


async def _fill(database: Database, settings: Settings, ready: asyncio.Event, console: Console) -> None:
    """Ask for what is missing, as a client would, and show how it gets on."""
    await ready.wait()
    async with database.transaction() as connection:
        coins, currencies = await list_tracked(connection), await list_currencies(connection)
        if not coins or not currencies:
            console.print("nothing to fill: PRICEGRAPH_COINS or PRICEGRAPH_CURRENCIES names none that is known")
            return
        series = series_of(coins, currencies)
        request = RefreshRequest(
            series=series,
            granularities=list(Granularity),
            history_days=settings.history_days,
            asked={"by": "demo"},
        )
        recorded = await record_refresh(connection, request, datetime.now(UTC), requested_by="demo")
    run = await _read_run(database, recorded.run_id)
    if run.finished_at is None:
        console.print(f"filling {len(coins)} coins in {len(series)} series x {settings.history_days} days …")
        run = await _show_progress(database, run, console)
    found = (
        "Everything is there to be asked for" if run.status == "SUCCEEDED" else "Coverage and gaps say what is missing"
    )
    console.print(f"refresh: {run.status.lower()}. {found}; Ctrl-C stops.")


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
    async with database.connection() as connection:
        return (await read_runs(connection, [run_id]))[run_id]


def simulated_settings(settings: Settings, simulator: str) -> Settings:
    """The settings with every provider replaced; a real key never leaves for the simulator."""
    plan = settings.coingecko_plan if "coingecko_plan" in settings.model_fields_set else _PLAN
    key = _KEYS.get(plan, _PAID_KEY)
    host = "coingecko" if plan in _KEYS else "coingecko-pro"
    return settings.model_copy(
        update={
            "coingecko_plan": plan,
            "coingecko_api_key": SecretStr(key) if key else None,
            "coingecko_url": f"{simulator}/{host}/api/v3",
            "coinbase_url": f"{simulator}/coinbase/api/v3/brokerage",
            "esplora_url": f"{simulator}/esplora/api",
        }
    )


async def _add_portfolios(database: Database, settings: Settings, ready: asyncio.Event, console: Console) -> None:
    """Once: what people make of them afterwards is theirs."""
    await ready.wait()
    vault = settings.vault()
    assert vault is not None
    with suppress(PortfolioNameTaken):
        async with database.transaction() as connection:
            now = datetime.now(UTC)
            made = await add_demo_portfolios(connection, _SIMULATED, vault, now, settings.history_days)
        if made:
            console.print(f"made the portfolios {EVERYTHING!r} and {BY_HAND!r}; the token reads them")


def _keep_secrets(settings: Settings) -> dict[str, SecretStr]:
    """What is not set is the same at every start."""
    token = settings.token or _keep(settings.data_dir / "token", lambda: f"pg_{secrets.token_urlsafe(32)}")
    key = settings.encryption_key or _keep(settings.data_dir / "encryption-key", Vault.new_key)
    return {"token": token, "encryption_key": key}


def _keep(file: Path, make: Callable[[], str]) -> SecretStr:
    if not file.exists():
        _write_private(file, make().encode())
    return SecretStr(file.read_text().strip())


def note_path(settings: Settings) -> Path:
    return settings.data_dir / "demo.json"


def _write_note(settings: Settings, sockets: _Sockets) -> None:
    """What scripts need to know; it is there while the API answers."""
    content = {
        "urls": _urls(address(sockets.api)),
        "token": settings.token.get_secret_value() if settings.token else None,
        "encryption_key": settings.encryption_key.get_secret_value() if settings.encryption_key else None,
        "database": settings.need_database_url(),
        "simulator": address(sockets.simulator) if sockets.simulator else None,
        "pid": os.getpid(),
    }
    _write_private(note_path(settings), orjson.dumps(content, option=orjson.OPT_INDENT_2))


def _write_private(file: Path, content: bytes) -> None:
    """Whole or not at all, and for its owner's eyes only: it holds a secret."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.rename(file)


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
