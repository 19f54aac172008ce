"""Time, passed in: so that a test of a month's pacing takes no time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, UTC."""

    async def sleep(self, seconds: float) -> None:
        """Return once that much time has passed."""


class Stopped(Exception):
    """The worker ends; what waited for its time is left for another one."""


class SystemClock:
    """Real time. A worker that ends stops it, so that nobody waits for a turn that may be a minute away."""

    def __init__(self) -> None:
        self._stop = asyncio.Event()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def stop(self) -> None:
        self._stop.set()

    async def sleep(self, seconds: float) -> None:
        """Raises Stopped when the clock is stopped before the time is over."""
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return
        raise Stopped
