"""What the tests need from the network or from root, fetched once: `python tests/prepare.py`, before pytest."""

import os
import sys
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.chromium import find_chromium
from tests.machine import CommandFailed, install, on_debian_as_root
from tests.timescaledb import NoTimescaleDB, prepare_timescaledb


def main() -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--require-timescaledb", action="store_true", help="fail if there is none (as under CI)")
    in_ci = bool(os.environ.get("CI"))
    required = parser.parse_args().require_timescaledb or in_ci
    has_timescaledb, has_chromium = _prepare_timescaledb(), _prepare_chromium()
    return int((required and not has_timescaledb) or (in_ci and not has_chromium))


def _prepare_timescaledb() -> bool:
    try:
        prepare_timescaledb()
    except NoTimescaleDB as exc:
        _shout(f"NO TIMESCALEDB: its tests do not run ({exc}).")
        return False
    return True


def _prepare_chromium() -> bool:
    try:
        if on_debian_as_root() and not _has_chromium():
            install("chromium")
        find_chromium()
    except (CommandFailed, FileNotFoundError) as exc:
        _shout(f"NO CHROMIUM: the browser's tests do not run ({exc}).")
        return False
    return True


def _has_chromium() -> bool:
    with suppress(FileNotFoundError):
        return bool(find_chromium())
    return False


def _shout(line: str) -> None:
    print(f"!!! {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
