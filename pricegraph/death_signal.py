"""Processes that the kernel ends together with the one that started them, however that came to its end."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None)


def end_with_parent(parent: int, number: signal.Signals) -> None:
    """For a child right after the fork: this signal, once the thread that started it is gone. Linux only.

    Linux forgets the wish when the user changes, so this comes after any such change.
    """
    if sys.platform == "linux":
        _libc.prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)
