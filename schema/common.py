"""Types that several subjects share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import strawberry
from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, InlineFragmentNode, SelectionNode
from strawberry.types import Info as StrawberryInfo

from db.series import Window
from resolvers import errors
from resolvers.context import Context
from schema.enums import ErrorCode

Info = StrawberryInfo[Context, None]


@strawberry.interface(description="Anything with an id of its own.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque and stable.")


@strawberry.type(description="Half-open `[from, to)`, UTC.")
class TimeRange:
    from_: datetime = strawberry.field(name="from", description="First instant inside.")
    to: datetime = strawberry.field(description="First instant after.")

    @classmethod
    def from_window(cls, window: Window) -> TimeRange:
        return cls(from_=window.start, to=window.end)


@strawberry.type(description="A code a program can branch on; `message` says in words what to do.")
class ApiError:
    code: ErrorCode = strawberry.field(description="For programs.")
    message: str = strawberry.field(description="For people.")
    retryable: bool = strawberry.field(description="Whether the same request can succeed later.")
    retry_at: datetime | None = strawberry.field(description="When to try again, if that is known.")
    field: list[str] | None = strawberry.field(description="The argument at fault, from the outside in.")

    @classmethod
    def from_error(cls, error: errors.ApiError) -> ApiError:
        return cls(
            code=ErrorCode(error.code.value),
            message=error.message,
            retryable=error.retryable,
            retry_at=error.retry_at,
            field=error.field,
        )


def count_fields(info: Info) -> int:
    """How many fields are selected inside the one that is being resolved, fragments written out."""
    raw = info._raw_info
    sets = [node.selection_set for node in raw.field_nodes if node.selection_set]
    return sum(1 for one in sets for _ in _spread(one.selections, dict(raw.fragments)))


def selected_names(info: Info) -> list[str]:
    """The names of all fields inside the one that is being resolved, however deep, and its own."""
    return [node.name.value for node in selected_nodes(info, info._raw_info.field_nodes)]


def selected_nodes(info: Info, nodes: Sequence[SelectionNode]) -> list[FieldNode]:
    """These and all inside of them, as they are written; @skip and @include are not looked at.

    Each is found once. Strawberry's `selected_fields` write a fragment out wherever it is spread: of twenty-five, each
    spread twice in the one before, it would have to say the last one sixteen million times.
    """
    unseen = dict(info._raw_info.fragments)
    found = []
    left = [*reversed(nodes)]
    while left:
        node: Any = left.pop()
        if isinstance(node, FieldNode):
            found.append(node)
        elif isinstance(node, FragmentSpreadNode):
            node = unseen.pop(node.name.value, None)
        if node and node.selection_set:
            left += reversed(node.selection_set.selections)
    return found


def _spread(nodes: Iterable[SelectionNode], unseen: dict[str, FragmentDefinitionNode]) -> Iterator[FieldNode]:
    """The fields among these nodes and in the fragments that they spread, without what is inside of a field."""
    for node in nodes:
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, InlineFragmentNode):
            yield from _spread(node.selection_set.selections, unseen)
        elif isinstance(node, FragmentSpreadNode) and (fragment := unseen.pop(node.name.value, None)):
            yield from _spread(fragment.selection_set.selections, unseen)
