"""What can go wrong with a provider. The class says what the caller does, the kind says why."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    RATE_LIMITED = "RATE_LIMITED"
    QUOTA = "QUOTA"
    AUTH = "AUTH"
    BLOCKED = "BLOCKED"
    PLAN = "PLAN"
    NOT_FOUND = "NOT_FOUND"
    BAD_REQUEST = "BAD_REQUEST"
    TRANSIENT = "TRANSIENT"
    DRIFT = "DRIFT"
    DOWN = "DOWN"


class ProviderError(Exception):
    """`message` is in plain words, for the person who runs this; it never holds a key or a URL."""

    def __init__(self, kind: Kind, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.retry_after = retry_after


class RetryableProviderError(ProviderError):
    """The same request may succeed later; after `retry_after` seconds, if the provider said so."""


class FatalProviderError(ProviderError):
    """The same request will not succeed; retrying costs calls and gains nothing."""


class NotNow(ProviderError):
    """The budget has no call to give for `retry_after` seconds; nothing was sent."""


# After so many attempts at the same thing it is given up; the next one who asks begins anew.
MAX_ATTEMPTS = 10


def is_final(error: ProviderError, attempts: int) -> bool:
    """A spent month and what people must mend is not waited for; a rate limit is, however often."""
    if isinstance(error, FatalProviderError) or error.kind in (Kind.QUOTA, Kind.AUTH, Kind.BLOCKED, Kind.DRIFT):
        return True
    return error.kind is not Kind.RATE_LIMITED and attempts >= MAX_ATTEMPTS


def code_of(error: ProviderError) -> str:
    """The API's code for it."""
    return _CODES.get(error.kind, "PROVIDER_ERROR")


_CODES = {
    Kind.RATE_LIMITED: "PROVIDER_RATE_LIMITED",
    Kind.QUOTA: "PROVIDER_RATE_LIMITED",
    Kind.PLAN: "PROVIDER_PLAN_LIMIT",
}
