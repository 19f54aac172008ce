"""Programs that run beside the benchmark, each started for it and ended by it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pricegraph.death_signal import end_with_parent
from tests.programs import environment

ROOT = Path(__file__).parents[1]
PRICEGRAPH = Path(sys.executable).with_name("pricegraph")
_PATIENCE = 60.0  # seconds to start, and to stop


@dataclass(frozen=True)
class Running:
    """A program that was started; `port` is the one of 127.0.0.1 that it was told to listen on, if any."""

    process: subprocess.Popen[bytes]
    log: IO[bytes]
    port: int

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_until_it_listens(self) -> None:
        self.wait_for(lambda: _accepts(self.port))

    def wait_for(self, holds: Callable[[], bool]) -> None:
        """Raises a RuntimeError, with what it has said, when the program ends before or takes too long."""
        deadline = time.monotonic() + _PATIENCE
        while not holds():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.log.seek(0)
                said = self.log.read().decode(errors="replace")
                raise RuntimeError(f"{self.process.args!r} does not get ready; it said:\n{said}")
            time.sleep(0.05)


@contextmanager
def program(command: Sequence[str], given: Mapping[str, str], port: int = 0) -> Iterator[Running]:
    """Runs as long as the block. `given` is added to the surroundings, from which all else that configures pricegraph
    is taken.
    """
    parent = os.getpid()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603 - the commands are ours
            command,
            cwd=ROOT,
            env=environment(**given) | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the benchmark, which ends them in order
            preexec_fn=lambda: end_with_parent(parent, signal.SIGTERM),
        )
        try:
            yield Running(process, log, port)
        finally:
            _stop(process)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _accepts(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
