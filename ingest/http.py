"""One bounded GET: a deadline for the whole answer, not only for each read, and a limit on its size."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from ingest.errors import Kind, RetryableProviderError

DEADLINE_SECONDS = 10.0
MAX_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


async def get(client: httpx.AsyncClient, path: str, parameters: Mapping[str, str | int]) -> Answer:
    """Fetch one answer; redirects are not followed, and every failure below HTTP is a retryable error."""
    try:
        async with (
            asyncio.timeout(DEADLINE_SECONDS),
            client.stream("GET", path, params=dict(parameters), follow_redirects=False) as response,
        ):
            return Answer(response.status_code, response.headers, await _read(response))
    except TimeoutError as error:
        raise RetryableProviderError(Kind.TRANSIENT, "the provider did not answer in time") from error
    except httpx.DecodingError as error:
        raise RetryableProviderError(Kind.TRANSIENT, "the provider's answer was damaged") from error
    except httpx.HTTPError as error:
        raise RetryableProviderError(Kind.TRANSIENT, "the connection to the provider failed") from error


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_BYTES:
            raise RetryableProviderError(Kind.TRANSIENT, "the provider's answer was larger than 20 MB")
    return bytes(body)
