"""The command line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from db.pool import open_database
from db.providers import MixedPrices
from db.secrets import SecretUnreadable
from db.store import TimescaleTooOld
from db.tokens import Scope, TokenNameTaken, create_token, list_tokens, revoke_token
from pricegraph import VERSION, commands, imports, keys
from pricegraph.demo import run_demo
from pricegraph.doctor.command import run_doctor
from pricegraph.doctor.connection import explain_connection
from pricegraph.embedded import EmbeddedPostgresError
from pricegraph.logs import configure_logging
from pricegraph.psql import NoPsql, run_psql
from pricegraph.refresh_client import RefreshFailed, refresh
from pricegraph.running_demo import with_running_demo
from pricegraph.serve import run_async
from pricegraph.settings import SettingsError, read_settings
from pricegraph.tracking_client import track

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
token_app = typer.Typer(no_args_is_help=True)
app.add_typer(token_app, name="token", help="Tokens that clients need for changes.")
app.add_typer(keys.app, name="keys", help="Keys that encrypt the keys of accounts.")
app.add_typer(imports.app, name="import", help="Files into the database.")

_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)
_USAGE = 2
_EXPECTED = (
    SettingsError,
    EmbeddedPostgresError,
    TimescaleTooOld,
    TokenNameTaken,
    MixedPrices,
    NoPsql,
    SecretUnreadable,
)
# 128 + SIGINT, as shells have it.
_INTERRUPTED = 130


def main() -> None:
    """Run a command; an expected failure is one line and an exit code."""
    configure_logging()
    try:
        app()
    except _EXPECTED as error:
        _fail(str(error), _USAGE)
    except RefreshFailed as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        raise SystemExit(_INTERRUPTED) from None
    except psycopg.OperationalError as error:
        finding = explain_connection(error)
        _fail(f"the database {finding.found}; {finding.advice}", 1)


def _print_version(wanted: bool) -> None:
    if wanted:
        _out.print(VERSION)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Crypto prices over GraphQL, on your own machine."""


@app.command()
def demo(
    live: Annotated[bool, typer.Option("--live", help="Real prices from CoinGecko; no key is needed.")] = False,
) -> None:
    """Database, worker and API in one process, filled with simulated prices."""
    run_demo(read_settings(), live=live)


@app.command()
def serve(
    workers: Annotated[
        int, typer.Option(min=1, max=256, help="Processes that share the port; more than cores bring nothing.")
    ] = 1,
) -> None:
    """The API."""
    commands.run_serve(read_settings(), workers)


@app.command()
def worker() -> None:
    """One worker: takes refresh tasks from the queue. Start as many as you like."""
    run_async(commands.run_worker_alone(read_settings()))


@app.command()
def migrate() -> None:
    """Create the tables, or bring them up to date. Safe to run at any time."""
    commands.run_migrate(read_settings())
    _out.print("the database is up to date")


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON, for monitoring.")] = False,
) -> None:
    """Look for what is wrong with this installation, and say what to do. Changes nothing.

    0 nothing is, but for warnings; 1 at least one problem.
    """
    raise typer.Exit(run_doctor(_out, as_json=as_json))


@app.command(context_settings={"ignore_unknown_options": True})
def psql(
    arguments: Annotated[list[str] | None, typer.Argument(help="For psql, such as  -- -c 'select 1'")] = None,
) -> None:
    """psql on the database of DATABASE_URL, else on that of the demo that runs."""
    run_psql(read_settings(), arguments or [])


@app.command()
def simulate(
    port: Annotated[int, typer.Option(help="Port of 127.0.0.1.")] = commands.SIMULATOR_PORT,
    seed: Annotated[int, typer.Option(help="Another seed, other prices.")] = 1,
) -> None:
    """CoinGecko as a local server with invented prices, for trials and tests."""
    run_async(commands.run_simulator(port, seed))


@app.command("refresh")
def refresh_command(
    coin: Annotated[list[str] | None, typer.Option(help="Slug; may be repeated. Left out: all tracked coins.")] = None,
    currency: Annotated[list[str] | None, typer.Option(help="Code; may be repeated. Left out: all.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="First instant, such as now-7d.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="First instant after; now unless given.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Fetch again what is there.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost and start nothing.")] = False,
    key: Annotated[str | None, typer.Option("--idempotency-key", help="The same key answers the same run.")] = None,
) -> None:
    """Ask the server at PRICEGRAPH_URL, else the demo that runs, for a refresh, wait, and end with its exit code.

    0 all fetched, 1 some tasks failed, 2 all failed or refused, 75 try later.
    """
    settings = with_running_demo(read_settings())
    given: dict[str, Any] = {"coins": coin, "currencies": currency, "from": start, "to": end, "idempotencyKey": key}
    request = {name: value for name, value in given.items() if value is not None}
    request |= {"mode": "FORCE" if force else "MISSING", "dryRun": dry_run}
    token = settings.token.get_secret_value() if settings.token else None
    raise typer.Exit(refresh(settings.url, token, request, _out))


Slugs = Annotated[list[str], typer.Argument(help="Such as bitcoin; one or more.")]


@app.command("track")
def track_command(slugs: Slugs) -> None:
    """Ask the server of `pricegraph refresh` to refresh these coins from now on; their history comes by itself.

    0 all, 1 some, 2 none or refused, 75 try later.
    """
    _track(slugs, tracked=True)


@app.command("untrack")
def untrack_command(slugs: Slugs) -> None:
    """Ask the server of `pricegraph refresh` to refresh these coins no more; what is stored stays.

    0 all, 1 some, 2 none or refused, 75 try later.
    """
    _track(slugs, tracked=False)


def _track(slugs: list[str], *, tracked: bool) -> None:
    settings = with_running_demo(read_settings())
    token = settings.token.get_secret_value() if settings.token else None
    raise typer.Exit(track(settings.url, token, slugs, tracked, _out))


@token_app.command("create")
def token_create(
    name: Annotated[str, typer.Argument(help="What it is for; unique.")],
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may do besides reading; may be repeated.")] = None,
    owner: Annotated[
        str | None, typer.Option(help="Whose portfolios it is for; left out: an owner called like the token.")
    ] = None,
) -> None:
    """Make a token and print it. It is shown only this once."""
    if not name.strip():
        _fail("a token needs a name, such as the program that is to use it", _USAGE)
    if owner is not None and not owner.strip():
        _fail("an owner needs a name; leave --owner out for one called like the token", _USAGE)
    now = datetime.now(UTC)
    _out.print(_with_database(lambda connection: create_token(connection, name, scope or [], now, owner)))


@token_app.command("list")
def token_list() -> None:
    """The tokens, without their values; of the demo that runs when DATABASE_URL is not set."""
    table = Table("name", "owner", "scopes", "created", "revoked")
    for row in _with_database(list_tokens):
        revoked = row.revoked_at.isoformat(timespec="seconds") if row.revoked_at else ""
        created = row.created_at.isoformat(timespec="seconds")
        table.add_row(row.name, row.owner, " ".join(row.scopes), created, revoked)
    _out.print(table)


@token_app.command("revoke")
def token_revoke(name: Annotated[str, typer.Argument(help="As it was created.")]) -> None:
    """End a token, at once and for good."""
    if not _with_database(lambda connection: revoke_token(connection, name, datetime.now(UTC))):
        _fail(f"no live token is named {name!r}; `pricegraph token list` shows them", _USAGE)
    _out.print("revoked")


def _with_database(act: Callable[[Any], Any]) -> Any:
    settings = with_running_demo(read_settings())

    async def run() -> Any:
        async with open_database(settings.need_database_url()) as database, database.connection() as connection:
            return await act(connection)

    return asyncio.run(run())


def _fail(message: str, code: int) -> None:
    _err.print(f"pricegraph: {message}")
    raise SystemExit(code)
