"""Answers that are held until a run has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from resolvers.context import Context
from resolvers.errors import ApiError, Code

MAX_WAIT_SECONDS = 60
_POLL_SECONDS = 0.25

T = TypeVar("T")


def check_wait(seconds: int) -> None:
    if not 0 <= seconds <= MAX_WAIT_SECONDS:
        raise ApiError(Code.BAD_INPUT, f"`waitSeconds` must be between 0 and {MAX_WAIT_SECONDS}", field=["waitSeconds"])


async def wait_until(
    context: Context, seconds: int, look: Callable[[], Awaitable[T]], has_ended: Callable[[T], bool]
) -> T:
    """What is seen when it has ended, or when the time is over; all waits of a request share their time."""
    loop = asyncio.get_running_loop()
    if context.wait_deadline is None:
        context.wait_deadline = loop.time() + MAX_WAIT_SECONDS
    deadline = min(loop.time() + seconds, context.wait_deadline)
    while True:
        seen = await look()
        if has_ended(seen) or loop.time() >= deadline:
            return seen
        await asyncio.sleep(min(_POLL_SECONDS, max(0.0, deadline - loop.time())))
