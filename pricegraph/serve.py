"""Servers inside one event loop, ended by SIGINT or SIGTERM in good order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, TypeVar

import uvicorn
from starlette.types import ASGIApp
from uvicorn.loops.auto import auto_loop_factory

T = TypeVar("T")

# What an open request gets to end when the server stops.
GRACE_SECONDS = 5


class _Server(uvicorn.Server):
    """uvicorn raises a signal again after it has ended, which would skip our own clean-up; we handle signals."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serve the application on an open socket while the block runs."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_SECONDS
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await server.up.wait()
        yield
    finally:
        server.should_exit = True
        await task


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens already, so that nobody else can take the port; OSError when somebody has."""
    return _listen(socket.AF_INET6 if ":" in host else socket.AF_INET, (host, port))


def share_port(listener: socket.socket, count: int) -> list[socket.socket]:
    """So many sockets on the port of this one, itself the first: the kernel spreads connections over them evenly.

    Of processes that wait at one socket, the first to wake up would take all connections that come together.
    """
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    others = [_listen(listener.family, listener.getsockname(), shared=True) for _ in range(count - 1)]
    return [listener, *others]


def _listen(family: int, address: tuple[Any, ...], *, shared: bool = False) -> socket.socket:
    # asyncio switches Nagle's algorithm off where the protocol is named: else small answers wait 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
    try:
        listener.bind(address)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def keep_what_is_there() -> None:
    """Spare the garbage collector what the start has made and no request throws away, modules and the schema above all.

    Otherwise each full collection goes through it, for a tenth of a second, and answers of many points bring one about
    every thirty requests. Young objects are gone through after 50,000 new ones instead of 700: an answer is made of
    tens of thousands of rows, none of them in a cycle, and going through them time and again took a tenth of it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` on the loop that uvicorn would choose: uvloop, where that is to be had."""
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        return runner.run(main)


def stop_signal() -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM from now on; a second one ends the process at once."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def note() -> None:
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)  # Python's own for SIGINT would raise in the middle of the clean-up

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, note)
    return stop


def stop_order() -> asyncio.Event:
    """Set by SIGTERM, for a process whose parent hears the signals of the outside and says when it is enough."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    return stop
