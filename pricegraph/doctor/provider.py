"""Whether the provider answers these settings."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic

import httpx

from ingest.errors import Kind, ProviderError
from ingest.http import Answer
from ingest.providers.coingecko import CoinGecko, make_client
from ingest.settings import IngestSettings
from pricegraph.doctor.findings import DEADLINE_SECONDS, Finding, ok, problem, warning

NETWORK = "see whether COINGECKO_URL, the firewall and a proxy let this machine through"
ADVICE = {
    Kind.RATE_LIMITED: "wait a minute; whatever else uses this key or address counts too",
    Kind.QUOTA: "wait for the next month, or take a larger plan",
    Kind.AUTH: "correct COINGECKO_API_KEY and COINGECKO_PLAN, which belong together, and start the workers again",
    Kind.BLOCKED: "wait a quarter of an hour; a key of your own helps where many share an address",
    Kind.DRIFT: "correct COINGECKO_URL; if it is right, pricegraph needs a newer version",
}
# What the network says, the most telling first.
_CAUSES = (
    (socket.gaierror, "its name is unknown", "correct COINGECKO_URL, or this machine's DNS"),
    (ssl.SSLError, "TLS with it failed", "see whether this machine's clock and certificates are right"),
    (ConnectionRefusedError, "nobody listens there", "correct COINGECKO_URL; a proxy or firewall may refuse too"),
    (TimeoutError, "it does not answer in time", NETWORK),
    (httpx.TimeoutException, "it does not answer in time", NETWORK),
)


async def check_provider(settings: IngestSettings, now: Callable[[], datetime]) -> tuple[Finding, float | None]:
    """One call, outside the budget, for it may show that a refused key works again.

    Answers also by how many seconds the provider's clock is ahead, if that can be told.
    """
    try:
        client = make_client(settings)
    except (httpx.InvalidURL, UnicodeEncodeError):
        found = "cannot be asked with these settings"
        return problem("provider", found, "correct COINGECKO_URL and COINGECKO_API_KEY"), None
    host = client.base_url.host
    async with client:
        begun = monotonic()
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                answer = await CoinGecko(client, None).ping(now())
        except TimeoutError:
            return problem("provider", f"{host} does not answer in time", NETWORK), None
        except ProviderError as error:
            return _explain_refusal(host, error), None
    found = f"{host} answered in {(monotonic() - begun) * 1000:.0f} ms, plan {settings.plan}"
    return ok("provider", found), _ahead(answer, now())


def _explain_refusal(host: str, error: ProviderError) -> Finding:
    for kind, found, advice in _CAUSES:
        if any(isinstance(cause, kind) for cause in _causes(error)):
            return problem("provider", f"{host} cannot be reached: {found}", advice)
    # What follows a semicolon is advice already.
    found = f"{host}: {error.message.partition(';')[0]}"
    if error.kind is Kind.RATE_LIMITED:
        return warning("provider", found, ADVICE[error.kind])
    return problem("provider", found, ADVICE.get(error.kind, f"wait, workers try again by themselves; or {NETWORK}"))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it; of several attempts all."""
    yield error
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else [error.__cause__ or error.__context__]
    for cause in inner:
        if cause is not None:
            yield from _causes(cause)


def _ahead(answer: Answer, now: datetime) -> float | None:
    """By the Date header (RFC 9110, 6.6.1), which leaves out half a second on average."""
    try:
        date = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None
    return (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds() + 0.5
