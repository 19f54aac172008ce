"""Pages: limits, and cursors that hold a sort key."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import orjson

from resolvers.errors import ApiError, Code

MAX_PAGE_SIZE = 1000

Row = TypeVar("Row")
Key = list[str | int]


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows in order; `key` answers the list's name and then a row's sort key."""

    rows: Sequence[Row]
    key: Callable[[Row], Key]
    has_next: bool
    has_previous: bool

    def cursors(self) -> list[str]:
        """Those of the rows; a page is mostly asked for without."""
        return [self.cursor(row) for row in self.rows]

    def cursor(self, row: Row) -> str:
        return encode_cursor(self.key(row))


def check_page_size(first: int) -> None:
    if not 1 <= first <= MAX_PAGE_SIZE:
        raise ApiError(
            Code.BAD_INPUT, f"`first` must be between 1 and {MAX_PAGE_SIZE}; page on with `after`", field=["first"]
        )


def make_page(rows: Sequence[Row], first: int, after: str | None, key: Callable[[Row], Key]) -> Page[Row]:
    """A page from up to `first + 1` rows: the row too many only says that there is a next page.

    `key` answers the list's name and then the row's sort key, so that no list takes the cursor of another.
    """
    return Page(rows[:first], key, len(rows) > first, after is not None)


def encode_cursor(key: Key) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def decode_cursor(cursor: str | None, list_name: str, *types: type) -> Key | None:
    """The sort key in a cursor, without the list's name that it begins with."""
    if cursor is None:
        return None
    try:
        key = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        key = None
    if (
        not isinstance(key, list)
        or key[:1] != [list_name]
        or [type(part) for part in key[1:]] != list(types)
        or not all(_can_be_stored(part) for part in key)
    ):
        raise ApiError(
            Code.BAD_INPUT, "this cursor is not from this list; pass an `endCursor` as it was given", field=["after"]
        )
    return key[1:]


def _can_be_stored(part: str | int) -> bool:
    return -(2**63) <= part < 2**63 if isinstance(part, int) else "\0" not in part
