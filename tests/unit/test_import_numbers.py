"""Numbers and times in files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.csv_import.numbers import parse_number
from resolvers.csv_import.times import TimeFormat
from resolvers.decimals import format_decimal
from resolvers.errors import ApiError

T = TypeVar("T")


def attempt(read: Callable[[str], T], text: str) -> T | str:
    """What was read, or the words of the refusal."""
    try:
        return read(text)
    except ValueError as error:
        return str(error)


POINT = {
    "0.5": "0.5",
    "-0.00200000": "-0.002",
    "−1": "-1",
    "+3": "3",
    "1,234.56": "1234.56",
    "1,234,567": "1234567",
    "1 234.5": "1234.5",
    "1\u202f234.5": "1234.5",
    "1'234.5": "1234.5",
    "$1,234.56": "1234.56",
    "-$4.41": "-4.41",
    "$-4.41": "-4.41",
    "€ 300.00": "300",
    "kr450000": "450000",
    "Kč5,149.00": "5149",
    "1e-8": "0.00000001",
    "1.5E+3": "1500",
    ".5": "0.5",
    "5.": "5",
}
COMMA = {"0,5": "0.5", "1.234,56": "1234.56", "1.234": "1234", "60.000,00 €": "60000", "-1 234,5": "-1234.5"}


@pytest.mark.parametrize(("text", "number"), POINT.items())
def test_numbers_are_read_exactly_whatever_is_around_them(text: str, number: str) -> None:
    assert format_decimal(parse_number(text)) == number


@pytest.mark.parametrize(("text", "number"), COMMA.items())
def test_with_a_decimal_comma_the_point_makes_groups(text: str, number: str) -> None:
    assert format_decimal(parse_number(text, decimal_comma=True)) == number


@pytest.mark.parametrize(
    "text", ["", ".", "-", "1,5", "12,34.5", "1.2.3", "5k", "5 BTC", "1e", "NaN", "inf", "1e999", "٣", "--1", "0x1"]
)
def test_what_is_in_doubt_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number with a decimal point"):
        parse_number(text)


@given(st.decimals(min_value=0, max_value=10**19, places=18))
def test_a_number_keeps_all_of_its_digits_with_and_without_groups(number: Decimal) -> None:
    assert parse_number(f"{number:f}") == number
    assert parse_number(f"{number:,f}") == number
    commas = f"{number:,f}".translate(str.maketrans(",.", ".,"))
    assert parse_number(commas, decimal_comma=True) == number


@given(st.text())
def test_any_text_is_a_number_or_refused_in_words(text: str) -> None:
    found = attempt(parse_number, text)

    assert isinstance(found, Decimal) or "is not a number" in found


TIMES = {
    "2026-11-20T12:00:00Z": datetime(2026, 11, 20, 12, tzinfo=UTC),
    "2026-11-20 12:00:00 UTC": datetime(2026, 11, 20, 12, tzinfo=UTC),
    "2026-11-20T12:00:00.123456+01:00": datetime(2026, 11, 20, 11, 0, 0, 123456, tzinfo=UTC),
    "2026-11-20 12:00": datetime(2026, 11, 20, 12, tzinfo=UTC),
    "2026-11-20": datetime(2026, 11, 20, tzinfo=UTC),
}


@pytest.mark.parametrize(("text", "instant"), TIMES.items())
def test_times_are_iso_8601_and_utc_unless_told(text: str, instant: datetime) -> None:
    assert TimeFormat().parse(text) == instant


def test_a_pattern_and_a_zone_are_for_times_that_are_written_otherwise() -> None:
    german = TimeFormat.of("%d.%m.%Y %H:%M", "Europe/Berlin")

    assert german.parse("20.11.2026 12:00") == datetime(2026, 11, 20, 11, tzinfo=UTC)
    assert german.parse("20.07.2026 12:00") == datetime(2026, 7, 20, 10, tzinfo=UTC)
    assert TimeFormat.of("%Y-%m-%d %z", "Europe/Berlin").parse("2026-11-20 +0000") == datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize("pattern", ["", "kitten", "%", "%Q", "%H:%M", "%d.%m", "%d %d", "\0"])
def test_a_pattern_that_reads_no_date_is_refused(pattern: str) -> None:
    with pytest.raises(ApiError, match="cannot be read as a date"):
        TimeFormat.of(pattern, None)


@pytest.mark.parametrize("zone", ["Europe/Kitten", "../../etc/passwd", "/etc/passwd", "\0", "Europe"])
def test_a_zone_that_nobody_knows_is_refused(zone: str) -> None:
    with pytest.raises(ApiError, match="there is no time zone"):
        TimeFormat.of(None, zone)


@given(st.text())
def test_any_text_is_a_time_or_refused_in_words(text: str) -> None:
    for form in (TimeFormat(), TimeFormat.of("%d.%m.%Y %H:%M", "Europe/Berlin")):
        found = attempt(form.parse, text)
        assert "is not a time" in found if isinstance(found, str) else found.tzinfo is UTC
