"""`python -m schema.export` writes the SDL; with `--check` it compares the committed one instead."""

from __future__ import annotations

import sys
from pathlib import Path

from schema.schema import sdl

FILE = Path(__file__).parent / "schema.graphql"


def main(arguments: list[str]) -> int:
    if arguments != ["--check"]:
        FILE.write_text(sdl())
        return 0
    if FILE.exists() and FILE.read_text() == sdl():
        return 0
    sys.stderr.write("schema/schema.graphql is not what the code says: run  make sdl  and commit the change\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
