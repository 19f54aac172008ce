"""Runs a command for as long as another process lives: `beside.py PID COMMAND...`.

`make demo` builds the web pages with it beside the server: Ctrl-C must not leave npm running, and the shell makes
whatever it starts in the background deaf to Ctrl-C. It is killed outright, since npm may take its time over a polite
request, and nothing is lost: npm starts anew, and a build replaces the one before only when it is whole.
"""

import os
import signal
import subprocess
import sys
from time import sleep


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def main(pid: int, command: list[str]) -> int:
    process = subprocess.Popen(command, start_new_session=True)  # noqa: S603 (the Makefile's own command)
    while process.poll() is None:
        if not alive(pid):
            os.killpg(process.pid, signal.SIGKILL)
        sleep(0.5)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
