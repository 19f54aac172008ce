"""A rate is never later than its point, and never older than three days."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from db.rates import Rate
from db.series import EPOCH, HOUR
from resolvers.rates import convert_times, last_rate

# Half days apart, so that a rate is often exactly three days old.
TIMES = st.integers(0, 24).map(lambda half_days: EPOCH + half_days * 12 * HOUR)
THREE_DAYS = timedelta(days=3)


@st.composite
def histories(draw: st.DrawFn) -> list[Rate]:
    """Rates with holes, oldest first; each has a value of its own."""
    return [Rate(time, 1.5 + place) for place, time in enumerate(sorted(draw(st.sets(TIMES, max_size=20))))]


def newest(rates: list[Rate], at: datetime) -> Rate | None:
    candidates = [rate for rate in rates if at - THREE_DAYS <= rate.ts <= at]
    return max(candidates, key=lambda rate: rate.ts, default=None)


@given(histories(), TIMES, st.timedeltas(-HOUR, HOUR))
def test_the_last_rate_is_the_newest_that_is_neither_later_nor_older_than_three_days(
    rates: list[Rate], time: datetime, off: timedelta
) -> None:
    assert last_rate(rates, time) == newest(rates, time)
    assert last_rate(rates, time + off) == newest(rates, time + off)


@given(histories(), st.lists(TIMES))
def test_every_time_that_has_a_rate_is_converted_with_its_own(rates: list[Rate], times: list[datetime]) -> None:
    found = convert_times(rates, times)

    expected = [(time, rate.rate, rate.ts) for time in times if (rate := newest(rates, time))]
    assert list(zip(found.times, found.rates, found.rated_at, strict=True)) == expected
