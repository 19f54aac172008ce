"""Real servers: every test that takes `database_url` runs on TimescaleDB and on the embedded PostgreSQL."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
from psycopg import sql

from db.migrate import migrate
from db.pool import Database, PoolSettings, open_database
from pricegraph.pages import built_pages
from tests.chromium import find_chromium
from tests.postgres_servers import embedded_replica, embedded_server
from tests.replica import Replica, ReplicaServer, catch_up
from tests.timescaledb import NoTimescaleDB, runs_in_chroot, timescaledb_server
from tests.timescaledb_chroot import chroot_replica
from tests.world import World, open_world

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("pricegraph", deadline=None)
hypothesis.settings.load_profile("pricegraph")

TYPESCRIPT = Path(__file__).parents[1] / "clients" / "typescript"
_TEMPLATE = "pricegraph_template"
_numbers = count(1)
_stack = ExitStack()
_remarks: list[str] = []


@cache
def _servers() -> dict[str, str]:
    """Admin URLs by name, each server with a migrated template; started once, for the whole session."""
    servers = {"postgresql": _stack.enter_context(embedded_server())}
    try:
        servers["timescaledb"] = _stack.enter_context(timescaledb_server())
    except NoTimescaleDB as reason:
        _remark(f"NO TIMESCALEDB, the tests ran on plain PostgreSQL only: {reason}")
    for url in servers.values():
        _recreate(url, _TEMPLATE)
        migrate(_url_of(url, _TEMPLATE))
    return servers


def _remark(text: str) -> None:
    """Something that did not run: loud at the end, and the end of it under CI."""
    if os.environ.get("CI"):
        pytest.exit(text, returncode=1)
    _remarks.append(text)


def _recreate(admin_url: str, name: str, template: str = "template0") -> None:
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        connection.execute(
            sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
        )


def _drop(admin_url: str, name: str) -> None:
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def _url_of(admin_url: str, name: str) -> str:
    """The same server, another database; as a URL, for that is what users give."""
    parts = psycopg.conninfo.conninfo_to_dict(admin_url)
    host, port, user = parts.get("host", ""), parts.get("port", 5432), parts.get("user", "postgres")
    if str(host).startswith("/"):
        return f"postgresql://{user}@/{name}?host={host}&port={port}"
    password = f":{parts['password']}" if parts.get("password") else ""
    return f"postgresql://{user}{password}@{host}:{port}/{name}"


@contextmanager
def _fresh(admin_url: str, template: str) -> Iterator[str]:
    name = f"pricegraph_test_{os.getpid()}_{next(_numbers)}"
    _recreate(admin_url, name, template)
    try:
        yield _url_of(admin_url, name)
    finally:
        _drop(admin_url, name)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One run per store for whatever stands on `admin_url`; only the first one where the store makes no difference."""
    if "admin_url" in metafunc.fixturenames:
        servers = _servers()
        alone = "replica" in metafunc.fixturenames and not runs_in_chroot()
        if alone or metafunc.definition.get_closest_marker("one_store"):
            servers = {"postgresql": servers["postgresql"]}
        metafunc.parametrize("admin_url", list(servers.values()), ids=list(servers), indirect=True)


@pytest.hookimpl(trylast=True)  # what -m leaves out needs nothing
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that need what this machine lacks are named, not silently skipped."""
    for mark, find_reason in (("browser", _no_browser), ("npm", _no_npm)):
        needy = [item for item in items if item.get_closest_marker(mark)]
        if needy and (reason := find_reason()):
            _remark(f"{len(needy)} {mark.upper()} TESTS DID NOT RUN: {reason}")
            config.hook.pytest_deselected(items=needy)
            items[:] = [item for item in items if item not in needy]


def _no_browser() -> str | None:
    try:
        find_chromium()
    except FileNotFoundError as error:
        return str(error)
    return None if built_pages().exists() else "the web pages are not built; `make web` needs Node.js with npm"


def _no_npm() -> str | None:
    if shutil.which("npm") is None:
        return "npm is not on the PATH"
    return (
        None if (TYPESCRIPT / "node_modules").exists() else "the TypeScript client is not installed; run `make clients`"
    )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With several processes, what they have to remark is told by the one that has the terminal."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["remarks"] = _remarks


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    _remarks.extend(remark for remark in node.workeroutput["remarks"] if remark not in _remarks)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for remark in _remarks:
        terminalreporter.write_line(f"!!! {remark}", red=True, bold=True)


def pytest_unconfigure() -> None:
    _stack.close()


@pytest.fixture
def admin_url(request: pytest.FixtureRequest) -> str:
    """A superuser's URL of the server under test."""
    return str(request.param)


@pytest.fixture
def empty_database_url(admin_url: str) -> Iterator[str]:
    """A database without any table."""
    with _fresh(admin_url, "template0") as url:
        yield url


@pytest.fixture
def database_url(admin_url: str) -> Iterator[str]:
    """A migrated database of the test's own."""
    with _fresh(admin_url, _TEMPLATE) as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    # More patient than the shipped pool: tests ask for a hundred connections at once, on machines that are busy.
    async with open_database(database_url, PoolSettings(max_size=12, wait=30)) as database:
        yield database


@pytest.fixture
async def world(database: Database, database_url: str) -> AsyncIterator[World]:
    """A migrated database, the simulator on a real socket, and time that only passes when somebody sleeps."""
    async with open_world(database, database_url) as world:
        yield world


@pytest.fixture(scope="module")
def replica_server_of() -> Iterator[Callable[[str], ReplicaServer]]:
    """By the primary's admin URL; for one module's tests, since it replays whatever is done to the primary."""
    with ExitStack() as stack:

        @cache
        def start(admin_url: str) -> ReplicaServer:
            embedded = admin_url == _servers()["postgresql"]
            return stack.enter_context((embedded_replica if embedded else chroot_replica)(admin_url))

        yield start


@pytest.fixture
async def replica(
    admin_url: str, database_url: str, database: Database, replica_server_of: Callable[[str], ReplicaServer]
) -> AsyncIterator[Replica]:
    """The test's database and its streaming replica, caught up."""
    server = replica_server_of(admin_url)
    url = _url_of(server.url, str(psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]))
    await catch_up(database, server)
    async with open_database(url, PoolSettings(wait=0.5, read_only=True)) as reads:
        replica = Replica(database, reads, url, server)
        yield replica
    await replica.resume()
