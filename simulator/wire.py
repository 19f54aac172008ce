"""Faults on the wire: the right answer, sent badly. Each wraps a response into another ASGI application."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from gzip import compress
from socket import SHUT_WR

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator.connection import connection_of, reset_on_close

_CHUNK = 64 * 1024
_MEGABYTE = 1024 * 1024
_FAREWELL_S = 5.0
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


def _pieces(body: bytes, arg: float | None) -> Iterator[tuple[float, bytes]]:
    """(seconds to wait, part): byte by byte over `arg` seconds (60), a long body in a thousand small parts."""
    size = max(1, len(body) // 1000)
    pause = (60.0 if arg is None else arg) * size / max(1, len(body))
    return ((pause, body[start : start + size]) for start in range(0, len(body), size))


def _drip(response: Response, arg: float | None) -> ASGIApp:
    """The head at once, the body in drops."""

    async def answer(_: Scope, receive: Receive, send: Send) -> None:
        await send(_start(response))
        for pause, piece in _pieces(bytes(response.body), arg):
            if not await _client_waits(receive, pause):
                return
            await send(_part(piece))
        await send(_part(b"", more=False))

    return answer


def _slowloris(response: Response, arg: float | None) -> ASGIApp:
    """The head in drops, then the body at once. Servers send a head whole, so this one goes past the server."""
    lines = [b"HTTP/1.1 %d Slow" % response.status_code, b"connection: close"]
    lines += [name + b": " + value for name, value in response.raw_headers]
    head = b"\r\n".join(lines) + b"\r\n\r\n"

    async def answer(scope: Scope, receive: Receive, _: Send) -> None:
        with suppress(ConnectionError), connection_of(scope) as connection:
            for pause, piece in _pieces(head, arg):
                if not await _client_waits(receive, pause):
                    return
                connection.send(piece)
            await asyncio.get_running_loop().sock_sendall(connection, bytes(response.body))
            connection.shutdown(SHUT_WR)  # lest the server, which has seen no answer, add one of its own
            await _client_waits(receive, _FAREWELL_S)

    return answer


def _reset(response: Response, _: float | None) -> ASGIApp:
    """Half the body, then RST instead of the rest."""
    body = bytes(response.body)

    async def answer(scope: Scope, _receive: Receive, send: Send) -> None:
        await send(_start(response))
        await send(_part(body[: len(body) // 2]))
        with connection_of(scope) as connection:
            reset_on_close(connection)  # the server closes: the answer ends without its last part

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
    "slowloris": _slowloris,
    "truncated": _truncated,
    "wrong-length": _wrong_length,
    "reset": _reset,
    "gzip-bad": _bad_gzip,
    "huge": _huge,
}
