"""How far a replica may be behind before doctor minds."""

from __future__ import annotations

import pytest

from db.replication import Lag
from pricegraph.doctor.findings import Verdict
from pricegraph.doctor.replica import TOLERATED, WRONG, judge_lag


@pytest.mark.parametrize(
    ("lag", "verdict", "found"),
    [
        (Lag(0, 0.0), Verdict.OK, "none"),
        (Lag(80, TOLERATED), Verdict.OK, "10 s, 80 bytes"),
        (Lag(4096, TOLERATED + 1), Verdict.WARNING, "11 s, 4,096 bytes"),
        (Lag(4096, WRONG + 1), Verdict.PROBLEM, "301 s, 4,096 bytes"),
        (Lag(4096, None), Verdict.WARNING, "4,096 bytes, and it has replayed nothing since it started"),
    ],
)
def test_lag_is_judged_by_its_age(lag: Lag, verdict: Verdict, found: str) -> None:
    finding = judge_lag(lag)

    assert (finding.verdict, finding.found) == (verdict, found)
    assert (finding.advice is None) == (verdict is Verdict.OK)
