"""Whether `pricegraph serve --workers` scales with the cores.

Client and PostgreSQL share the machine, so requests per second alone cannot tell. What scales costs the same processor
time per request however many workers there are, and leaves no processor idle.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.beside_refresh import CONNECTIONS
from benchmarks.cases import Case
from benchmarks.client import Client, Request
from benchmarks.cpu import cpu_seconds
from benchmarks.dialects import PricegraphQL
from benchmarks.processes import PRICEGRAPH, Running, free_port, program

_ROUNDS = 3
_WARM_UP = 0.2  # share of a turn: each worker has a cache of its own


@dataclass(frozen=True)
class Load:
    """One turn without pause. Processor time in seconds per request; `busy` is the share of all processors (0 to 1),
    whoever kept them so.
    """

    workers: int
    requests_per_second: float
    serve: float
    postgres: float | None
    client: float
    busy: float


@dataclass(frozen=True)
class Scaling:
    """Medians of the turns with so many workers. `ratio` is of requests per second, to those with one worker.

    `at_most` is that ratio if one more request cost what it costs with one worker and no processor were ever idle; None
    where PostgreSQL's processor time is not known.
    """

    median: Load
    ratio: float
    at_most: float | None


def worker_counts(cores: int) -> list[int]:
    """Powers of two up to the number of cores; 1 and 2 at least."""
    return [1 << power for power in range(max(2, cores.bit_length()))]


def measure_workers(url: str, case: Case, seconds: float, postmaster: int | None) -> list[Load]:
    """Rounds in which every number of workers has its turn, so that whatever the machine does befalls them all."""
    request = PricegraphQL().ask(case.question)
    with _all_started(url, worker_counts(os.cpu_count() or 1)) as servers:
        return [
            _turn(count, server, request, seconds, postmaster)
            for _ in range(_ROUNDS)
            for count, server in servers.items()
        ]


def compare_workers(loads: Sequence[Load], cores: int) -> list[Scaling]:
    """One for each number of workers."""
    if not loads:
        return []
    medians = [_median([load for load in loads if load.workers == count]) for count in _counts(loads)]
    one = medians[0]
    at_most = None
    if one.postgres is not None:
        at_most = cores / (one.serve + one.postgres + one.client) / one.requests_per_second
    return [Scaling(load, load.requests_per_second / one.requests_per_second, at_most) for load in medians]


@contextmanager
def _all_started(url: str, counts: Sequence[int]) -> Iterator[dict[int, Running]]:
    with ExitStack() as stack:
        servers: dict[int, Running] = {}
        for count in counts:
            port = free_port()
            given = {"DATABASE_URL": url, "PRICEGRAPH_PORT": str(port)}
            command = [str(PRICEGRAPH), "serve", "--workers", str(count)]
            servers[count] = stack.enter_context(program(command, given, port))
        for server in servers.values():
            server.wait_until_it_listens()
        yield servers


def _turn(workers: int, server: Running, request: Request, seconds: float, postmaster: int | None) -> Load:
    _ask_without_pause(server.port, request, seconds * _WARM_UP)
    start, before, busy = time.perf_counter(), _spent(server, postmaster), _busy_and_all()
    requests = _ask_without_pause(server.port, request, seconds)
    elapsed, after, busy_after = time.perf_counter() - start, _spent(server, postmaster), _busy_and_all()
    serve, postgres, client = ((end - begin) / requests for begin, end in zip(before, after, strict=True))
    share = (busy_after[0] - busy[0]) / max(1, busy_after[1] - busy[1])
    return Load(workers, requests / elapsed, serve, postgres if postmaster else None, client, share)


def _ask_without_pause(port: int, request: Request, seconds: float) -> int:
    """How many answers came; at least one on each connection."""
    deadline = time.perf_counter() + seconds

    def ask(_: int) -> int:
        count = 0
        with Client(port) as client:
            while not count or time.perf_counter() < deadline:
                client.ask(request)
                count += 1
        return count

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        return sum(threads.map(ask, range(CONNECTIONS)))


def _spent(server: Running, postmaster: int | None) -> tuple[float, float, float]:
    """Processor time so far of the server with its workers, of PostgreSQL, and of this process, the client."""
    return cpu_seconds(server.pid), cpu_seconds(postmaster) if postmaster else 0.0, time.process_time()


def _busy_and_all() -> tuple[int, int]:
    """Ticks of all processors together: those in which they worked, and all (the first line of /proc/stat, proc(5))."""
    _, *fields = Path("/proc/stat").read_text().partition("\n")[0].split()
    ticks = [int(field) for field in fields[:8]]  # the rest, of guests, is counted among these already
    idle, waiting_for_disk = ticks[3], ticks[4]
    return sum(ticks) - idle - waiting_for_disk, sum(ticks)


def _counts(loads: Sequence[Load]) -> list[int]:
    return sorted({load.workers for load in loads})


def _median(loads: Sequence[Load]) -> Load:
    def of(pick: Callable[[Load], float]) -> float:
        return statistics.median(map(pick, loads))

    known = [load.postgres for load in loads if load.postgres is not None]
    return Load(
        loads[0].workers,
        of(lambda load: load.requests_per_second),
        of(lambda load: load.serve),
        statistics.median(known) if known else None,
        of(lambda load: load.client),
        of(lambda load: load.busy),
    )
