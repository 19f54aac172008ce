"""Cursors hold a sort key, and belong to one list."""

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.errors import ApiError, Code
from resolvers.paging import check_page_size, decode_cursor, encode_cursor, make_page

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
NUMBERS = st.integers(-(2**63), 2**63 - 1)


@given(NAMES, NUMBERS)
def test_a_cursor_gives_back_its_key(name: str, number: int) -> None:
    assert decode_cursor(encode_cursor(["names", name, number]), "names", str, int) == [name, number]


def test_no_cursor_is_the_beginning() -> None:
    assert decode_cursor(None, "names", str) is None


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_garbage_is_refused_as_such(cursor: str) -> None:
    with pytest.raises(ApiError, match="endCursor") as refused:
        decode_cursor(cursor, "names", str, int)
    assert (refused.value.code, refused.value.field) == (Code.BAD_INPUT, ["after"])


@pytest.mark.parametrize(
    "key",
    [
        ["runs", "bitcoin", 5],
        ["names"],
        ["names", 5, "bitcoin"],
        ["names", "bitcoin"],
        ["names", "bitcoin", 5, 5],
        ["names", "bitcoin", True],
        ["names", "bitcoin", 5.0],
        ["names", "bitcoin", None],
        ["names", "bitcoin", 2**63],
        ["names", "bit\0coin", 5],
        ["names", ["bitcoin"], 5],
        {"names": 5},
        None,
    ],
)
def test_the_key_of_another_list_or_what_no_column_holds_is_refused(key: object) -> None:
    cursor = base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")
    with pytest.raises(ApiError, match="not from this list"):
        decode_cursor(cursor, "names", str, int)


@given(st.lists(NUMBERS, max_size=8), st.integers(1, 9))
def test_the_row_too_many_says_that_there_is_a_next_page_and_is_not_shown(rows: list[int], first: int) -> None:
    page = make_page(rows, first, None, lambda row: ["rows", row])

    assert list(page.rows) == rows[:first]
    assert page.has_next == (len(rows) > first)
    assert len(page.cursors()) == len(page.rows)


@pytest.mark.parametrize("first", [-1, 0, 1001, 5000])
def test_a_page_has_1_to_1000_rows(first: int) -> None:
    with pytest.raises(ApiError, match="between 1 and 1000"):
        check_page_size(first)
