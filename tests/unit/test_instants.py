"""Instants: ISO 8601 with any offset, or relative to the request's now."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.errors import ApiError, Code
from resolvers.instants import Instant

NOW = datetime(2026, 3, 31, 19, 37, 12, 345_678, tzinfo=UTC)
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def at(text: str) -> datetime:
    return Instant.parse(text).resolve(NOW)


@given(st.datetimes(timezones=OFFSETS).filter(lambda moment: 1 < moment.year < 9999))
def test_an_offset_is_honoured_and_the_answer_is_utc(moment: datetime) -> None:
    found = at(moment.isoformat())

    assert found == moment
    assert found.utcoffset() == timedelta(0)


@given(st.integers(0, 999_999), st.sampled_from(sorted(UNITS)), st.sampled_from([1, -1]))
def test_a_relative_instant_is_counted_from_now(count: int, unit: str, sign: int) -> None:
    text = f"now{'+' if sign > 0 else '-'}{count}{unit}"
    try:
        expected = NOW + sign * timedelta(seconds=count * UNITS[unit])
    except OverflowError:
        with pytest.raises(ApiError, match="calendar"):
            at(text)
    else:
        assert at(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2026-03-31T19:37:12.345678+00:00"),
        ("now-1mo", "2026-02-28T19:37:12.345678+00:00"),
        ("now+1mo", "2026-04-30T19:37:12.345678+00:00"),
        ("now-25mo", "2024-02-29T19:37:12.345678+00:00"),
        ("now-1y", "2025-03-31T19:37:12.345678+00:00"),
        ("now/h", "2026-03-31T19:00:00+00:00"),
        ("now/d", "2026-03-31T00:00:00+00:00"),
        ("now/w", "2026-03-30T00:00:00+00:00"),
        ("now/mo", "2026-03-01T00:00:00+00:00"),
        ("now/y", "2026-01-01T00:00:00+00:00"),
        ("now-1d/d", "2026-03-30T00:00:00+00:00"),
        ("2026-03-29T02:30:00+02:00", "2026-03-29T00:30:00+00:00"),
    ],
)
def test_months_keep_the_day_where_they_can_and_slashes_floor_to_utc(text: str, expected: str) -> None:
    assert at(text).isoformat() == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "now-",
        "now-7",
        "now-7days",
        "now -7d",
        "now-٣d",
        "now-1234567d",
        "now/s",
        "2026-03-31",
        "2026-03-31T12:00:00",
        "2026-02-30T12:00:00Z",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-05:00",
        "now" + " " * 100,
        5,
        None,
        True,
    ],
)
def test_what_is_no_instant_is_refused_with_examples(text: object) -> None:
    with pytest.raises(ValueError, match="now-7d"):
        Instant.parse(text)


def test_a_missing_offset_is_named() -> None:
    with pytest.raises(ValueError, match="append Z for UTC"):
        Instant.parse("2026-03-31T12:00:00")


@given(st.text(max_size=70) | st.from_regex(r"now[+-][0-9]{1,6}(mo|[smhdwy])(/(mo|[hdwy]))?", fullmatch=True))
def test_no_text_does_anything_but_resolve_or_be_refused(text: str) -> None:
    try:
        instant = Instant.parse(text)
    except ValueError:
        return
    with suppress(ApiError):
        assert instant.resolve(NOW).tzinfo is UTC


@pytest.mark.parametrize("text", ["now-999999y", "now+999999y", "now+999999mo", "now-999999w"])
def test_what_leaves_the_calendar_is_an_invalid_range(text: str) -> None:
    with pytest.raises(ApiError, match="outside the calendar") as refused:
        at(text)
    assert refused.value.code is Code.RANGE_INVALID
