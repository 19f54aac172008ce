"""The demo as a real process, with what it notes and what it leaves behind."""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from tests.programs import Program, environment, program

LIMIT = 90.0  # seconds for what the kernel, PostgreSQL and the queue do on their own; a dead worker's jobs take 40
PACE = "COINGECKO_CALLS_PER_MINUTE"
NEWEST_RUN = "{ refreshRuns(first: 1) { nodes { status tasksDone tasksTotal } } }"
WHOLE = '{ coin(slug: "ethereum") { coverage(currency: "usd", granularity: HOURLY) { completeness } } }'
SERVER = "{ server { simulated } coins(first: 5) { nodes { slug } } }"


@contextmanager
def folder_for_all() -> Iterator[Path]:
    """Open to the user whom root lets run the server, which pytest's own folders are not."""
    with tempfile.TemporaryDirectory(prefix="pricegraph-tests-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def surroundings(folder: Path, **given: str) -> dict[str, str]:
    """Few series; and for whatever would leave this machine a proxy that is not there."""
    small = {
        "PRICEGRAPH_COINS": "bitcoin,ethereum",
        "PRICEGRAPH_CURRENCIES": "usd",
        "PRICEGRAPH_RATE_CURRENCIES": "off",
    }
    alone = {"ALL_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    return environment(**{"PRICEGRAPH_DATA_DIR": str(folder), **small, **alone, **given})


@contextmanager
def demo(folder: Path, *options: str, **given: str) -> Iterator[Program]:
    with program("demo", *options, env=surroundings(folder, **given)) as started:
        yield started


def note_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "demo.json").read_text())
    return found


def ask(folder: Path, query: str, **headers: str) -> dict[str, Any]:
    """The data of a request in which nothing went wrong."""
    url = note_of(folder)["urls"]["graphql"]
    body = httpx.post(url, json={"query": query}, headers=headers, timeout=30).json()
    assert "errors" not in body, body
    data: dict[str, Any] = body["data"]
    return data


def wait_until(holds: Callable[[], object]) -> None:
    give_up = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < give_up, "it did not come about"
        time.sleep(0.02)


def parent_of(process: Path) -> int:
    return int((process / "stat").read_text().rpartition(")")[2].split()[1])


def family_of(pid: int) -> set[int]:
    """The process with its children, and theirs."""
    parents: dict[int, int] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parents[int(process.name)] = parent_of(process)
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path("/proc", str(pid)).exists()}


@contextmanager
def simulated_provider() -> Iterator[str]:
    """A simulator of its own, which outlives the demo; its address."""
    with program("simulate", "--port", "0", env=environment()) as simulator:
        found = re.search(r"http://127\.0\.0\.1:\d+", simulator.wait_for("COINGECKO_URL"))
        assert found is not None
        yield found[0]


def history_requests(provider: str) -> list[dict[str, Any]]:
    entries = httpx.get(f"{provider}/_control/log").json()
    return [entry for entry in entries if "market_chart" in entry["path"]]
