"""CSV as programs really write it: any delimiter, words before the header, and damage that stays in its own line."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from resolvers.errors import ApiError, Code

_DELIMITERS = ",;\t|"
# How far down a header is looked for, below what some programs write first.
_HEADER_LINES = 50
# A field in quotes may go on in further lines: in so many at most, or a quote that nobody closes would take the rest.
_RECORD_LINES = 8
_BOM = "\ufeff"


class Record(NamedTuple):
    """One row: where it begins, counted from 1, and its cells by column; or what is wrong with it."""

    line: int
    cells: dict[str, str]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    columns: Sequence[str]
    records: Iterator[Record]


def read_table(text: str, is_header: Callable[[Sequence[str]], bool], expected: str) -> Table:
    """The rows below the first line that is a header; names of columns are in lower case.

    Raises ApiError where no line is; `expected` says in words what was looked for.
    """
    lines = list(io.StringIO(text.removeprefix(_BOM), newline=""))
    for place, line in enumerate(lines[:_HEADER_LINES]):
        for delimiter in _DELIMITERS:
            columns = [_name(cell) for cell in _split([line], delimiter) or ()]
            if columns and is_header(columns):
                return Table(columns, _records(lines, place + 1, delimiter, columns))
    raise ApiError(Code.BAD_INPUT, f"no line of the file is a header with {expected}", field=["csv"])


def _name(cell: str) -> str:
    return " ".join(cell.lower().split())


def _records(lines: Sequence[str], place: int, delimiter: str, columns: Sequence[str]) -> Iterator[Record]:
    while place < len(lines):
        if lines[place].isspace():
            place += 1
            continue
        count, cells = _record(lines, place, delimiter, len(columns))
        if cells is None:
            yield Record(place + 1, {}, "its quotes do not match")
        elif len(cells) < len(columns) and any(cells):
            yield Record(place + 1, {}, f"it has {len(cells)} cells and the header {len(columns)}")
        elif any(cells[len(columns) :]):
            yield Record(place + 1, {}, f"it has more cells than the header ({len(columns)}); are quotes missing?")
        elif any(cells):
            # Where a name stands twice, the first one counts.
            yield Record(place + 1, dict(reversed(list(zip(columns, cells, strict=False)))))
        place += count


def _record(lines: Sequence[str], place: int, delimiter: str, width: int) -> tuple[int, list[str] | None]:
    """How many lines the row that begins here has, and its cells; one line and None where its quotes make no sense.

    A row of several lines is believed only when it has as many cells as the header.
    """
    cells = _split(lines[place : place + 1], delimiter)
    if cells is not None:
        return 1, cells
    for count in range(2, _RECORD_LINES + 1):
        cells = _split(lines[place : place + count], delimiter)
        if cells is not None:
            return (count, cells) if len(cells) == width else (1, None)
    return 1, None


def _split(lines: Sequence[str], delimiter: str) -> list[str] | None:
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return [cell.strip() for cell in rows[0]] if len(rows) == 1 else None
