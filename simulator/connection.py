"""The socket under a request: what ASGI hides, and what a fault below HTTP needs."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from starlette.types import Scope

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # linger, for no time


@contextmanager
def connection_of(scope: Scope) -> Iterator[socket.socket]:
    """A second handle on the server's connection to this client; LookupError if there is none."""
    ends = (tuple(scope["server"]), tuple(scope["client"]))
    handles = (_handle(int(name), ends) for name in os.listdir("/dev/fd"))  # noqa: PTH208 - no paths wanted
    found = next((handle for handle in handles if handle), None)
    if found is None:
        raise LookupError("no socket belongs to this request")
    with found:
        yield found


def _handle(descriptor: int, ends: tuple[object, object]) -> socket.socket | None:
    """The descriptor as a socket, if it is one between these two ends."""
    try:
        handle = socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM)
    except OSError:
        return None
    with suppress(OSError):
        if (handle.getsockname()[:2], handle.getpeername()[:2]) == ends:
            return handle
    handle.close()
    return None


def reset_on_close(handle: socket.socket) -> None:
    """Whoever closes the connection now sends RST: what is under way is lost."""
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
