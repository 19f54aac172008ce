"""Lists in pages: all of them, each row once, and never in circles."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.accounts import pages
from ingest.accounts.pages import Page, every_page
from ingest.errors import FatalProviderError, Kind


class Listing:
    """A provider's list: what it answers to each cursor."""

    def __init__(self, answers: dict[str | None, Page[str]]) -> None:
        self._answers = answers
        self.asked: list[str | None] = []

    async def fetch(self, cursor: str | None) -> Page[str]:
        self.asked.append(cursor)
        return self._answers[cursor]


async def read(listing: Listing, start: str | None = None) -> list[Sequence[str]]:
    return [page.rows async for page in every_page(listing.fetch, str, start)]


@given(st.lists(st.lists(st.uuids(), max_size=5), min_size=1, max_size=8))
async def test_every_row_of_every_page_comes_in_order_and_once(rows: list[list[object]]) -> None:
    texts = [[str(row) for row in page] for page in rows]
    cursors = [None, *(f"c{number}" for number in range(1, len(texts)))]
    following = [*cursors[1:], None]
    listing = Listing({at: Page(page, after) for at, page, after in zip(cursors, texts, following, strict=True)})

    found = await read(listing)

    assert [row for page in found for row in page] == list(dict.fromkeys(row for page in texts for row in page))
    assert listing.asked == cursors


async def test_a_row_that_moved_to_the_next_page_counts_once() -> None:
    assert await read(Listing({None: Page(["a", "b"], "2"), "2": Page(["b", "c"], None)})) == [["a", "b"], ["c"]]


async def test_a_row_that_is_twice_on_a_page_counts_once() -> None:
    assert await read(Listing({None: Page(["a", "a"], None)})) == [["a"]]


async def test_an_empty_page_is_not_the_end_while_another_follows() -> None:
    assert await read(Listing({None: Page([], "2"), "2": Page(["a"], None)})) == [[], ["a"]]


async def test_it_goes_on_where_it_stopped() -> None:
    listing = Listing({"2": Page(["c"], "3"), "3": Page(["d"], None)})
    assert await read(listing, start="2") == [["c"], ["d"]]


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param({None: Page(["a"], "2"), "2": Page(["b"], "2")}, id="a page names itself"),
        pytest.param({None: Page(["a"], "2"), "2": Page(["b"], "3"), "3": Page(["c"], "2")}, id="a circle"),
        pytest.param({None: Page(["a"], "2"), "2": Page(["a"], "3")}, id="the first page again"),
    ],
)
async def test_a_list_that_goes_round_in_circles_is_an_error_in_words(answers: dict[str | None, Page[str]]) -> None:
    listing = Listing(answers)

    with pytest.raises(FatalProviderError, match="round in circles") as caught:
        await read(listing)

    assert caught.value.kind is Kind.DRIFT
    assert len(listing.asked) <= 3


async def test_a_list_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_PAGES", 5)
    asked: list[str | None] = []

    async def fetch(cursor: str | None) -> Page[str]:
        asked.append(cursor)
        return Page([], f"c{len(asked)}")

    with pytest.raises(FatalProviderError, match="no end"):
        [page async for page in every_page(fetch, str)]
    assert len(asked) == 5
