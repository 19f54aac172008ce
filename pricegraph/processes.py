"""`pricegraph serve --workers`: processes that share one port, and a parent that keeps up their number.

uvicorn has a supervisor too, but it needs an import string for the application, restarts without a pause, and leaves
its processes behind when it is killed. These are forks, so that nothing is imported again and settings are passed as
they are; the kernel ends them with the parent.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence

import structlog

from pricegraph.death_signal import end_with_parent
from pricegraph.serve import GRACE_SECONDS, share_port

log = structlog.get_logger()

Work = Callable[[socket.socket], None]

# What keeps ending at once is not to keep a core busy.
_LEAST_SECONDS = 1.0
# Open requests, then the connections to the database.
_PATIENCE_SECONDS = GRACE_SECONDS + 5
_END = {signal.SIGINT, signal.SIGTERM}
_HEARD = _END | {signal.SIGCHLD}


def run_processes(count: int, listener: socket.socket, work: Work) -> None:
    """Do the work in so many processes until SIGINT or SIGTERM; it has to end by itself on SIGTERM.

    The process that calls this must have no other thread: a fork would not have it.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    listeners = share_port(listener, count)
    places = [_Place(work, own, listeners) for own in listeners]
    while signal.sigwait(_HEARD) is signal.SIGCHLD:
        for place in places:
            place.fill()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _END)  # a second one ends everything at once
    for one in listeners:  # else clients would wait there for processes that take nobody any more
        one.close()
    _stop(places)


class _Place:
    """One process after another with the same socket; who waits there when one dies is served by the next."""

    def __init__(self, work: Work, own: socket.socket, listeners: Sequence[socket.socket]) -> None:
        self._arguments = (work, own, listeners, os.getpid())
        self._start()

    def _start(self) -> None:
        fork = multiprocessing.get_context("fork")
        self.process = fork.Process(target=_live, args=self._arguments, daemon=True)
        self.process.start()
        self._started = time.monotonic()

    def fill(self) -> None:
        if self.process.exitcode is None:
            return
        log.warning("a process ended; another takes its place", pid=self.process.pid, exit_code=self.process.exitcode)
        time.sleep(max(0.0, self._started + _LEAST_SECONDS - time.monotonic()))
        self._start()


def _live(work: Work, own: socket.socket, listeners: Sequence[socket.socket], parent: int) -> None:
    end_with_parent(parent, signal.SIGKILL)
    os.setsid()  # Ctrl-C is for the parent
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
    for one in listeners:
        if one is not own:
            one.close()
    work(own)


def _stop(places: Sequence[_Place]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for place in places:
        place.process.terminate()
    for place in places:
        place.process.join(max(0.0, deadline - time.monotonic()))
        place.process.kill()
        place.process.join()
