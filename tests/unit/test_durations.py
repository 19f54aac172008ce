"""Durations of fixed length."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.durations import format_duration, parse_duration

CENTURY = timedelta(days=36_525)


@given(st.integers(1, int(CENTURY.total_seconds())).map(lambda seconds: timedelta(seconds=seconds)))
def test_what_is_written_is_read_as_the_same_length(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1), ("90m", 5400), ("36h", 129_600), ("7d", 604_800), ("2w", 1_209_600)]
)
def test_units_are_seconds_to_weeks(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("duration", "text"), [(timedelta(minutes=90), "90m"), (timedelta(hours=48), "2d"), (timedelta(days=14), "2w")]
)
def test_the_largest_unit_that_divides_it_is_written(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text


@pytest.mark.parametrize("text", ["", "0s", "7", "d", "-7d", "1.5h", "1mo", "1y", "7D", "٣d", "7d ", "7d\n", 7, None])
def test_anything_else_is_refused_with_examples(text: object) -> None:
    with pytest.raises(ValueError, match="90m, 36h, 7d or 2w"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["36526d", "5218w", "999999999w", "999999999d"])
def test_more_than_a_century_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="at most 36525d"):
        parse_duration(text)


def test_the_longest_one_before_now_is_still_in_the_calendar() -> None:
    assert datetime(2026, 11, 20, tzinfo=UTC) - parse_duration("36525d") == datetime(1926, 11, 20, tzinfo=UTC)
