"""The real command line as a process, with nothing of the tester's own settings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

BIN = Path(sys.executable).parent
_OURS = ("PRICEGRAPH_", "COINGECKO_", "COINBASE_", "ESPLORA_", "DATABASE_")
# For what ends in a second or two: a machine that stands still for ten seconds makes a worker take its provider for
# down, which it then leaves alone for a minute.
PATIENCE_SECONDS = 180.0


def environment(**given: str) -> dict[str, str]:
    """The surroundings of a program: the tester's, less what would configure pricegraph, plus what is given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return inherited | {"PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"} | given


class Program:
    """A program that runs until it is told to stop; its output is read all the while."""

    def __init__(self, command: list[str], env: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            command, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        return "".join(self._lines)

    def wait_for(self, text: str) -> str:
        """The output once it holds the text; fails with the output when the program ends or takes too long."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while text not in self.output:
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self.output}"
            assert self.process.poll() is None or text in self.output, f"ended without {text!r}:\n{self.output}"
            time.sleep(0.05)
        return self.output

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code; that of a program that has ended already stays."""
        self.process.send_signal(number)  # does nothing to a process that has ended
        code = self.process.wait(timeout=PATIENCE_SECONDS)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line)


@contextmanager
def program(*arguments: str, env: Mapping[str, str]) -> Iterator[Program]:
    """`pricegraph` with these arguments, ended with the block whatever happens."""
    running = Program([str(BIN / "pricegraph"), *arguments], env)
    try:
        yield running
    finally:
        running.stop()


def call(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """`pricegraph` with these arguments, to its end."""
    return subprocess.run(
        [str(BIN / "pricegraph"), *arguments], env=dict(env), capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
