"""Failures that a client can act on: a code for programs, a sentence that says what to do for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from enum import StrEnum


class Code(StrEnum):
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    BAD_INPUT = "BAD_INPUT"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    NOT_FOUND = "NOT_FOUND"
    RANGE_INVALID = "RANGE_INVALID"
    COST_EXCEEDED = "COST_EXCEEDED"
    TIMEOUT = "TIMEOUT"
    UNAVAILABLE = "UNAVAILABLE"
    NO_DATA = "NO_DATA"
    DATA_INCOMPLETE = "DATA_INCOMPLETE"
    FX_UNAVAILABLE = "FX_UNAVAILABLE"
    PROVIDER_RATE_LIMITED = "PROVIDER_RATE_LIMITED"
    PROVIDER_PLAN_LIMIT = "PROVIDER_PLAN_LIMIT"
    PROVIDER_ERROR = "PROVIDER_ERROR"
    CONFLICT = "CONFLICT"
    NOT_CONFIGURED = "NOT_CONFIGURED"
    INTERNAL = "INTERNAL"


_RETRYABLE = {
    Code.TIMEOUT,
    Code.UNAVAILABLE,
    Code.NO_DATA,
    Code.DATA_INCOMPLETE,
    Code.PROVIDER_RATE_LIMITED,
    Code.PROVIDER_ERROR,
}


class ApiError(Exception):
    """`field` names the argument at fault, from the outside in; the message holds nothing internal."""

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        field: Iterable[str] | None = None,
        retry_at: datetime | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = list(field) if field else None
        self.retryable = code in _RETRYABLE
        self.retry_at = retry_at
        if (made := _made.get()) is not None:
            made.append(self)


_made: ContextVar[list[ApiError] | None] = ContextVar("made", default=None)


@contextmanager
def errors_without_frames() -> Iterator[None]:
    """Errors that are made in the block forget at its end where they were raised. Many are part of an answer, and those
    frames hold whatever was read for it, the errors included: only a garbage collection would free that.
    """
    made: list[ApiError] = []
    token = _made.set(made)
    try:
        yield
    finally:
        _made.reset(token)
        for error in made:
            forget_frames(error)


def forget_frames(error: BaseException | None) -> None:
    """Where the error and those that it came from were raised."""
    seen = set()
    while error is not None and error not in seen:
        seen.add(error)
        error.__traceback__ = None
        error = getattr(error, "original_error", None) or error.__cause__ or error.__context__
