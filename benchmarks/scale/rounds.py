"""Every reading of every database, in turns: whatever else the machine does meanwhile slows all of them alike."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles

from benchmarks.client import Client, Request
from benchmarks.contenders import UNCACHED, find_contenders
from benchmarks.cpu import find_postmaster, own_seconds
from benchmarks.processes import Running
from benchmarks.scale.progress import say
from benchmarks.scale.readings import READINGS, Access, Reading, targets
from benchmarks.scale.scale import Stored
from db.pool import Connection, PoolSettings, open_connection

# What is about every coin takes seconds: it is read in every tenth round.
_SELDOM = 10
# A connection prepares a statement at its fifth time, and PostgreSQL makes a plan to keep after five more.
_WARM_UP = 11
_HELLO = Request("/graphql", b'{"query": "{ __typename }"}')


@dataclass
class Timings:
    """Seconds, of each time: `wall` as the client sees it, `cpu` what was worked for it, by the API's process, or by
    the database's and the client's (the product's own code); empty where the database's cannot be seen.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def p50(self) -> float:
        return median(self.wall)

    @property
    def p95(self) -> float:
        return quantiles([*self.wall, self.wall[-1]], n=20, method="inclusive")[-1]

    @property
    def cost(self) -> float:
        """What the ratios compare: other programs on the machine lengthen an answer, but hardly its work."""
        return median(self.cpu or self.wall)


class Subject:
    """One database, with a connection to it and the API in front of it, which keeps nothing in memory."""

    def __init__(self, stored: Stored, connection: Connection, server: Running) -> None:
        self._connection = connection
        self._server = server
        self._backend = connection.info.backend_pid if find_postmaster(stored.url) else None
        self._targets = {reading.name: targets(stored.scale, reading) for reading in READINGS}

    async def measure(self, reading: Reading, timings: Timings) -> None:
        target = next(self._targets[reading.name])
        with Client(self._server.port) as api:
            api.ask(_HELLO)  # a connection that is open already, and cannot have been idle for too long
            worked = self._worked(reading)
            began = time.perf_counter()
            await reading.read(Access(self._connection, api), target)
            timings.wall.append(time.perf_counter() - began)
            if worked is not None and (now := self._worked(reading)) is not None:
                timings.cpu.append(now - worked)

    def _worked(self, reading: Reading) -> float | None:
        if reading.through_api:
            return own_seconds(self._server.pid)
        return None if self._backend is None else own_seconds(self._backend) + time.process_time()


async def measure_rounds(databases: Mapping[str, Stored], rounds: int) -> dict[str, dict[str, Timings]]:
    """Timings by reading and database; the first rounds, in which everything is warmed up, do not count."""
    found = {reading.name: {name: Timings() for name in databases} for reading in READINGS}
    async with AsyncExitStack() as stack:
        subjects = [(name, await stack.enter_async_context(_open(stored))) for name, stored in databases.items()]
        for number in range(-_WARM_UP, rounds):
            for place, reading in enumerate(READINGS):
                if reading.coins is None and number % _SELDOM:
                    continue
                # Who comes first finds the processor's caches full of what was read before: everybody does in turn.
                first = (number + place) % len(subjects)
                for name, subject in subjects[first:] + subjects[:first]:
                    await subject.measure(reading, found[reading.name][name] if number >= 0 else Timings())
            say(f"round {number + 1} of {rounds}")
    return found


@asynccontextmanager
async def _open(stored: Stored) -> AsyncIterator[Subject]:
    api = next(contender for contender in find_contenders()[0] if contender.name == UNCACHED)
    async with open_connection(stored.url, PoolSettings()) as connection:
        with api.started(stored.url) as server:
            server.wait_until_it_listens()
            yield Subject(stored, connection, server)
