"""Faults on the wire: the right answer, sent badly. Each wraps a response into another ASGI application."""

import asyncio
from collections.abc import Callable
from gzip import compress

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CHUNK = 64 * 1024
_MEGABYTE = 1024 * 1024
Wire = Callable[[Response, float | None], ASGIApp]


async def _client_waits(receive: Receive, seconds: float) -> bool:
    """Sleep, but no longer than the client stays: a silent answer must not hold up the server's shutdown."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return True
    return False


def _delayed(default_s: float) -> Wire:
    def wrap(response: Response, arg: float | None) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if await _client_waits(receive, default_s if arg is None else arg):
                await response(scope, receive, send)

        return answer

    return wrap


def _part(body: bytes, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _start(response: Response) -> Message:
    return {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}


def _drip(response: Response, arg: float | None) -> ASGIApp:
    """The body byte by byte over `arg` seconds (60); a long one in a thousand small parts."""
    body = bytes(response.body)
    size = max(1, len(body) // 1000)
    pause = (60.0 if arg is None else arg) * size / max(1, len(body))

    async def answer(_: Scope, receive: Receive, send: Send) -> None:
        await send(_start(response))
        for start in range(0, len(body), size):
            if not await _client_waits(receive, pause):
                return
            await send(_part(body[start : start + size]))
        await send(_part(b"", more=False))

    return answer


def _truncated(response: Response, _: float | None) -> ASGIApp:
    """Half the JSON, with the content-length of that half."""
    body = bytes(response.body)
    return Response(body[: len(body) // 2], response.status_code, media_type="application/json")


def _wrong_length(response: Response, _: float | None) -> ASGIApp:
    """The whole content-length is promised, half is sent, then the connection is cut."""
    body = bytes(response.body)

    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(_start(response))
        await send(_part(body[: len(body) // 2]))

    return answer


def _bad_gzip(response: Response, _: float | None) -> ASGIApp:
    """Said to be compressed, and damaged behind the header."""
    packed = bytearray(compress(bytes(response.body)))
    packed[10:30] = b"\xff" * 20
    headers = {"content-encoding": "gzip"}
    return Response(bytes(packed), response.status_code, headers, "application/json")


def _huge(_: Response, arg: float | None) -> ASGIApp:
    """`arg` megabytes (300) of valid JSON without a content-length."""
    total = int((300.0 if arg is None else arg) * _MEGABYTE)
    row = b"[1700000000000,1.0],"
    chunk = row * (_CHUNK // len(row))

    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send(_part(b'{"prices":['))
        for _ in range(total // len(chunk) + 1):
            await send(_part(chunk))
            await asyncio.sleep(0)  # others are served meanwhile
        end = b'[1700000000000,1.0]],"market_caps":[],"total_volumes":[]}'
        await send(_part(end, more=False))

    return answer


WIRES: dict[str, Wire] = {
    "slow": _delayed(5.0),
    "timeout": _delayed(60.0),
    "drip": _drip,
    "truncated": _truncated,
    "wrong-length": _wrong_length,
    "gzip-bad": _bad_gzip,
    "huge": _huge,
}
