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
