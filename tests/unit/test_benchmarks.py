"""What a benchmark says rests on these: that answers are compared by meaning, and how figures become tables."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from benchmarks.cases import Case, Histories, LatestPrices
from benchmarks.client import Request
from benchmarks.contenders import POSTGRAPHILE, UNCACHED, WARM, YARDSTICK, Contender
from benchmarks.cpu import cpu_seconds
from benchmarks.dialects import Plain, PostGraphileQL, PricegraphQL, Rows, differences
from benchmarks.figures import Spread, percentile
from benchmarks.measure import AnswersDiffer, Cell, Turn, compare_answers
from benchmarks.report import Results, to_json, to_markdown
from benchmarks.targets import check_targets
from benchmarks.workers import Load, compare_workers, worker_counts
from db.series import HOUR, Granularity, Window

START = datetime(2026, 11, 20, tzinfo=UTC)
HISTORY = Histories(["bitcoin"], "usd", Granularity.HOURLY, Window(START, START + 2 * HOUR))
LATEST = LatestPrices(["bitcoin"])
CASE = Case("h", "1 coin, 2 hours", HISTORY)
ROWS: Rows = [("bitcoin", START.timestamp() + 3600 * i, 90_000.5 + i, 1.8e12, 3e10) for i in range(2)]


def ours(*points: tuple[str, float]) -> bytes:
    shown = [{"time": time, "price": price, "marketCap": 1.8e12, "volume24h": 3e10} for time, price in points]
    return orjson.dumps({"data": {"priceHistory": [{"slug": "bitcoin", "history": {"points": shown}}]}})


def theirs(*points: tuple[str, float]) -> bytes:
    shown = [{"ts": time, "price": price, "marketCap": 1.8e12, "volume24H": 3e10} for time, price in points]
    return orjson.dumps({"data": {"allCoins": {"nodes": [{"slug": "bitcoin", "points": {"nodes": shown}}]}}})


def cell(contender: str, *cpu: float, case: Case = CASE) -> Cell:
    turns = [Turn(seconds, None, [seconds, seconds * 2]) for seconds in cpu]
    return Cell(case, Contender(contender, Plain(), []), Request("/", b""), 100, 2, turns)


def test_answers_in_different_languages_mean_the_same() -> None:
    mine = ours(("2026-11-20T00:00:00Z", 90_000.5), ("2026-11-20T01:00:00Z", 90_001.5))
    other = theirs(("2026-11-20T02:00:00.000+01:00", 90_001.5), ("2026-11-19T19:00:00-05:00", 90_000.5))

    assert PricegraphQL().read(HISTORY, mine) == Plain().read(HISTORY, mine) == ROWS
    assert PostGraphileQL().read(HISTORY, other) == ROWS


def test_the_last_digits_of_a_converted_price_may_differ_and_nothing_else() -> None:
    (slug, time, price, *rest), second = ROWS
    assert isinstance(price, float)

    assert differences(ROWS, [(slug, time, price * (1 + 1e-12), *rest), second]) is None
    assert differences(ROWS, [(slug, time, price * (1 + 1e-6), *rest), second]) is not None
    assert differences(ROWS, [(slug, time, None, *rest), second]) is not None
    assert differences(ROWS, [("ethereum", time, price, *rest), second]) is not None
    assert differences(ROWS, [ROWS[0]]) == "2 rows against 1"


def test_nothing_is_measured_when_an_answer_differs_or_is_not_whole() -> None:
    compare_answers(CASE, {"one": ROWS, "other": list(ROWS)})
    with pytest.raises(AnswersDiffer, match="h: one and other answer differently: 2 rows against 1"):
        compare_answers(CASE, {"one": ROWS, "other": ROWS[:1]})
    with pytest.raises(AnswersDiffer, match="h: one answers 0 rows instead of 2"):
        compare_answers(CASE, {"one": [], "other": []})


def test_an_answer_with_errors_is_no_answer() -> None:
    with pytest.raises(RuntimeError, match="no such coin"):
        PricegraphQL().read(LATEST, orjson.dumps({"errors": [{"message": "no such coin"}], "data": None}))


def test_postgraphile_is_not_asked_what_it_cannot_answer() -> None:
    assert PostGraphileQL().ask(replace(HISTORY, currency="jpy", coverage=True)) is None


def test_percentiles_are_values_that_were_measured() -> None:
    assert [percentile([4.0, 1.0, 3.0, 2.0], share) for share in (0.0, 0.5, 0.75, 0.99)] == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("child", [False, True])
def test_processor_time_is_that_of_a_process_and_of_its_children(child: bool) -> None:
    before = cpu_seconds(os.getpid())

    if child:
        subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.1: pass"], check=True)
    else:
        end = time.process_time() + 0.1
        while time.process_time() < end:
            pass

    assert cpu_seconds(os.getpid()) - before > 0.08  # the kernel counts those of children in hundredths


def test_ratios_are_taken_round_by_round() -> None:
    """A round in which the machine was twice as slow for everybody changes nothing."""
    assert cell("a", 1.0, 2.0, 1.0).ratio(cell("b", 2.0, 4.0, 2.0)) == Spread(0.5, 0.5, 0.5)


def test_ratios_are_told_where_both_sides_were_measured_and_checked_where_there_is_a_target() -> None:
    hourly, daily, light = Case("h11", "hours", HISTORY), Case("d365", "days", HISTORY), Case("light", "latest", LATEST)
    cells = [
        cell(UNCACHED, 1.2, 1.2, 1.4, case=hourly),
        cell(YARDSTICK, 1.0, 1.0, 1.0, case=hourly),
        cell(POSTGRAPHILE, 4.8, 2.0, 2.0, case=hourly),
        cell(UNCACHED, 1.0, case=daily),
        cell(YARDSTICK, 0.4, case=daily),
        cell(WARM, 1.0, case=light),
    ]

    found = [(one.case, one.against, one.ratio.median, one.reached) for one in check_targets(cells)]

    assert found == [
        ("h11", YARDSTICK, 1.2, True),
        ("d365", YARDSTICK, 2.5, None),
        ("h11", POSTGRAPHILE, 0.6, False),
    ]


def test_the_report_shows_every_contender_with_spread_and_says_what_is_missing() -> None:
    converted = Case("c", "converted", replace(HISTORY, currency="jpy", coverage=True))
    cells = [
        cell(UNCACHED, 0.0012, 0.0010, 0.0016),
        cell(UNCACHED, 0.5, case=converted),
        cell(POSTGRAPHILE, 0.002, 0.002, 0.002),
    ]
    results = Results(START + timedelta(hours=9), "PostgreSQL 18", 3, ["Ariadne is left out"], cells, [], [])

    text, json = to_markdown(results), orjson.loads(orjson.dumps(to_json(results)))

    assert "| pricegraph, cache off | 1.20 (1.00-1.60) | 500 (500-500) |" in text
    assert "| PostGraphile | 2.00 (2.00-2.00) | - |" in text
    assert "**Ariadne is left out.**" in text
    assert json["cases"] == {"h": "1 coin, 2 hours", "c": "converted"}
    assert json["measured"][0]["cpu"] == {"median": 0.0012, "low": 0.001, "high": 0.0016}


def test_workers_are_powers_of_two_up_to_the_cores_and_two_at_least() -> None:
    assert [worker_counts(cores) for cores in (1, 2, 3, 4, 6, 8)] == [[1, 2]] * 3 + [[1, 2, 4]] * 2 + [[1, 2, 4, 8]]


def test_workers_are_compared_with_one_and_with_what_the_machine_allows() -> None:
    """Two cores, 5 ms of processor time a request: 400 requests a second are the most there can be."""
    one, two = Load(1, 200.0, 0.003, 0.001, 0.001, 0.5), Load(2, 350.0, 0.003, 0.001, 0.001, 0.9)

    alone, both = compare_workers([one, two, one, replace(two, requests_per_second=360.0)], cores=2)

    assert (alone.ratio, alone.at_most) == pytest.approx((1.0, 2.0))
    assert (both.ratio, both.at_most) == pytest.approx((1.775, 2.0))
    assert compare_workers([replace(one, postgres=None)], cores=2)[0].at_most is None
