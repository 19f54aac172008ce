"""This machine's clock against those of others: buckets, budgets and jobs depend on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from db.health import read_clock
from db.pool import Connection
from pricegraph.doctor.findings import Finding, ok, problem, warning

# Seconds. Up to the first nobody can tell from a slow network; beyond the second, samples miss their buckets.
TOLERATED, WRONG = 2.0, 30.0
_ADVICE = "set the clock that is wrong by NTP, on most machines with `timedatectl set-ntp true`"


async def measure_clock(connection: Connection, now: Callable[[], datetime]) -> float:
    """By how many seconds the database is ahead of this machine."""
    asked = now()
    theirs = await read_clock(connection)
    return (theirs - asked).total_seconds() - (now() - asked).total_seconds() / 2


def judge_clocks(ahead: Mapping[str, float]) -> Finding:
    """`ahead`: by how many seconds others are ahead of this machine; there is at least one."""
    found = ", ".join(f"{who} {_differs(by)}" for who, by in ahead.items())
    largest = max(map(abs, ahead.values()))
    if largest > WRONG:
        return problem("clocks", found, _ADVICE)
    if largest > TOLERATED:
        return warning("clocks", found, _ADVICE)
    return ok("clocks", found)


def _differs(seconds: float) -> str:
    if abs(seconds) <= TOLERATED:
        return "agrees"
    return f"is {abs(seconds):,.0f} s {'ahead' if seconds > 0 else 'behind'}"
