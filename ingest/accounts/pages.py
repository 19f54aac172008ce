"""Lists that come in pages. A list that would go round in circles, or on for ever, ends in an error, never silently."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from ingest.errors import FatalProviderError, Kind

T = TypeVar("T")
# Fills come in hundreds, accounts in 250s, transactions of an address in 25s: no honest list is as long as this.
MOST_PAGES = 40_000


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`next_cursor` asks for the page that follows; None: this was the last one.

    `unread` says in words which rows were left out because nobody can tell what they mean.
    """

    rows: Sequence[T]
    next_cursor: str | None
    unread: Sequence[str] = ()


async def every_page(
    fetch: Callable[[str | None], Awaitable[Page[T]]], identity: Callable[[T], str], start: str | None = None
) -> AsyncIterator[Page[T]]:
    """The pages from a cursor on, each row once: rows move from page to page when the list changes while it is read.

    Raises FatalProviderError when a cursor or a whole page comes back.
    """
    cursors, rows = {start}, set[str]()
    cursor = start
    for _ in range(MOST_PAGES):
        page = await fetch(cursor)
        new = {identity(row): row for row in page.rows if identity(row) not in rows}
        last = page.next_cursor is None
        if not last and (page.next_cursor in cursors or (page.rows and not new)):
            raise FatalProviderError(Kind.DRIFT, "the provider's list goes round in circles, so it was not read")
        yield replace(page, rows=list(new.values()))
        if last:
            return
        cursor = page.next_cursor
        cursors.add(cursor)
        rows.update(new)
    raise FatalProviderError(Kind.DRIFT, f"the provider's list has no end; it was given up after {MOST_PAGES:,} pages")
