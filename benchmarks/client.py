"""A client that keeps its connection open and measures how long answers take."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http.client import HTTPConnection
from types import TracebackType
from typing import Self

HEADERS = {"content-type": "application/json", "accept": "application/json", "accept-encoding": "identity"}
_PATIENCE = 60.0  # seconds for one answer


@dataclass(frozen=True)
class Request:
    """What is posted, and where to."""

    path: str
    body: bytes


class Client:
    """One connection to a port of this machine."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._connection.close()

    def ask(self, request: Request, headers: dict[str, str] | None = None) -> bytes:
        """The body of the answer; anything but 200 is an error."""
        self._connection.request("POST", request.path, request.body, HEADERS | (headers or {}))
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{request.path} answered {answer.status}: {body[:500]!r}")
        return body

    def time(self, request: Request) -> float:
        """Seconds from the request's first byte to the answer's last."""
        before = time.perf_counter()
        self.ask(request)
        return time.perf_counter() - before
