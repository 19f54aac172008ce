"""What a worker is at work on, which the queue need not know: the connection may be cut as a job ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from procrastinate import JobContext
from procrastinate.worker import Worker


class Jobs:
    """The jobs of one worker, by their number in the queue."""

    def __init__(self) -> None:
        self._running: set[int] = set()
        self._idle: set[int] = set()

    async def note(self, work: Callable[[], Awaitable[object]], context: JobContext, _worker: Worker) -> object:
        """procrastinate's hook around each job."""
        number = context.job.id
        assert number is not None
        self._running.add(number)
        try:
            return await work()
        finally:
            self._running.remove(number)

    def find_lost(self, started: set[int]) -> set[int]:
        """Of the jobs that the queue takes the worker to be at work on, those it is not, twice in a row: a job that was
        just taken, or just ends, is in between for a moment.
        """
        before, self._idle = self._idle, started - self._running
        return before & self._idle
