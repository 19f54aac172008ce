"""The machine the tests run on: what it is, and how a program is run or installed there."""

import os
import platform
import subprocess
from contextlib import suppress


class CommandFailed(Exception):
    """A program of the machine failed; the text is one line."""


def run(*command: str, seconds: float = 900) -> None:
    """Quiet unless it fails. The time limit is for a network that hangs."""
    environment = os.environ | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise CommandFailed(f"{command[0]}: {exc}") from exc
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
        raise CommandFailed(f"{' '.join(command[:2])}: {lines[-1] if lines else done.returncode}")


def on_debian_as_root() -> bool:
    with suppress(OSError):
        return os.geteuid() == 0 and platform.freedesktop_os_release().get("ID") == "debian"
    return False


def install(package: str) -> None:
    """Debian's package of that name, from the mirror the machine is set up for."""
    run("apt-get", "update")
    run("apt-get", "install", "--yes", "--no-install-recommends", package)
