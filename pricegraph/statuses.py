"""HTTP statuses: of an error, and of a whole request for scripts that look at nothing else. See docs/errors.md."""

from __future__ import annotations

from collections.abc import Iterable

from resolvers.context import Outcome
from resolvers.errors import Code

# What a client does on 503: it waits as long as Retry-After says, and asks again.
TRY_LATER = 503
RETRY_AFTER_SECONDS = "60"
_FAILED = 502
_EXIT_TRY_LATER = 75

_STATUSES = {
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.BAD_INPUT: 400,
    Code.PERSISTED_QUERY_NOT_FOUND: 404,
    Code.NOT_FOUND: 404,
    Code.RANGE_INVALID: 400,
    Code.COST_EXCEEDED: 413,
    Code.TIMEOUT: TRY_LATER,
    Code.UNAVAILABLE: TRY_LATER,
    Code.NO_DATA: TRY_LATER,
    Code.DATA_INCOMPLETE: TRY_LATER,
    Code.FX_UNAVAILABLE: 422,
    Code.PROVIDER_RATE_LIMITED: TRY_LATER,
    Code.PROVIDER_PLAN_LIMIT: _FAILED,
    Code.PROVIDER_ERROR: _FAILED,
    Code.CONFLICT: 409,
    Code.NOT_CONFIGURED: 501,
    Code.INTERNAL: 500,
}


def status_of(codes: Iterable[Code]) -> int:
    """The gravest status of these errors; 200 where there are none."""
    return max((_STATUSES[code] for code in codes), default=200)


def status_of_outcomes(outcomes: Iterable[Outcome]) -> int:
    """The gravest: 502 for a refresh that failed, even in part, 503 for one to try later, 4xx for a refused one."""
    return max((_status_of_outcome(outcome) for outcome in outcomes), default=200)


def _status_of_outcome(outcome: Outcome) -> int:
    if outcome.error:
        return status_of([outcome.error.code])
    if outcome.exit_code == _EXIT_TRY_LATER:
        return TRY_LATER
    # A run that goes on has no exit code yet: it was accepted, which is all that was asked.
    return _FAILED if outcome.exit_code else 200
