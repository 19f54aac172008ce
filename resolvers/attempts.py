"""Changes whose refusal is a result, and whose outcome a script may read from the HTTP status."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from resolvers.context import Context, Outcome
from resolvers.errors import ApiError

T = TypeVar("T")


async def attempt(context: Context, work: Awaitable[T], *argument: str) -> T | ApiError:
    """What the work answers, or why it was refused. `argument` is what the fields at fault are part of."""
    try:
        result = await work
    except ApiError as error:
        error.field = [*argument, *error.field] if error.field else None
        context.outcomes.append(Outcome(None, error))
        return error
    context.outcomes.append(Outcome(0, None))
    return result
