"""How far a sync has come: what a worker leaves to the next one that takes it up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from ingest.accounts.pages import MOST_PAGES, Page
from ingest.errors import FatalProviderError, Kind
from ingest.syncs.source import Move

# As many rows as are told about when they cannot be read; it is enough to see what is wrong.
_MOST_TOLD = 5


class Progress(msgspec.Struct, frozen=True):
    """The history is read from `cursor` on; what happened before `since` is stored already.

    `unread` are rows that nobody understood, `unknown` the codes of transactions that had no asset, `failures` the
    attempts in a row that brought nothing.
    """

    since: datetime | None = None
    cursor: str | None = None
    pages: int = 0
    history_read: bool = False
    unread: Sequence[str] = ()
    unknown: Sequence[str] = ()
    failures: int = 0

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Progress:
        return msgspec.convert(stored, cls)

    def stored(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    def after(self, page: Page[Move], unknown: Sequence[str]) -> Progress:
        """Once a page is stored. Raises FatalProviderError for a history that has no end, over all attempts."""
        if self.pages >= MOST_PAGES:
            raise FatalProviderError(Kind.DRIFT, f"the history has no end; it was given up after {MOST_PAGES:,} pages")
        return replace(
            self,
            cursor=page.next_cursor,
            pages=self.pages + 1,
            history_read=page.next_cursor is None,
            unread=[*self.unread, *page.unread][:_MOST_TOLD],
            unknown=sorted({*self.unknown, *unknown}),
            failures=0,
        )

    def after_failure(self) -> Progress:
        return replace(self, failures=self.failures + 1)
