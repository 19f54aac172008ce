"""The loop that programs run on, and ports that processes share."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from pricegraph.serve import listen, run_async, share_port


@pytest.fixture(params=["127.0.0.1", "::1"])
def shared(request: pytest.FixtureRequest) -> Iterator[list[socket.socket]]:
    """Three sockets on one port."""
    with ExitStack() as stack:
        listeners = share_port(listen(request.param, 0), 3)
        for listener in listeners:
            stack.enter_context(listener)
            listener.setblocking(False)
        yield listeners


def accepted(listener: socket.socket) -> int:
    """How many connections wait at a socket; they are closed."""
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def test_programs_run_on_the_fastest_loop_there_is() -> None:
    async def loop() -> str:
        return type(asyncio.get_running_loop()).__module__

    assert run_async(loop()) == "uvloop"


def test_connections_to_a_shared_port_are_spread_over_its_sockets(shared: list[socket.socket]) -> None:
    host, port = shared[0].getsockname()[:2]
    with ExitStack() as stack:
        for _ in range(90):
            stack.enter_context(socket.create_connection((host, port), timeout=20))
        counts = [accepted(listener) for listener in shared]

    assert sum(counts) == 90
    assert min(counts) > 5


def test_a_shared_port_is_taken_like_any_other(shared: list[socket.socket]) -> None:
    host, port = shared[0].getsockname()[:2]

    with pytest.raises(OSError, match="in use"):
        listen(host, port)
