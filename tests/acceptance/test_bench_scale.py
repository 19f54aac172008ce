"""`make bench-scale`, at a size that takes seconds: it fills, compares, plans, and tells the same as JSON."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.programs import environment

ROOT = Path(__file__).parents[2]
COINS, DAYS = 20, 100


@pytest.mark.slow
def test_the_script_compares_a_large_store_with_a_plain_and_a_small_one(tmp_path: Path) -> None:
    file = tmp_path / "results" / "scale.json"
    command = [sys.executable, "-m", "benchmarks.scale", "--coins", str(COINS), "--days", str(DAYS), "--rounds", "1"]

    done = subprocess.run(
        [*command, "--json", str(file)], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stderr
    result = orjson.loads(file.read_bytes())
    assert result["databases"]["large"]["coins"] == COINS
    assert result["databases"]["small"]["coins"] == 11
    readings = result["measured"][0]["readings"]
    assert [reading["reading"] for reading in readings if reading["growth"] <= 0 or reading["ofPlain"] <= 0] == []
    for reading in readings:
        assert reading["reading"] in done.stdout
        assert all(reading[name]["p50"] > 0 and reading[name]["times"] == 1 for name in ("large", "plain", "small"))
    tasks = {plan["says"]: plan["tasks"] for plan in result["plans"]}
    assert tasks == {
        "nothing is missing in a year": 0,
        "an hour is missing at the end of a year; recorded": COINS,
        "an hour is missing every ten days of a year; recorded": 2 * COINS,
        "a day is missing at the end of 90 days": COINS,
        "all of 90 days is missing; recorded": 2 * COINS,
        "all of 90 days is missing in 4 currencies; recorded": 4 * 2 * COINS,
    }
    assert all(30 < plan["megabytes"] < 500 for plan in result["plans"])
