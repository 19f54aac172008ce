"""What a client of the released schema relies on is taken away only after it was told until when it stays."""

from __future__ import annotations

from datetime import date

import pytest
from graphql import build_schema

from schema.compatibility import find_problems

TODAY = date(2026, 11, 20)
PAST = '@deprecated(reason: "Use `b`; removed after 2026-11-19")'
LAST_DAY = '@deprecated(reason: "Use `b`; removed after 2026-11-20")'
FUTURE = '@deprecated(reason: "Use `b`; removed after 2027-01-01")'
WITHOUT_DATE = '@deprecated(reason: "Use `b`, please")'
IMPOSSIBLE_DATE = '@deprecated(reason: "removed after 2026-02-31")'

# What is removed, where its deprecation goes, and how it is called.
REMOVALS = {
    "field": ("type Query { a: Int %s b: Int }", "type Query { b: Int }", "Field Query.a"),
    "argument": ("type Query { b(a: Int %s): Int }", "type Query { b: Int }", "Argument Query.b(a:)"),
    "enum value": ("type Query { b: E } enum E { A %s B }", "type Query { b: E } enum E { B }", "Enum value E.A"),
    "input field": (
        "type Query { b(i: I): Int } input I { a: Int %s b: Int }",
        "type Query { b(i: I): Int } input I { b: Int }",
        "Field I.a",
    ),
}
removals = pytest.mark.parametrize("removal", REMOVALS.values(), ids=REMOVALS)


def problems(released: str, current: str) -> list[str]:
    return find_problems(build_schema(released), build_schema(current), TODAY)


@removals
def test_what_was_never_deprecated_stays(removal: tuple[str, str, str]) -> None:
    released, current, name = removal

    (problem,) = problems(released % "", current)

    assert problem.startswith(f"{name} was removed. Put it back, @deprecated")
    assert "removed after YYYY-MM-DD" in problem


@removals
def test_what_was_deprecated_until_a_day_that_is_over_may_go(removal: tuple[str, str, str]) -> None:
    released, current, _ = removal

    assert problems(released % PAST, current) == []


@removals
@pytest.mark.parametrize(("deprecated", "day"), [(FUTURE, "2027-01-01"), (LAST_DAY, "2026-11-20")])
def test_what_was_promised_until_later_stays_until_that_day_is_over(
    removal: tuple[str, str, str], deprecated: str, day: str
) -> None:
    released, current, name = removal

    assert problems(released % deprecated, current) == [
        f"{name} was removed. Put it back: it was promised until the end of {day}."
    ]


@removals
@pytest.mark.parametrize("deprecated", [WITHOUT_DATE, IMPOSSIBLE_DATE, "@deprecated"])
def test_a_deprecation_without_a_date_promises_nothing(removal: tuple[str, str, str], deprecated: str) -> None:
    released, current, name = removal

    (problem,) = problems(released % deprecated, current)

    assert problem.startswith(f'{name} was removed. Put it back, end the reason of its deprecation in "removed after')


def test_a_deprecation_counts_only_once_it_was_released() -> None:
    """Otherwise one commit could announce and another one remove, and no client would ever have seen it."""
    released = "type Query { a: Int b: Int }"
    announced = f"type Query {{ a: Int {PAST} b: Int }}"

    assert problems(released, announced) == []
    assert len(problems(released, "type Query { b: Int }")) == 1


@pytest.mark.parametrize(
    ("released", "current", "change"),
    [
        ("type Query { a: Int }", "type Query { a: String }", "Field Query.a changed type from Int to String."),
        ("type Query { a: Int! }", "type Query { a: Int }", "Field Query.a changed type from Int! to Int."),
        (
            "type Query { a(x: Int): Int }",
            "type Query { a(x: Int!): Int }",
            "Argument Query.a(x:) has changed type from Int to Int!.",
        ),
        (
            "type Query { a: Int }",
            "type Query { a(x: Int!): Int }",
            "A required argument Query.a(x:) was added.",
        ),
        (
            "type Query { a(i: I): Int } input I { x: Int }",
            "type Query { a(i: I): Int } input I { x: Int y: Int! }",
            "A required field I.y was added.",
        ),
        (
            f"type Query {{ a: Int {PAST} }}",
            "type Query { a: String }",
            "Field Query.a changed type from Int to String.",
        ),
    ],
)
def test_what_is_there_does_not_change_and_asks_for_nothing_more(released: str, current: str, change: str) -> None:
    beside = " type Beside { a: Int }"  # so that Int itself stays

    (problem,) = problems(released + beside, current + beside)

    assert problem == f"{change} " + (
        "Leave it as it was; put the new form beside it under another name, and deprecate the old one."
    )


def test_types_go_with_the_last_field_that_leads_to_them() -> None:
    types = "type Old { kind: Kind part(by: By): Part } enum Kind { A } input By { x: Int } type Part { y: Int }"
    current = "type Query { b: Int }"

    assert problems(f"type Query {{ a: Old {PAST} b: Int }} {types}", current) == []
    refused = problems(f"type Query {{ a: Old {PAST} b: Int c: Part }} {types}", current)
    assert [line.split(" was removed")[0] for line in refused] == ["Part", "Field Query.c"]


def test_a_type_that_a_client_may_meet_behind_an_interface_stays() -> None:
    released = (
        "type Query { n: N } interface N { id: ID } type A implements N { id: ID } type B implements N { id: ID }"
    )
    current = "type Query { n: N } interface N { id: ID } type B implements N { id: ID }"

    assert problems(released, current) == [
        "A was removed. Keep it as long as a released field or argument leads to it."
    ]


def test_additions_are_no_breaking_change() -> None:
    released = "type Query { a: E } enum E { A }"
    current = "type Query { a(x: Int, y: Int! = 1): E! b: T } enum E { A B } type T { c: Int }"

    assert problems(released, current) == []
