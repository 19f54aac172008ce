"""`make bench` in small: real processes, real answers, figures of no worth."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from benchmarks.contenders import UNCACHED, YARDSTICK, find_contenders
from benchmarks.data import TWENTY_COINS, Size
from benchmarks.measure import Effort
from benchmarks.report import to_json, to_markdown
from benchmarks.run import run

SMALL = Size(TWENTY_COINS[:2], hourly=timedelta(days=2), daily=timedelta(days=4))
# Two calls at once and then one in three seconds: the refresh is still writing when the readers have done.
SHORT = Effort(rounds=1, seconds=0.01, warm_up=0.01, beside_refresh=0.2, with_workers=0.2, calls_per_minute=20)


@pytest.mark.slow
def test_the_benchmark_measures_processes_that_answer_the_same() -> None:
    contenders = [one for one in find_contenders()[0] if one.name in (UNCACHED, YARDSTICK, "Strawberry")]

    results = run(SMALL, SHORT, contenders, [], say=lambda _: None)

    json = orjson.loads(orjson.dumps(to_json(results)))
    assert {one["case"] for one in json["measured"]} == {"h11", "h1", "d365", "light", "c20"}
    assert all(one["cpu"]["median"] > 0 for one in json["measured"])
    assert [one["refreshing"] for one in json["beside_refresh"]] == [False, False, True, True]
    assert {one["workers"] for one in json["workers"]} >= {1, 2}
    assert all(one["serve"] > 0 and one["client"] > 0 and 0 < one["busy"] <= 1 for one in json["workers"])
    assert f"| {YARDSTICK} |" in to_markdown(results)
