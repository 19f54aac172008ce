"""Results for people, as Markdown tables, and for programs, as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from benchmarks.beside_refresh import CONNECTIONS, Waiting
from benchmarks.figures import Spread
from benchmarks.measure import Cell
from benchmarks.targets import check_targets
from benchmarks.workers import Load, Scaling, compare_workers


@dataclass(frozen=True)
class Results:
    """A whole run. `remarks` say what was left out, and why."""

    at: datetime
    server: str
    rounds: int
    remarks: Sequence[str]
    cells: Sequence[Cell]
    waiting: Sequence[Waiting]
    loads: Sequence[Load]


def to_json(results: Results) -> dict[str, Any]:
    """Seconds; spreads are of the rounds' averages, percentiles of all requests."""
    return {
        "at": results.at,
        "machine": _machine(),
        "server": results.server,
        "rounds": results.rounds,
        "remarks": results.remarks,
        "cases": {cell.case.name: cell.case.says for cell in results.cells},
        "measured": [_cell_to_json(cell) for cell in results.cells],
        "targets": [asdict(outcome) | {"reached": outcome.reached} for outcome in check_targets(results.cells)],
        "beside_refresh": [asdict(waiting) for waiting in results.waiting],
        "workers": [asdict(load) for load in results.loads],
    }


def to_markdown(results: Results) -> str:
    """Every table, with the cases and the circumstances."""
    cells = results.cells
    cases = {cell.case.name: cell.case.says for cell in cells}
    parts = [
        f"{results.at:%Y-%m-%d %H:%M} UTC, {_machine()}; {results.server}; {results.rounds} rounds, interleaved.",
        "\n".join(f"- `{name}`: {says}" for name, says in cases.items()),
        *(f"**{remark}.**" for remark in results.remarks),
        "Processor time of the server per request, ms: median of the rounds (lowest-highest).",
        _by_case(cells, lambda cell: _spread(cell.cpu, 1000)),
        "The same against the targets.",
        _targets(cells),
        "Processor time of PostgreSQL per request, ms.",
        _by_case(cells, lambda cell: _spread(cell.postgres, 1000) if cell.postgres else "-"),
        "Latency on one connection, p50 / p99, ms.",
        _by_case(cells, lambda cell: f"{_number(cell.latency(0.5) * 1000)} / {_number(cell.latency(0.99) * 1000)}"),
        f"pricegraph with {CONNECTIONS} connections at once, alone and next to a refresh that is writing.",
        _waiting(results.waiting),
        f"`serve --workers`, `h11`, warm cache, {CONNECTIONS} connections; processor time in ms per request.",
        _workers(compare_workers(results.loads, os.cpu_count() or 1)),
    ]
    return "\n\n".join(parts) + "\n"


def _by_case(cells: Sequence[Cell], show: Callable[[Cell], str]) -> str:
    """A row for each contender, a column for each case; `-` where one cannot be asked the other."""
    cases = list(dict.fromkeys(cell.case.name for cell in cells))
    shown = {(cell.contender.name, cell.case.name): show(cell) for cell in cells}
    contenders = dict.fromkeys(cell.contender.name for cell in cells)
    return _table(["", *cases], ([name, *(shown.get((name, case), "-") for case in cases)] for name in contenders))


_VERDICTS = {True: "reached", False: "**not reached**", None: ""}


def _targets(cells: Sequence[Cell]) -> str:
    return _table(
        ["case", "processor time of", "against that of", "ratio", "at most", ""],
        (
            [
                outcome.case,
                outcome.contender,
                outcome.against,
                _spread(outcome.ratio),
                "-" if outcome.at_most is None else f"{outcome.at_most:g}",
                _VERDICTS[outcome.reached],
            ]
            for outcome in check_targets(cells)
        ),
    )


def _waiting(waiting: Iterable[Waiting]) -> str:
    return _table(
        ["case", "refresh", "requests/s", "p50 ms", "p99 ms", "rows written/s"],
        (
            [
                one.case,
                "writing" if one.refreshing else "none",
                *map(_number, (one.requests_per_second, one.p50, one.p99, one.rows_per_second)),
            ]
            for one in waiting
        ),
    )


def _workers(scalings: Iterable[Scaling]) -> str:
    return _table(
        ["workers", "requests/s", "against 1", "machine allows", "serve", "PostgreSQL", "client", "processors busy"],
        (
            [
                str(one.median.workers),
                _number(one.median.requests_per_second),
                _number(one.ratio),
                "-" if one.at_most is None else _number(one.at_most),
                _number(one.median.serve * 1000),
                "-" if one.median.postgres is None else _number(one.median.postgres * 1000),
                _number(one.median.client * 1000),
                f"{one.median.busy:.0%}",
            ]
            for one in scalings
        ),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _spread(spread: Spread, factor: float = 1) -> str:
    return f"{_number(spread.median * factor)} ({_number(spread.low * factor)}-{_number(spread.high * factor)})"


def _number(value: float) -> str:
    """Three digits that count: 0.412, 4.12, 41.2, 412."""
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3}f}"


def _machine() -> str:
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}, Python {platform.python_version()}"
    )


def _cell_to_json(cell: Cell) -> dict[str, Any]:
    return {
        "case": cell.case.name,
        "contender": cell.contender.name,
        "bytes": cell.length,
        "requests_per_round": cell.requests,
        "cpu": asdict(cell.cpu),
        "cpu_by_round": [turn.cpu for turn in cell.turns],
        "postgres_cpu": asdict(cell.postgres) if cell.postgres else None,
        "p50": cell.latency(0.5),
        "p99": cell.latency(0.99),
    }
