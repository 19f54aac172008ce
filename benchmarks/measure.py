"""Rounds: every contender is asked every question in turn, so that whatever the machine does befalls them all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.cases import Case
from benchmarks.client import Client, Request
from benchmarks.contenders import Contender
from benchmarks.cpu import cpu_seconds
from benchmarks.dialects import Rows, differences
from benchmarks.figures import Spread, percentile
from benchmarks.processes import Running

Say = Callable[[str], None]
_FEWEST, _MOST = 3, 1000  # requests of a turn


class AnswersDiffer(Exception):
    """An answer is not what the question asked for, or another contender's: figures about that would mean nothing."""


@dataclass(frozen=True)
class Turn:
    """What some requests in a row cost, in seconds: each one's processor time on average, each one's latency."""

    cpu: float
    postgres: float | None
    latencies: Sequence[float]


@dataclass
class Cell:
    """One contender and one case. `length` is the body's, in bytes."""

    case: Case
    contender: Contender
    request: Request
    length: int
    requests: int
    turns: list[Turn] = field(default_factory=list)

    @property
    def cpu(self) -> Spread:
        return Spread.of([turn.cpu for turn in self.turns])

    @property
    def postgres(self) -> Spread | None:
        known = [turn.postgres for turn in self.turns if turn.postgres is not None]
        return Spread.of(known) if known else None

    def latency(self, share: float) -> float:
        return percentile([latency for turn in self.turns for latency in turn.latencies], share)

    def ratio(self, other: Cell) -> Spread:
        """Processor time against that of the other one, round by round."""
        return Spread.of([mine.cpu / theirs.cpu for mine, theirs in zip(self.turns, other.turns, strict=True)])


@dataclass(frozen=True)
class Effort:
    """Seconds of a turn, of a warm-up (caches fill, plans are kept, V8 compiles what it has seen often), of each
    case beside the refresh, whose pace is that of a paid plan, and of a turn with several workers.

    Slow answers take longer, as a turn has at least three.
    """

    rounds: int = 5
    seconds: float = 0.7
    warm_up: float = 1.5
    beside_refresh: float = 6.0
    with_workers: float = 4.0
    calls_per_minute: int = 400


def prepare(
    contenders: Sequence[Contender], cases: Sequence[Case], processes: Mapping[str, Running], effort: Effort, say: Say
) -> list[Cell]:
    """Warm up, and make sure that all answers to a question mean the same. Raises AnswersDiffer."""
    cells: list[Cell] = []
    for case in cases:
        say(f"{case.name}: {case.says}")
        answers: dict[str, Rows] = {}
        for contender in contenders:
            if (request := contender.dialect.ask(case.question)) is not None:
                body, requests = _warm_up(processes[contender.name].port, request, effort)
                cells.append(Cell(case, contender, request, len(body), requests))
                answers[contender.name] = contender.dialect.read(case.question, body)
        compare_answers(case, answers)
    return cells


def compare_answers(case: Case, answers: Mapping[str, Rows]) -> None:
    """Raises AnswersDiffer."""
    (first, expected), *others = answers.items()
    if len(expected) != case.question.rows:
        raise AnswersDiffer(f"{case.name}: {first} answers {len(expected)} rows instead of {case.question.rows}")
    for name, rows in others:
        if found := differences(expected, rows):
            raise AnswersDiffer(f"{case.name}: {first} and {name} answer differently: {found}")


def measure(
    cells: Sequence[Cell], processes: Mapping[str, Running], postmaster: int | None, rounds: int, say: Say
) -> None:
    """Add a turn of each round to every cell."""
    for number in range(1, rounds + 1):
        say(f"round {number} of {rounds}")
        for cell in cells:
            cell.turns.append(_turn(cell, processes[cell.contender.name], postmaster))


def _warm_up(port: int, request: Request, effort: Effort) -> tuple[bytes, int]:
    """The last body, and how many requests fit into a turn."""
    latencies: list[float] = []
    deadline = time.monotonic() + effort.warm_up
    with Client(port) as client:
        while time.monotonic() < deadline or len(latencies) < _FEWEST:
            latencies.append(client.time(request))
        body = client.ask(request)
    settled = percentile(latencies[len(latencies) // 2 :], 0.5)
    return body, max(_FEWEST, min(_MOST, round(effort.seconds / settled)))


def _turn(cell: Cell, process: Running, postmaster: int | None) -> Turn:
    with Client(process.port) as client:
        client.ask(cell.request)  # connects; and what the others left cold is warm again
        server, database = cpu_seconds(process.pid), _cpu(postmaster)
        latencies = [client.time(cell.request) for _ in range(cell.requests)]
        server, database = cpu_seconds(process.pid) - server, _cpu(postmaster) - database
    return Turn(server / cell.requests, database / cell.requests if postmaster else None, latencies)


def _cpu(pid: int | None) -> float:
    return cpu_seconds(pid) if pid else 0.0
