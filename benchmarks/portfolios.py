"""The worth of a portfolio, now and day by day over twelve years, beside the same sums made with pandas."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from benchmarks.client import Client, Request
from benchmarks.database import find_server, fresh_database
from benchmarks.figures import percentile
from benchmarks.measure import AnswersDiffer, Say
from benchmarks.pandas_valuation import value_with_pandas
from benchmarks.portfolio_data import PORTFOLIOS, PortfolioSize, fill, instants
from benchmarks.processes import PRICEGRAPH, free_port, program

_TOKEN = "the-token-of-the-benchmark"  # noqa: S105 - of a server that only the benchmark knows
_HISTORY = """
query($id: ID!, $from: Time!) {
  portfolio(id: $id) { history(from: $from, interval: DAY_1) { at total { amount } } }
}
"""
_VALUATION = "query($id: ID!) { portfolio(id: $id) { valuation { at total { amount } pricesAsOf complete } } }"
_OURS, _PANDAS = "{}: history", "{}: the same with pandas"
# Sums of doubles, beside exact ones.
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Timed:
    """One case; latencies in seconds."""

    case: str
    latencies: Sequence[float]

    def __str__(self) -> str:
        p50, p95 = (percentile(self.latencies, share) * 1000 for share in (0.5, 0.95))
        return f"| {self.case} | {p50:,.0f} | {p95:,.0f} |"


def measure_portfolios(size: PortfolioSize, rounds: int, say: Say) -> str:
    """A table; raises AnswersDiffer before anything is measured."""
    now = datetime.now(UTC)
    with find_server() as server, fresh_database(server, f"pricegraph_portfolios_{os.getpid()}") as url:
        say(f"{server.name}: storing {size.coins} coins, {size.days:,} days, {size.transactions:,} transactions")
        fill(url, size, now)
        port = free_port()
        given = {"DATABASE_URL": url, "PRICEGRAPH_PORT": str(port), "PRICEGRAPH_TOKEN": _TOKEN}
        with program([str(PRICEGRAPH), "serve"], given, port) as api:
            api.wait_until_it_listens()
            timed = [one for name in PORTFOLIOS for one in _measure(url, port, name, size, now, rounds, say)]
    says = f"Worth of a portfolio: {size.coins} coins, {size.days:,} days, {size.transactions:,} transactions"
    lines = [
        f"{says}; {server.name}; {rounds} rounds, ms.",
        "",
        "| case | p50 | p95 |",
        "|---|---|---|",
        *map(str, timed),
    ]
    ratios = [f"{name}: pandas takes {ratio:.1f} times as long as the history" for name, ratio in _ratios(timed)]
    return "\n".join([*lines, "", *(f"- {ratio}" for ratio in ratios), ""])


def _measure(url: str, port: int, name: str, size: PortfolioSize, now: datetime, rounds: int, say: Say) -> list[Timed]:
    start, _ = instants(size, now)
    found = _ask(port, "{ portfolios { id name } }")["portfolios"]
    portfolio = next(one["id"] for one in found if one["name"] == name)
    history = {"id": portfolio, "from": start.isoformat()}
    ours = {one["at"]: one["total"]["amount"] for one in _ask(port, _HISTORY, **history)["portfolio"]["history"]}
    _compare(name, ours, value_with_pandas(url, name))
    say(f"{name}: {rounds} rounds")
    return [
        Timed(_OURS.format(name), _time(lambda: _ask(port, _HISTORY, **history), rounds)),
        Timed(_PANDAS.format(name), _time(lambda: value_with_pandas(url, name), max(3, rounds // 5))),
        Timed(f"{name}: current valuation", _time(lambda: _ask(port, _VALUATION, id=portfolio), rounds)),
    ]


def _ratios(timed: Sequence[Timed]) -> Iterator[tuple[str, float]]:
    """Of the medians, portfolio by portfolio."""
    medians = {one.case: percentile(one.latencies, 0.5) for one in timed}
    for name in PORTFOLIOS:
        yield name, medians[_PANDAS.format(name)] / medians[_OURS.format(name)]


def _compare(name: str, ours: dict[str, str], theirs: dict[datetime, float]) -> None:
    for at, total in theirs.items():
        mine = float(ours[at.strftime("%Y-%m-%dT%H:%M:%SZ")])
        if abs(mine - total) > _TOLERANCE * max(1.0, abs(total)):
            raise AnswersDiffer(f"{name} at {at}: {mine} and {total}")
    if len(ours) != len(theirs):
        raise AnswersDiffer(f"{name}: {len(ours)} and {len(theirs)} days")


def _time(run: Callable[[], object], rounds: int) -> list[float]:
    latencies = []
    for _ in range(rounds):
        before = time.perf_counter()
        run()
        latencies.append(time.perf_counter() - before)
    return latencies


def _ask(port: int, document: str, **variables: str) -> dict[str, Any]:
    request = Request("/graphql", orjson.dumps({"query": document, "variables": variables}))
    with Client(port) as client:
        answer = orjson.loads(client.ask(request, {"authorization": f"Bearer {_TOKEN}"}))
    if answer.get("errors"):
        raise RuntimeError(f"{document} answered {answer['errors'][0]['message']}")
    data: dict[str, Any] = answer["data"]
    return data
