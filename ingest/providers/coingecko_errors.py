"""CoinGecko's refusals, told apart by status and body.

CoinGecko has four JSON shapes for errors, two of text, and puts some of them under status 200 (its documentation,
"Errors and rate limits", and captured answers), so neither the status nor the body alone is enough.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ingest.errors import FatalProviderError, Kind, ProviderError, RetryableProviderError
from ingest.http import Answer
from ingest.retry_after import read_retry_after

# Without Retry-After: until the next minute's window for certain, and a quarter of an hour for a refused address or key
# and for answers in a form that we do not know.
RATE_LIMIT_SECONDS = 60.0
REFUSED_SECONDS = 900.0


def classify(answer: Answer, payload: Any, now: datetime) -> ProviderError | None:
    """What the answer refuses, or None when it is data. `payload` is the decoded body, None when it is not JSON."""
    code, message = _read_error(payload)
    if answer.status == 200 and code is None and message is None and payload is not None:
        return None
    return _by_code(code, answer, now) or _by_status(answer, payload, message, now)


def _by_code(code: int | None, answer: Answer, now: datetime) -> ProviderError | None:
    match code:
        case 429:
            return _rate_limited(answer, now)
        case 10006:
            return FatalProviderError(Kind.QUOTA, "CoinGecko's monthly calls are used up", REFUSED_SECONDS)
        case 10002:
            return FatalProviderError(
                Kind.AUTH, "CoinGecko refused the API key; check COINGECKO_API_KEY", REFUSED_SECONDS
            )
        case 10010 | 10011:
            return FatalProviderError(
                Kind.AUTH, "CoinGecko's key belongs to another plan; check COINGECKO_PLAN", REFUSED_SECONDS
            )
        case 10005:
            return FatalProviderError(Kind.PLAN, "CoinGecko's plan does not include this request")
        case 10012:
            return FatalProviderError(Kind.PLAN, "CoinGecko's plan does not reach back that far")
    return None


def _by_status(answer: Answer, payload: Any, message: str | None, now: datetime) -> ProviderError:
    match answer.status:
        case 429:
            return _rate_limited(answer, now)
        case 401:
            return FatalProviderError(
                Kind.AUTH, "CoinGecko asks for an API key; set COINGECKO_API_KEY", REFUSED_SECONDS
            )
        case 403:
            return FatalProviderError(Kind.BLOCKED, "CoinGecko refuses this address for now", REFUSED_SECONDS)
        case 404:
            return FatalProviderError(Kind.NOT_FOUND, "CoinGecko does not know this coin (any more)")
        case 400 | 422:
            return FatalProviderError(
                Kind.BAD_REQUEST, f"CoinGecko refused the request: {message or 'no reason given'}"
            )
        case 301 | 302 | 303 | 307 | 308:
            return FatalProviderError(Kind.DRIFT, "CoinGecko redirects: its address changed", REFUSED_SECONDS)
        case 200 if payload is None:
            return FatalProviderError(
                Kind.DRIFT, "CoinGecko answered something that is not JSON: schema changed?", REFUSED_SECONDS
            )
    return RetryableProviderError(Kind.TRANSIENT, f"CoinGecko answered with status {answer.status}")


def _rate_limited(answer: Answer, now: datetime) -> RetryableProviderError:
    wait = read_retry_after(answer.headers.get("retry-after"), now)
    return RetryableProviderError(
        Kind.RATE_LIMITED, "CoinGecko's rate limit was reached", RATE_LIMIT_SECONDS if wait is None else wait
    )


def _read_error(payload: Any) -> tuple[int | None, str | None]:
    """Code and message from `{"error": "…"}`, `{"status": {…}}`, `{"error": {"status": {…}}}` or the flat shape."""
    if not isinstance(payload, dict):
        return None, None
    error = payload.get("error")
    if isinstance(error, str):
        return None, error
    inner = error if isinstance(error, dict) else payload
    status = inner.get("status")
    if not isinstance(status, dict):
        return None, None
    code = inner.get("error_code", status.get("error_code"))
    message = status.get("error_message")
    return (code if isinstance(code, int) else None), (message if isinstance(message, str) else None)
