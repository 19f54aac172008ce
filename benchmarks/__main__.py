"""pricegraph and its peers, asked the same: `make bench`. BENCH_ROUNDS and BENCH_SECONDS set how long that takes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import orjson

from benchmarks.contenders import find_contenders
from benchmarks.data import Size
from benchmarks.measure import AnswersDiffer, Effort
from benchmarks.portfolio_data import PortfolioSize
from benchmarks.portfolios import measure_portfolios
from benchmarks.report import to_json, to_markdown
from benchmarks.run import run

RESULTS = Path(__file__).parent / "results"
# 128 + SIGINT, as shells have it.
_INTERRUPTED = 130
_PORTFOLIO_ROUNDS = 20


def main() -> int:
    """Tables on standard output, and both forms in files."""
    contenders, remarks = find_contenders()
    try:
        results = run(Size(), _effort(), contenders, remarks, _say)
        portfolios = measure_portfolios(PortfolioSize(), _PORTFOLIO_ROUNDS, _say)
    except AnswersDiffer as error:
        _say(f"Nothing was measured, for the answers differ. {error}")
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    RESULTS.mkdir(exist_ok=True)
    json = orjson.dumps(to_json(results), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    (RESULTS / "peers.json").write_bytes(json)
    (RESULTS / "peers.md").write_text(to_markdown(results))
    (RESULTS / "portfolios.md").write_text(portfolios)
    sys.stdout.write(to_markdown(results) + "\n" + portfolios)
    _say(f"written to {RESULTS}/peers.json, peers.md and portfolios.md")
    return 0


def _effort() -> Effort:
    rounds, seconds = (os.environ.get(name) for name in ("BENCH_ROUNDS", "BENCH_SECONDS"))
    return Effort(int(rounds or Effort.rounds), float(seconds or Effort.seconds))


def _say(line: str) -> None:
    """Progress; the results alone go to standard output."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
