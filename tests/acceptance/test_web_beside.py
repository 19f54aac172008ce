"""`web/beside.py`: what builds the web pages beside the demo ends with it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pricegraph.pages import built_pages

BESIDE = built_pages().parent / "beside.py"
LIMIT = 30.0  # seconds
# As npm does: a child of its own, and no wish to end early.
STUBBORN = "trap '' INT TERM; sleep 600 & echo $$ $! >{file}.new; mv {file}.new {file}; wait"


def wait_until(holds: Callable[[], object]) -> None:
    give_up = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < give_up, "it did not come about"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    """A zombie has ended: whoever inherited it has only not looked yet."""
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def beside(parent: int, *command: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, str(BESIDE), str(parent), *command])


def test_a_command_that_ends_by_itself_gives_its_exit_code() -> None:
    with beside(os.getpid(), "sh", "-c", "exit 3") as process:
        assert process.wait(LIMIT) == 3


def test_the_command_and_its_children_are_ended_once_the_other_process_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "started"
    with subprocess.Popen(["sleep", "60"]) as demo:
        process = beside(demo.pid, "sh", "-c", STUBBORN.format(file=file))
        wait_until(file.exists)
        started = [int(pid) for pid in file.read_text().split()]
        assert all(map(lives, started))

        demo.kill()

    wait_until(lambda: not any(map(lives, started)))
    assert process.wait(LIMIT) == -signal.SIGKILL % 256


def test_the_command_goes_on_while_the_other_process_lives(tmp_path: Path) -> None:
    file = tmp_path / "started"
    process = beside(os.getpid(), "sh", "-c", f"sleep 1.5; touch {file}")

    assert process.wait(LIMIT) == 0
    assert file.exists()
