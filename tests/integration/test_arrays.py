"""Lists as PostgreSQL reads them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.arrays import CONTEXT
from db.series import Granularity

letters = st.characters(codec="utf-8", exclude_characters="\0")
ELEMENTS: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(letters) | st.sampled_from(["", "NULL", "null", '"', "\\", "a,b", "{}", " "]),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "float8": st.floats(),
    "bool": st.booleans(),
    "numeric": st.decimals(-(10**20), 10**20) | st.sampled_from([Decimal("NaN"), Decimal("Infinity"), Decimal("1E+9")]),
    "timestamptz": st.datetimes(timezones=st.just(UTC)) | st.just(datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)),
    "interval": st.timedeltas(timedelta(days=-999_999), timedelta(days=999_999)),
}


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True, context=CONTEXT, options="-c timezone=UTC") as connection:
        yield connection


def same(one: object, other: object) -> bool:
    return one == other or (one != one and other != other)


@pytest.mark.parametrize("type_", ELEMENTS)
def test_every_list_comes_back_as_it_was(connection: psycopg.Connection, type_: str) -> None:
    lists = st.lists(ELEMENTS[type_] | st.none())

    @given(lists)
    def check(values: list[Any]) -> None:
        row = connection.execute(f"select %s::{type_}[]", (values,)).fetchone()
        assert row
        assert len(row[0]) == len(values)
        assert all(map(same, row[0], values))

    check()


def test_what_is_made_of_a_text_is_one(connection: psycopg.Connection) -> None:
    row = connection.execute("select %s::text[]", (list(Granularity),)).fetchone()
    assert row == (["HOURLY", "DAILY"],)


@pytest.mark.parametrize("element", [date(2026, 1, 1), b"a", [1]])
def test_what_nobody_thought_of_is_refused(connection: psycopg.Connection, element: object) -> None:
    with pytest.raises(psycopg.DataError, match="cannot write"):
        connection.execute("select %s::text[]", ([element],))
