"""A whole run, from an empty database to the figures."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime

from benchmarks.beside_refresh import measure_beside_refresh
from benchmarks.cases import Case, make_cases
from benchmarks.contenders import Contender, all_started
from benchmarks.cpu import find_postmaster
from benchmarks.data import Size, fill
from benchmarks.database import find_server, fresh_database
from benchmarks.measure import Cell, Effort, Say, measure, prepare
from benchmarks.report import Results
from benchmarks.workers import measure_workers

_BESIDE_REFRESH = ("h1", "light")
# With the cache warm most of the work is the server's.
_WITH_WORKERS = "h11"


def run(size: Size, effort: Effort, contenders: Sequence[Contender], remarks: Sequence[str], say: Say) -> Results:
    """Raises AnswersDiffer before anything is measured."""
    now = datetime.now(UTC)
    with find_server() as server, fresh_database(server, f"pricegraph_peers_{os.getpid()}") as url:
        say(f"{server.name}: storing prices of {len(size.coins)} coins")
        asyncio.run(fill(url, size, now))
        cases = make_cases(size, now)
        postmaster = find_postmaster(url)
        cells = _measure_peers(url, contenders, cases, postmaster, effort, say)
        say("pricegraph, with one and with several workers")
        busiest = next(case for case in cases if case.name == _WITH_WORKERS)
        loads = measure_workers(url, busiest, effort.with_workers, postmaster)
        say("pricegraph, without and with a refresh")
        asked = [case for case in cases if case.name in _BESIDE_REFRESH]
        waiting = measure_beside_refresh(url, size.coins, asked, effort.beside_refresh, effort.calls_per_minute)
    unseen = None if postmaster else "PostgreSQL's processor time is not known: its processes cannot be seen from here"
    further = [remark for remark in (server.remark, unseen) if remark]
    return Results(now, server.name, effort.rounds, [*remarks, *further], cells, waiting, loads)


def _measure_peers(
    url: str, contenders: Sequence[Contender], cases: Sequence[Case], postmaster: int | None, effort: Effort, say: Say
) -> list[Cell]:
    with all_started(contenders, url) as processes:
        cells = prepare(contenders, cases, processes, effort, say)
        measure(cells, processes, postmaster, effort.rounds, say)
    return cells
