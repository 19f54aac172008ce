"""Connections: pages of a list, the same for every kind of item."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import strawberry

from resolvers.context import Context
from resolvers.paging import Page
from schema.common import Info

Item = TypeVar("Item")
Row = TypeVar("Row")
Count = Callable[[Context], Awaitable[int]]


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follows; pass `endCursor` as `after`.")
    has_previous_page: bool = strawberry.field(description="Whether this page was reached with `after`.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first item; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last item; null on an empty page.")

    @classmethod
    def from_page(cls, page: Page[Any]) -> PageInfo:
        return cls(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=page.cursor(page.rows[0]) if page.rows else None,
            end_cursor=page.cursor(page.rows[-1]) if page.rows else None,
        )


@strawberry.type(description="An item and its place in the list.")
class Edge(Generic[Item]):
    node: Item = strawberry.field(description="The item.")
    cursor: str = strawberry.field(description="Pass it as `after` to go on behind this item.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[Item]):
    page: strawberry.Private[Page[Any]]
    count: strawberry.Private[Count]

    nodes: list[Item] = strawberry.field(description="The items alone.")

    @strawberry.field(description="Where the page stands.")
    def page_info(self) -> PageInfo:
        return PageInfo.from_page(self.page)

    @strawberry.field(description="Items with their cursors.")
    def edges(self) -> list[Edge[Item]]:
        return [Edge(node=node, cursor=cursor) for node, cursor in zip(self.nodes, self.page.cursors(), strict=True)]

    @strawberry.field(description="How many there are in all; counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await self.count(info.context)


def make_connection(page: Page[Row], make_item: Callable[[Row], Item], count: Count) -> Connection[Item]:
    """The page as clients see it. `count` is called when the total is asked for."""
    nodes = [make_item(row) for row in page.rows]
    return Connection(page=page, count=count, nodes=nodes)
