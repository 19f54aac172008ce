"""Processor time of a process, from outside it."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import psycopg

_TICK = 1 / os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of the process with its children, the living and those it has waited for."""
    return sum(own_seconds(member) + _waited_for(member) for member in _family(pid))


def find_postmaster(url: str) -> int | None:
    """The process whose children serve this database; None when they cannot be seen from here."""
    with psycopg.connect(url) as connection:
        pid = connection.info.backend_pid
        with suppress(OSError):
            # A server in a container counts its own processes: that number may be any other's here.
            if f" {connection.info.dbname} ".encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                return _parent(pid)
    return None


def own_seconds(pid: int) -> float:
    """The same without children; cheap."""
    with suppress(OSError):
        # Linux has a clock for each process, with nanoseconds where /proc/<pid>/stat counts hundredths.
        return time.clock_gettime((~pid << 3) | 2)
    return 0.0  # it has ended: its parent has waited for it


def _waited_for(pid: int) -> float:
    with suppress(OSError):
        return (int(_stat(pid)[13]) + int(_stat(pid)[14])) * _TICK
    return 0.0


def _family(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            children.setdefault(_parent(int(process.name)), []).append(int(process.name))
    family = [pid]
    for member in family:
        family += children.get(member, [])
    return family


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the third on: state, parent, and so on (proc(5))."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
