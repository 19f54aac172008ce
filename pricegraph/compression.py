"""Answers compressed as the client takes it, at the cheapest levels: gzip's usual one costs as much as a request.

An attacker who sees the sizes of compressed answers learns nothing (BREACH): no answer holds a secret beside what the
request said.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]  # it has no stubs
import zstandard
from starlette.responses import Response

from pricegraph.negotiation import choose_encoding

# Less fits in one packet either way.
_SMALL = 1_000
# From this many bytes on it may take a millisecond and more, spent in a thread: the compressors let the loop go
# on. A thread costs 0.03 ms.
_LARGE = 200_000
_GZIP_FORMAT = 31

# Among those that a client likes equally the first one wins: the fastest, and the smallest answers.
_COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstandard.ZstdCompressor(level=1).compress(body),
    "br": lambda body: brotli.compress(body, quality=1),
    "gzip": lambda body: zlib.compress(body, level=1, wbits=_GZIP_FORMAT),
}


async def compress(response: Response, accept_encoding: str | None) -> None:
    """Encode the body of a complete answer, if that is worth it and the client takes it; its `Vary` has to say so."""
    body = bytes(response.body)
    encoding = choose_encoding(accept_encoding, tuple(_COMPRESSORS)) if len(body) >= _SMALL else None
    if encoding is None:
        return
    compressor = _COMPRESSORS[encoding]
    response.body = compressor(body) if len(body) < _LARGE else await asyncio.to_thread(compressor, body)
    response.headers["content-encoding"] = encoding
    response.headers["content-length"] = str(len(response.body))
