"""What sources of accounts have in common: answers that are not read, and answers that are refusals.

An error with `retry_after` holds back every account of the source, see `ingest.pacing`. So only those have it that are
about the source or this machine: a key that is refused, or an account with odd data, keeps nobody else waiting.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import msgspec

from ingest.errors import FatalProviderError, Kind, ProviderError, RetryableProviderError
from ingest.http import Answer
from ingest.retry_after import read_retry_after

T = TypeVar("T")
# For an address that is refused.
BLOCKED_SECONDS = 900.0
# As much as is passed on of what a provider says, in characters.
_LONGEST_REASON = 200


def is_json(answer: Answer) -> bool:
    return "json" in answer.headers.get("content-type", "")


def decode(source: str, answer: Answer, type_: type[T]) -> T:
    """The answer's data. Damaged JSON is worth another try, JSON of another form is not."""
    if not is_json(answer):
        raise FatalProviderError(Kind.DRIFT, f"{source} answered something that is not JSON: schema changed?")
    try:
        return msgspec.json.decode(answer.body, type=type_)
    except msgspec.ValidationError as error:
        raise FatalProviderError(Kind.DRIFT, f"{source}'s schema changed: {error}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise RetryableProviderError(Kind.TRANSIENT, f"{source}'s answer was damaged") from error


def refuse(source: str, answer: Answer, reason: str | None, unhinted_wait: float, now: datetime) -> ProviderError:
    """What a status other than 200 means, where the source means nothing special by it.

    `reason` is what the source says; `unhinted_wait` how long a rate limit lasts when it does not say, in seconds.
    """
    said = (reason or "no reason given")[:_LONGEST_REASON]
    match answer.status:
        case 429:
            return rate_limited(source, answer, unhinted_wait, now)
        case 403 | 451:
            return FatalProviderError(Kind.BLOCKED, f"{source} refuses this machine for now", BLOCKED_SECONDS)
        case 404:
            return FatalProviderError(Kind.NOT_FOUND, f"{source} does not have what was asked for: {said}")
        case 301 | 302 | 303 | 307 | 308:
            return FatalProviderError(Kind.DRIFT, f"{source} redirects: its address changed")
        case 408 | 425:
            return RetryableProviderError(Kind.TRANSIENT, f"{source} was not ready")
        case status if 400 <= status < 500:
            return FatalProviderError(Kind.BAD_REQUEST, f"{source} refused the request: {said}")
    return RetryableProviderError(Kind.TRANSIENT, f"{source} answered with status {answer.status}")


def rate_limited(source: str, answer: Answer, unhinted_wait: float, now: datetime) -> RetryableProviderError:
    wait = read_retry_after(answer.headers.get("retry-after"), now)
    return RetryableProviderError(
        Kind.RATE_LIMITED, f"{source}'s rate limit was reached", unhinted_wait if wait is None else wait
    )
