"""Changes of what belongs to the caller."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from resolvers.attempts import attempt
from resolvers.context import Context
from resolvers.errors import ApiError

T = TypeVar("T")


async def change(context: Context, work: Awaitable[T], *argument: str) -> T | ApiError:
    """As `attempt`; what the request has read of the caller's before is read again."""
    context.forget_private()
    result = await attempt(context, work, *argument)
    context.forget_private()
    return result
