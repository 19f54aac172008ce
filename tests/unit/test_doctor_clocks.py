"""How far apart clocks may be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pricegraph.doctor.clocks import judge_clocks
from pricegraph.doctor.findings import Verdict

seconds = st.floats(-100, 100)


@given(st.dictionaries(st.sampled_from(["the database", "the provider"]), seconds, min_size=1))
def test_the_clock_that_differs_most_decides_in_either_direction(ahead: dict[str, float]) -> None:
    found = judge_clocks(ahead)

    largest = max(abs(value) for value in ahead.values())
    expected = Verdict.PROBLEM if largest > 30 else Verdict.WARNING if largest > 2 else Verdict.OK
    assert found.verdict is expected
    assert (found.advice is None) == (expected is Verdict.OK)
    assert judge_clocks({who: -value for who, value in ahead.items()}).verdict is expected
