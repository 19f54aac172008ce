"""How long readers wait while a refresh writes: `serve`, `worker` and the simulated provider, as processes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from benchmarks.cases import Case
from benchmarks.client import Client, Request
from benchmarks.data import RATE_CURRENCY
from benchmarks.dialects import PricegraphQL
from benchmarks.figures import percentile
from benchmarks.processes import PRICEGRAPH, free_port, program

CONNECTIONS = 16
_TOKEN = "the-token-of-the-benchmark"  # noqa: S105 - of a server that only the benchmark knows
_REFRESH = "mutation { refreshPrices(input: {mode: FORCE}) { outcome run { id } errors { message } } }"
_RUN = "query Run($id: ID!) { refreshRun(id: $id) { status rowsInserted rowsCorrected } }"
# Every price is to differ a little, so that the refresh has as many rows to write as there can be.
_CORRECTION = Request("/_control/faults", orjson.dumps({"provider": "coingecko", "kind": "correction"}))


@dataclass(frozen=True)
class Waiting:
    """What sixteen clients saw of one case. Milliseconds; `rows` were written meanwhile by the refresh, a second."""

    case: str
    refreshing: bool
    requests_per_second: float
    p50: float
    p99: float
    rows_per_second: float


def measure_beside_refresh(
    url: str, coins: Sequence[str], cases: Sequence[Case], seconds: float, calls_per_minute: int
) -> list[Waiting]:
    """Each case without and then with the refresh. Prices are others afterwards."""
    port, provider_port = free_port(), free_port()
    given = _surroundings(url, port, provider_port, coins, calls_per_minute)
    with (
        program([str(PRICEGRAPH), "simulate", "--port", str(provider_port)], {}, provider_port) as provider,
        program([str(PRICEGRAPH), "serve"], given, port) as api,
    ):
        api.wait_until_it_listens()
        provider.wait_until_it_listens()
        quiet = [_wait(port, case, seconds) for case in cases]
        with Client(provider_port) as simulator:
            simulator.ask(_CORRECTION)
        with _refreshing(port, given) as run:
            return quiet + [_wait(port, case, seconds, run) for case in cases]


class _Run:
    """The refresh, as the API tells of it."""

    def __init__(self, port: int) -> None:
        self._port = port
        payload = self._ask(_REFRESH)["refreshPrices"]
        if payload["run"] is None:
            raise RuntimeError(f"the refresh was not started: {payload}")
        self._id = payload["run"]["id"]

    def rows(self) -> int:
        """Written so far; it has to be under way."""
        run = self._ask(_RUN, id=self._id)["refreshRun"]
        if run["status"] not in ("QUEUED", "RUNNING"):
            raise RuntimeError(f"the refresh is {run['status']} while it should write")
        return int(run["rowsInserted"] + run["rowsCorrected"])

    def _ask(self, document: str, **variables: str) -> dict[str, Any]:
        request = Request("/graphql", orjson.dumps({"query": document, "variables": variables}))
        with Client(self._port) as client:
            answer = orjson.loads(client.ask(request, {"authorization": f"Bearer {_TOKEN}"}))
        if answer.get("errors"):
            raise RuntimeError(f"{document} answered {answer['errors'][0]['message']}")
        data: dict[str, Any] = answer["data"]
        return data


@contextmanager
def _refreshing(port: int, given: Mapping[str, str]) -> Iterator[_Run]:
    """A refresh that has begun to write."""
    run = _Run(port)
    with program([str(PRICEGRAPH), "worker"], given) as worker:
        worker.wait_for(lambda: run.rows() > 0)
        yield run


def _surroundings(url: str, port: int, provider: int, coins: Sequence[str], calls_per_minute: int) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "PRICEGRAPH_PORT": str(port),
        "PRICEGRAPH_TOKEN": _TOKEN,
        "PRICEGRAPH_COINS": ",".join(coins),
        "PRICEGRAPH_RATE_CURRENCIES": RATE_CURRENCY,
        "PRICEGRAPH_REFRESH_CRON": "off",
        "COINGECKO_URL": f"http://127.0.0.1:{provider}/coingecko-pro/api/v3",
        "COINGECKO_PLAN": "pro",
        "COINGECKO_API_KEY": "CG-pro",
        "COINGECKO_CALLS_PER_MINUTE": str(calls_per_minute),
    }


def _wait(port: int, case: Case, seconds: float, run: _Run | None = None) -> Waiting:
    request = PricegraphQL().ask(case.question)
    rows = run.rows() if run else 0
    start = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        asking = [threads.submit(_ask_until, port, request, start + seconds) for _ in range(CONNECTIONS)]
        latencies = [latency for one in asking for latency in one.result()]
    elapsed = time.perf_counter() - start
    written = run.rows() - rows if run else 0
    return Waiting(
        case.name,
        run is not None,
        len(latencies) / elapsed,
        percentile(latencies, 0.5) * 1000,
        percentile(latencies, 0.99) * 1000,
        written / elapsed,
    )


def _ask_until(port: int, request: Request, deadline: float) -> list[float]:
    latencies: list[float] = []
    with Client(port) as client:
        while time.perf_counter() < deadline:
            latencies.append(client.time(request))
    return latencies
