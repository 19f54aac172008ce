"""How long it takes to find out what a refresh of every coin has to fetch, and in how much memory.

Each plan is measured in a process of its own:  python -m benchmarks.scale.planning <url> <coins> <start> <end> <plan>
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import orjson
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from benchmarks.cpu import cpu_seconds, find_postmaster
from benchmarks.scale.progress import say
from benchmarks.scale.scale import Scale, Stored
from db.pool import PoolSettings, open_connection
from db.refresh import RefreshRequest, plan_refresh, record_refresh
from db.series import DAY, HOUR, Granularity, Series


@dataclass(frozen=True)
class Situation:
    """What is asked for, and when: so much `later` than the end of the data, or `before` it begins. With `holes`, every
    tenth day of each series lacks an hour.
    """

    says: str
    days: int
    later: timedelta = timedelta(0)
    before: bool = False
    currencies: int = 1
    recorded: bool = False
    holes: bool = False


SITUATIONS = (
    Situation("nothing is missing in a year", 365),
    Situation("an hour is missing at the end of a year; recorded", 365, later=HOUR, recorded=True),
    Situation("an hour is missing every ten days of a year; recorded", 365, recorded=True, holes=True),
    Situation("a day is missing at the end of 90 days", 90, later=DAY),
    Situation("all of 90 days is missing; recorded", 90, before=True, recorded=True),
    Situation("all of 90 days is missing in 4 currencies; recorded", 90, before=True, currencies=4, recorded=True),
)


@dataclass(frozen=True)
class Planned:
    """`work` is the processor time of this process and the database's, if that can be seen: more than the
    seconds, where several processes count. Megabytes are the most that this process ever held.
    """

    says: str
    series: int
    tasks: int
    seconds: float
    work: float | None
    megabytes: float


def measure_plans(database: Stored) -> list[Planned]:
    return [_measure(database, place) for place in range(len(SITUATIONS))]


def _measure(database: Stored, place: int) -> Planned:
    scale = database.scale
    given = [database.url, str(scale.coins), str(scale.days), scale.end.isoformat(), str(place)]
    command = [sys.executable, "-m", __name__, *given]
    planned = Planned(**orjson.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))  # noqa: S603
    say(f"plan of {planned.series:,} series, {planned.says}: {planned.seconds:.1f} s, {planned.megabytes:.0f} MB")
    return planned


async def plan(url: str, scale: Scale, situation: Situation) -> Planned:
    """As the API does it: on a connection whose statements time out after 10 seconds."""
    now = scale.start if situation.before else scale.end + situation.later
    series = [
        Series(coin, currency) for coin in range(1, scale.coins + 1) for currency in range(1, situation.currencies + 1)
    ]
    request = RefreshRequest(series, list(Granularity), min(situation.days, scale.days), {})
    async with open_connection(url, PoolSettings()) as connection, connection.transaction(force_rollback=True):
        if situation.holes:
            await _make_holes(connection, scale)
        postmaster = find_postmaster(url)
        began, worked = time.perf_counter(), _work(postmaster)
        tasks = await _count_tasks(connection, request, now, situation)
        seconds, work = time.perf_counter() - began, _work(postmaster) - worked
    return Planned(situation.says, len(series), tasks, seconds, work if postmaster else None, _peak_megabytes())


async def _make_holes(connection: AsyncConnection[TupleRow], scale: Scale) -> None:
    await connection.execute("set local statement_timeout = 0")
    for day in range(0, scale.days, 10):
        ts = scale.start + day * DAY + 12 * HOUR
        query = "delete from price_hourly where coin_id between 1 and %s and currency_id = 1 and ts = %s"
        await connection.execute(query, (scale.coins, ts))
    await connection.execute("set local statement_timeout to default")


async def _count_tasks(
    connection: AsyncConnection[TupleRow], request: RefreshRequest, now: datetime, situation: Situation
) -> int:
    if situation.recorded:
        return len((await record_refresh(connection, request, now, "benchmark")).plan.tasks)
    return len((await plan_refresh(connection, request, now)).tasks)


def _work(postmaster: int | None) -> float:
    """Several processes of the database may share a count."""
    return time.process_time() + (cpu_seconds(postmaster) if postmaster else 0.0)


def _peak_megabytes() -> float:
    """getrusage() would also count what the process was before it became this program."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def main(arguments: Sequence[str]) -> None:
    url, coins, days, end, place = arguments
    scale = Scale(int(coins), int(days), datetime.fromisoformat(end))
    planned = asyncio.run(plan(url, scale, SITUATIONS[int(place)]))
    sys.stdout.buffer.write(orjson.dumps(asdict(planned)))


if __name__ == "__main__":
    main(sys.argv[1:])
