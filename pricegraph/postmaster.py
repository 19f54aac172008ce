"""PostgreSQL's processes: started so that the kernel ends them with us, awaited, stopped, and outlived."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from pricegraph.death_signal import end_with_parent

PATIENCE = 30.0  # seconds for a former server of the same cluster to go
START_LIMIT = 120.0  # seconds; replaying the log after a crash can take a while
# Nothing of ours is passed on: PG* variables would change the server, the rest may hold secrets.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
_END = {signal.SIGINT, signal.SIGTERM}


class Account(NamedTuple):
    """The user root hands the server to."""

    uid: int
    gid: int


def user_arguments(account: Account | None) -> dict[str, Any]:
    """For `subprocess`: run it as this user; None stays who we are."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def spawn(command: Sequence[str], account: Account | None, log: Path) -> subprocess.Popen[bytes]:
    """In a session of its own: Ctrl-C is for us, the server goes last. The log is written anew."""
    parent = os.getpid()

    def before_it_runs() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _END)
        end_with_parent(parent, signal.SIGINT)  # a fast shutdown

    with log.open("wb") as output, _end_deferred():
        return subprocess.Popen(  # noqa: S603 - the command is ours
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=ENVIRONMENT,
            start_new_session=True,
            preexec_fn=before_it_runs,
            **user_arguments(account),
        )


@contextmanager
def _end_deferred() -> Iterator[None]:
    """Keep the signals that end us until afterwards.

    Python runs hooks of its libraries around a fork and drops whatever they raise, a KeyboardInterrupt too: Ctrl-C at
    that moment would be forgotten.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _END)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _END)


class Postmaster:
    """A `postgres` process that was just started on a cluster."""

    def __init__(self, process: subprocess.Popen[bytes], cluster: Path) -> None:
        self._process = process
        self._cluster = cluster

    def wait_until_ready(self) -> bool:
        """False: it ended, or was not ready within START_LIMIT."""
        give_up = time.monotonic() + START_LIMIT
        while time.monotonic() < give_up and self._process.poll() is None:
            lines = _lock_file_lines(self._cluster)
            if len(lines) >= 8 and lines[0] == str(self._process.pid) and lines[7].strip() == "ready":
                return True
            time.sleep(0.02)
        return False

    def stop(self) -> None:
        """Fast, then immediate shutdown; the latter loses nothing, the next start replays the log."""
        for wish, seconds in ((signal.SIGINT, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
            if self._process.poll() is None:
                self._process.send_signal(wish)
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(seconds)


def outlive_former(cluster: Path) -> int | None:
    """Wait until no former server works on the cluster; answers the process number of one that stays.

    Its parent may have been killed just now; or long ago, and its process number is another's since then.
    """
    give_up = time.monotonic() + PATIENCE
    while pid := _lock_holder(cluster):
        if not _works_in(pid, cluster):
            (cluster / "postmaster.pid").unlink(missing_ok=True)
        elif time.monotonic() > give_up:
            return pid
        else:
            time.sleep(0.05)
    return None


def _lock_holder(cluster: Path) -> int | None:
    """Only a living process: postgres itself deals well with the lock of a dead one."""
    first = (_lock_file_lines(cluster) or [""])[0]
    return int(first) if first.isdecimal() and Path("/proc", first).exists() else None


def _lock_file_lines(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _works_in(pid: int, cluster: Path) -> bool:
    """A postmaster's working folder is its cluster. Processes that may not be asked are not ours."""
    try:
        return Path(f"/proc/{pid}/cwd").samefile(cluster)
    except OSError:
        return False
