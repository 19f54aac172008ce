"""`pricegraph demo`, the real process: what it says, what it notes, where it listens and whom it asks."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.demo import (
    LIMIT,
    NEWEST_RUN,
    PACE,
    SERVER,
    WHOLE,
    ask,
    demo,
    folder_for_all,
    history_requests,
    note_of,
    simulated_provider,
    surroundings,
    wait_until,
)
from tests.programs import Program, call

pytestmark = pytest.mark.slow

KEY = "CG-the-real-key-of-the-tester"
REFRESH = """
mutation { refreshPrices(input: {coins: ["bitcoin"], from: "now-2d", mode: FORCE, waitSeconds: 20}) {
  outcome run { status exitCode requests } errors { code }
} }
"""

PORTFOLIOS = "{ portfolios { name } }"


@pytest.fixture
def folder() -> Iterator[Path]:
    with folder_for_all() as folder:
        yield folder


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Program, Path]]:
    """One filled demo for the tests that leave it as it is, started by somebody with a real key."""
    with folder_for_all() as folder, demo(folder, COINGECKO_API_KEY=KEY) as started:
        started.wait_for("refresh: succeeded")
        yield started, folder


@pytest.fixture
def provider() -> Iterator[str]:
    with simulated_provider() as url:
        yield url


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    """A proxy that answers nothing: a request to another host gets as far as here."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def through(trap: socket.socket) -> dict[str, str]:
    url = f"http://127.0.0.1:{trap.getsockname()[1]}"
    return {"HTTP_PROXY": url, "HTTPS_PROXY": url}


def caught(trap: socket.socket) -> str:
    """The first line of a request that would have left this machine; empty if there was none."""
    with suppress(BlockingIOError):
        connection, _ = trap.accept()
        with connection:
            connection.settimeout(LIMIT)
            return connection.recv(1000).decode().partition("\r\n")[0]
    return ""


# ── what it says ──


def test_it_prints_its_addresses_and_a_token_and_notes_them_for_its_owner_only(running: tuple[Program, Path]) -> None:
    started, folder = running

    note = note_of(folder)

    for name, url in {"start page": "start", "GraphiQL": "graphiql", "API": "graphql"}.items():
        assert re.search(rf"^{name}: +{re.escape(note['urls'][url])}$", started.output, re.MULTILINE)
        assert httpx.get(note["urls"][url], params={"query": "{ __typename }"}).status_code == 200
    assert f"token: {note['token']}\n" in started.output
    assert note["pid"] == started.process.pid
    assert httpx.get(f"{note['simulator']}/_control/log").status_code == 200
    with psycopg.connect(note["database"]) as connection:
        assert connection.execute("select count(*) > 0 from price_hourly").fetchone() == (True,)
    for file in ("demo.json", "token", "encryption-key"):
        assert (folder / file).stat().st_mode & 0o777 == 0o600


def test_the_very_first_answer_says_already_that_prices_are_simulated(folder: Path) -> None:
    """A visitor who comes while PostgreSQL starts waits for that, and is not turned away."""
    begun, port = time.monotonic(), free_port()
    with demo(folder, PRICEGRAPH_PORT=str(port)) as started:
        started.wait_for("starting PostgreSQL")
        answer = httpx.post(f"http://127.0.0.1:{port}/graphql", json={"query": SERVER}, timeout=LIMIT).json()
        print(f"the first answer came {time.monotonic() - begun:.1f} s after the start")

    assert answer["data"]["server"]["simulated"] is True


def test_the_api_answers_while_it_is_filled_and_then_has_everything(folder: Path) -> None:
    with demo(folder, **{PACE: "30"}) as started:
        started.wait_for("filling 2 coins")
        run = ask(folder, NEWEST_RUN)["refreshRuns"]["nodes"][0]
        started.wait_for("refresh: succeeded")

        assert run["tasksDone"] < run["tasksTotal"]
        assert ask(folder, WHOLE)["coin"]["coverage"]["completeness"] == 1


def test_its_token_may_refresh_and_nobody_may_without(running: tuple[Program, Path]) -> None:
    _, folder = running

    allowed = ask(folder, REFRESH, Authorization=f"Bearer {note_of(folder)['token']}")["refreshPrices"]
    refused = ask(folder, REFRESH)["refreshPrices"]

    assert allowed == {
        "outcome": "FINISHED",
        "run": {"status": "SUCCEEDED", "exitCode": 0, "requests": 1},
        "errors": [],
    }
    assert (refused["outcome"], refused["errors"]) == ("REJECTED", [{"code": "UNAUTHENTICATED"}])


def test_a_real_key_reaches_neither_the_simulator_nor_any_output_or_file(running: tuple[Program, Path]) -> None:
    started, folder = running

    requests = httpx.get(f"{note_of(folder)['simulator']}/_control/log").json()
    prices = [entry for entry in requests if entry["provider"] == "coingecko"]

    assert prices
    assert {(entry["key"], entry["status"]) for entry in prices} == {("pro", 200)}
    assert KEY not in {entry["key"] for entry in requests}
    assert KEY not in started.output
    for file in filter(Path.is_file, folder.iterdir()):
        assert KEY not in file.read_text()


# ── where it listens, and on what ──


def test_a_second_one_on_the_same_folder_is_refused_in_plain_words_and_the_first_goes_on(
    running: tuple[Program, Path],
) -> None:
    _, folder = running
    note = note_of(folder)

    second = call("demo", env=surroundings(folder))

    assert second.returncode == 2
    assert f"Another pricegraph demo is running on {folder}" in second.stderr
    assert "Traceback" not in second.stderr
    assert note_of(folder) == note
    assert ask(folder, SERVER)["server"]["simulated"] is True


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = call("demo", env=surroundings(folder, PRICEGRAPH_PORT=str(port)))

    assert refused.returncode == 2
    assert f"port {port} of 127.0.0.1 cannot be had" in refused.stderr
    assert "PRICEGRAPH_PORT" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_default_port_moves_on_to_a_free_one(folder: Path) -> None:
    with ExitStack() as stack:
        with suppress(OSError):  # somebody else has it: just as well
            stack.enter_context(socket.create_server(("127.0.0.1", 8000)))
        started = stack.enter_context(demo(folder))
        started.wait_for("token: ")

        assert not note_of(folder)["urls"]["start"].endswith(":8000/")
        assert ask(folder, SERVER)["server"]["simulated"] is True


# ── --live ──


def test_live_asks_the_provider_it_is_pointed_at_and_knows_a_simulator_by_its_address(
    folder: Path, provider: str, trap: socket.socket
) -> None:
    given = {"COINGECKO_URL": f"{provider}/coingecko/api/v3", PACE: "30", "PRICEGRAPH_HISTORY_DAYS": "3"}
    with demo(folder, "--live", **given, **through(trap)) as started:
        started.wait_for("refresh: succeeded")

        assert ask(folder, SERVER)["server"]["simulated"] is True
        assert note_of(folder)["simulator"] is None
        assert ask(folder, PORTFOLIOS, Authorization=f"Bearer {note_of(folder)['token']}") == {"portfolios": []}
    assert {entry["key"] for entry in history_requests(provider)} == {"public"}
    assert caught(trap) == ""


def test_real_prices_are_kept_apart_from_simulated_ones_and_not_called_so(folder: Path, trap: socket.socket) -> None:
    with demo(folder) as simulated:
        simulated.wait_for("refresh: succeeded")
        assert ask(folder, SERVER)["coins"]["nodes"]

    with demo(folder, "--live", COINGECKO_URL="https://provider.invalid/api/v3", **through(trap)) as live:
        live.wait_for("token: ")
        answer = ask(folder, SERVER)
        wait_until(lambda: (line := caught(trap)) and line.startswith("CONNECT provider.invalid:443"))

    assert answer == {"server": {"simulated": False}, "coins": {"nodes": []}}
