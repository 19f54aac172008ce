"""`make bench-scale`: do queries cost the same however much is stored?

Two databases of 10,000 coins x 1 year of hours, one of them in plain tables, and one of 11 coins. On the server of
DATABASE_URL, where it makes databases of its own and drops them at the end, else on the TimescaleDB of the tests.
"""

from __future__ import annotations

import asyncio
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import orjson

from benchmarks.database import Server, find_server
from benchmarks.scale.compression import can_compress, compress
from benchmarks.scale.memory import memory_settings
from benchmarks.scale.planning import measure_plans
from benchmarks.scale.report import LARGE, PLAIN, SMALL, Measured, Report, to_json, to_text
from benchmarks.scale.rounds import measure_rounds
from benchmarks.scale.scale import Scale, Stored
from benchmarks.scale.stores import stored
from db.series import DAY, floor

_RESULTS = Path(__file__).parents[1] / "results" / "scale.json"


def main() -> None:
    given = _arguments()
    with find_server(memory_settings()) as server, _databases(server, given) as databases:
        report = _measure(server, databases, given.rounds)
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_bytes(orjson.dumps(to_json(report), option=orjson.OPT_INDENT_2))
    sys.stdout.write(f"{to_text(report)}\n\nJSON: {given.json}\n")


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--coins", type=int, default=10_000, help="default: 10,000")
    parser.add_argument("--days", type=int, default=365, help="of hours; default: 365")
    parser.add_argument("--rounds", type=int, default=40, help="how often everything is read; default: 40")
    parser.add_argument("--keep", action="store_true", help="leave the databases for the next run")
    parser.add_argument("--json", type=Path, default=_RESULTS, help=f"default: {_RESULTS.name} beside the benchmarks")
    return parser.parse_args()


@contextmanager
def _databases(server: Server, given: Namespace) -> Iterator[dict[str, Stored]]:
    end = floor(datetime.now(UTC), DAY)
    scale, small = Scale(given.coins, given.days, end), Scale(11, given.days, end)
    with ExitStack() as stack:
        yield {
            LARGE: stack.enter_context(stored(server, scale, keep=given.keep)),
            PLAIN: stack.enter_context(stored(server, scale, plain=True, keep=given.keep)),
            SMALL: stack.enter_context(stored(server, small, keep=given.keep)),
        }


def _measure(server: Server, databases: dict[str, Stored], rounds: int) -> Report:
    """Plans come first: after them what fits into memory is there, as on a server that has been up for a while."""
    plans = measure_plans(databases[LARGE])
    measured = [Measured("uncompressed", databases, asyncio.run(measure_rounds(databases, rounds)))]
    compressed = None
    if can_compress(databases[LARGE]):
        compressed = compress(databases[LARGE])
        plans += measure_plans(databases[LARGE])
        measured.append(Measured("compressed", databases, asyncio.run(measure_rounds(databases, rounds))))
    return Report(server.name, measured, plans, compressed)


if __name__ == "__main__":
    main()
