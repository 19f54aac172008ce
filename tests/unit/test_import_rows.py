"""Rows of files: damage stays where it is, and what a row says is known again in another file."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.csv_import.coinbase_format import read_coinbase
from resolvers.csv_import.identity import with_ids
from resolvers.csv_import.mapped_format import OWN, read_mapped
from resolvers.csv_import.records import Record, read_table
from resolvers.csv_import.rows import Reading, Row
from resolvers.errors import ApiError
from tests.coinbase_exports import SIGNED

COLUMNS = ["at", "kind", "coin", "quantity", "external_id"]
HEADER = ",".join(COLUMNS) + "\n"
SAMPLE = (
    "at,kind,coin,quantity,unit_price,unit_price_currency,external_id\n"
    '2026-11-01T12:00:00Z,BUY,bitcoin,"1,000.5",60000,usd,a\n'
    "2026-11-02T12:00:00Z,SELL,bitcoin,1,61000,usd,\n"
)


def records(text: str) -> list[Record]:
    return list(read_table(text, lambda columns: columns[:1] == ["a"], "`a`").records)


def rows(text: str) -> list[Row]:
    return list(with_ids(read_mapped(text, OWN, Reading())))


def ids(text: str) -> list[str]:
    return [str(leg.wording.external_id) for row in rows(text) for leg in row.legs]


def write(cells: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(cells)
    return text.getvalue()


def test_a_table_begins_below_its_header_and_empty_lines_are_no_rows() -> None:
    text = '\ufeffwords before it, of any kind\r\n"\r\n\r\n A ;b\r\n\r\n1;2\r\n;\r\n  \r\n3;"4;5"\r\n'

    assert records(text) == [Record(6, {"a": "1", "b": "2"}), Record(9, {"a": "3", "b": "4;5"})]


def test_a_cell_in_quotes_may_hold_anything_also_the_ends_of_lines() -> None:
    text = 'a,b\n1,"x, ""y""\n\nz"\n2,\'\n'

    assert records(text) == [Record(2, {"a": "1", "b": 'x, "y"\n\nz'}), Record(5, {"a": "2", "b": "'"})]


def test_a_quote_that_is_not_closed_costs_its_own_line_only() -> None:
    for stray in ('2,"x', '"2,x', '2,"x"y'):
        found = records(f'a,b\n1,x\n{stray}\n3,"x"\n4,x\n')

        assert [(one.line, one.problem) for one in found] == [
            (2, None),
            (3, "its quotes do not match"),
            (4, None),
            (5, None),
        ]


def test_lines_may_end_as_on_any_system_and_a_mark_of_the_encoding_is_no_text() -> None:
    for end in ("\n", "\r\n", "\r"):
        assert records("\ufeffa,b" + end + "1,2" + end + '3,"4"' + end) == [
            Record(2, {"a": "1", "b": "2"}),
            Record(3, {"a": "3", "b": "4"}),
        ]


def test_a_row_of_several_lines_has_as_many_cells_as_the_header() -> None:
    found = records('a,b\n1,"x\n2,y\n3,z",4\n5,x\n')

    assert [(one.line, one.problem is None) for one in found] == [(2, False), (3, True), (4, False), (5, True)]


def test_a_row_with_more_cells_than_the_header_is_refused_unless_they_are_empty() -> None:
    first, second = records("a,b\n1,2,,\n1,2,3\n")

    assert first.problem is None
    assert "more cells than the header" in (second.problem or "")


def test_two_stray_quotes_do_not_swallow_the_rows_between_them() -> None:
    found = records('a,b\n1,"x\n2,x\n3,x\n4,"x\n5,x\n')

    assert [one.line for one in found if one.problem is None] == [3, 4, 6]


def test_equal_rows_have_different_ids_and_a_source_s_own_id_stays() -> None:
    row = "2026-11-01T12:00:00Z,BUY,bitcoin,1,"
    first, second, own = ids(HEADER + f"{row}\n{row}\n{row}mine\n")

    assert own == "mine"
    assert first.removesuffix("1") == second.removesuffix("2")


def test_one_id_is_one_row_s_alone() -> None:
    row = "2026-11-01T12:00:00Z,BUY,bitcoin,{},x\n"

    first, again, other = rows(HEADER + row.format(1) + row.format(1) + row.format(2))

    assert [len(first.legs), len(again.legs), len(other.legs)] == [1, 1, 0]
    assert "another row has the id 'x'" in (other.remark or "")


def test_a_row_is_of_a_coin_or_of_money_and_a_column_stands_once() -> None:
    header = "at,kind,coin,currency,quantity\n"
    both, neither = rows(header + "2026-11-01,BUY,bitcoin,usd,1\n2026-11-01,BUY,,,1\n")

    assert both.remark == "it names both a coin and a currency"
    assert neither.remark == "it names no coin and no currency"
    with pytest.raises(ApiError, match="the header has `quantity` twice"):
        rows("quantity," + header)


def test_a_row_is_the_same_however_its_cells_are_written() -> None:
    written = ["2026-11-01T12:00:00Z,BUY,bitcoin,1000,", '2026-11-01T13:00:00+01:00,buy,Bitcoin,"1,000.0",']

    [first], [second] = [ids(HEADER + row + "\n") for row in written]

    assert first == second


CELLS = st.sampled_from(["1", "2", "3"])
LINES = st.lists(
    st.tuples(
        st.sampled_from(["2026-11-01T12:00:00Z", "2026-11-02T12:00:00Z"]),
        st.sampled_from(["BUY", "SELL"]),
        st.just("bitcoin"),
        CELLS,
        st.sampled_from(["", "", "", "x"]),
    ),
    max_size=12,
)


@given(whole=LINES, data=st.data())
def test_importing_files_that_overlap_is_importing_their_union(
    whole: list[tuple[str, ...]], data: st.DataObject
) -> None:
    """As multisets: of each row as many as the file has that has most of them, in whatever order they stand."""
    # An id is one row's alone.
    lines = [(*line[:4], f"x{place}" if line[4] else "") for place, line in enumerate(whole)]
    parts = [
        data.draw(st.permutations([line for line in lines if data.draw(st.booleans())]), label="part") for _ in range(2)
    ]
    union = Counter(parts[0]) | Counter(parts[1])

    imported = {id_ for part in parts for id_ in ids(HEADER + write(part))}

    assert imported == set(ids(HEADER + write(list(union.elements()))))
    assert len(imported) == union.total()


CHANGES = st.tuples(st.floats(0, 1), st.integers(0, 40), st.text(max_size=6) | st.sampled_from('",;\n\r\0'))


@given(st.sampled_from([SAMPLE, SIGNED]), st.lists(CHANGES, max_size=8))
def test_a_damaged_file_is_read_or_refused_and_never_fails(sample: str, damage: list[tuple[float, int, str]]) -> None:
    text = sample
    for place, removed, added in damage:
        at = int(place * len(text))
        text = text[:at] + added + text[at + removed :]

    with suppress(ApiError):
        assert all(row.legs or row.remark for row in rows(text))
    with suppress(ApiError):
        assert all(row.legs or row.remark for row in with_ids(read_coinbase(text, Reading())))


@given(st.integers(0, 10), st.lists(st.text(alphabet='ab",;\n 1', max_size=30), max_size=4))
def test_rows_around_a_damaged_one_are_kept(before: int, damage: list[str]) -> None:
    good = "2026-11-01T12:00:00Z,BUY,bitcoin,{},id{}\n"
    lines = [good.format(place + 1, place) for place in range(before + 5)]
    damaged = [one.replace("\n", " ") + "\n" for one in damage]

    found = rows(HEADER + "".join(lines[:before]) + "".join(damaged) + "".join(lines[before:]))

    assert {f"id{place}" for place in range(before + 5)} <= {row.id for row in found if row.legs}
