"""The figures beside what they have to reach: as tables to read, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.scale.compression import Compressed
from benchmarks.scale.planning import Planned
from benchmarks.scale.readings import READINGS, Reading
from benchmarks.scale.rounds import Timings
from benchmarks.scale.scale import Stored

MOST_GROWTH = 1.5
MOST_OF_PLAIN = 1.25
MOST_SECONDS = 10
MOST_MEGABYTES = 500
LARGE, PLAIN, SMALL = "large", "plain", "small"

Found = Mapping[str, Mapping[str, Timings]]


@dataclass(frozen=True)
class Measured:
    """One series of rounds: `says` how the large database stores its prices."""

    says: str
    databases: Mapping[str, Stored]
    found: Found


@dataclass(frozen=True)
class Report:
    server: str
    measured: Sequence[Measured]
    plans: Sequence[Planned]
    compressed: Compressed | None


def to_json(report: Report) -> dict[str, Any]:
    """Milliseconds. Ratios are of costs; for readings of all coins, `growth` is that of the cost for each of them."""
    return {
        "server": report.server,
        "databases": {name: asdict(one.scale) for name, one in report.measured[0].databases.items()},
        "measured": [
            {"store": one.says, "readings": [_figures(one, reading) for reading in READINGS]} for one in report.measured
        ],
        "plans": [asdict(plan) for plan in report.plans],
        "compressed": asdict(report.compressed) if report.compressed else None,
    }


def to_text(report: Report) -> str:
    """Markdown."""
    return "\n".join(_lines(report))


def _figures(measured: Measured, reading: Reading) -> dict[str, Any]:
    timings = measured.found[reading.name]
    figures: dict[str, Any] = {"reading": reading.name}
    for name, one in timings.items():
        figures[name] = {"p50": 1000 * one.p50, "p95": 1000 * one.p95, "cost": 1000 * one.cost, "times": len(one.wall)}
    large, plain, small = (timings[name].cost for name in (LARGE, PLAIN, SMALL))
    if reading.coins is None:
        small *= measured.databases[LARGE].scale.coins / measured.databases[SMALL].scale.coins
    return figures | {"growth": large / small, "ofPlain": large / plain}


def _lines(report: Report) -> Iterator[str]:
    yield (
        f"{report.server}. Milliseconds until the answer, median and 95th percentile; then the processor's part, of "
        "the API or of the database with its client (where that cannot be seen: the median), which the ratios compare."
    )
    for measured in report.measured:
        large, small = (measured.databases[name].scale for name in (LARGE, SMALL))
        yield ""
        yield (
            f"| {measured.says} | {large.coins:,} coins x {large.days} days, {large.rows:,} rows | the same in a plain "
            f"table | {small.coins} coins | growth, at most {MOST_GROWTH} | of plain, at most {MOST_OF_PLAIN} |"
        )
        yield "|---|---|---|---|---|---|"
        for reading in READINGS:
            yield _row(measured, reading)
    yield ""
    yield (
        f"| plan of a refresh | series | tasks | s, at most {MOST_SECONDS} | processor time, s "
        f"| MB, at most {MOST_MEGABYTES} |"
    )
    yield "|---|---|---|---|---|---|"
    for plan in report.plans:
        seconds, megabytes = _verdict(plan.seconds, MOST_SECONDS), _verdict(plan.megabytes, MOST_MEGABYTES)
        work = "" if plan.work is None else f"{plan.work:.2f}"
        yield f"| {plan.says} | {plan.series:,} | {plan.tasks:,} | {seconds} | {work} | {megabytes} |"
    if (compressed := report.compressed) is not None and compressed.bytes_after:
        yield ""
        yield (
            f"{compressed.chunks} chunks compressed: {compressed.bytes_before / 1e9:.2f} GB to "
            f"{compressed.bytes_after / 1e9:.2f} GB, {compressed.bytes_before / compressed.bytes_after:.1f} x smaller"
        )


def _row(measured: Measured, reading: Reading) -> str:
    figures = _figures(measured, reading)
    cells = ["{p50:.2f}, {p95:.2f}; {cost:.2f}".format_map(figures[name]) for name in (LARGE, PLAIN, SMALL)]
    cells += [_verdict(figures["growth"], MOST_GROWTH), _verdict(figures["ofPlain"], MOST_OF_PLAIN)]
    return f"| {reading.name} | {' | '.join(cells)} |"


def _verdict(value: float, most: float) -> str:
    return f"{value:.2f}" if value <= most else f"**{value:.2f}: not reached**"
