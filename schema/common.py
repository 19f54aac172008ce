"""Types that several subjects share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import strawberry
from strawberry.types import Info as StrawberryInfo
from strawberry.types.nodes import SelectedField, Selection

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
    return sum(_count(one.selections) for one in info.selected_fields)


def _count(selections: list[Selection]) -> int:
    return sum(1 if isinstance(one, SelectedField) else _count(one.selections) for one in selections)


def selected_names(info: Info) -> Iterator[str]:
    """The names of all fields inside the one that is being resolved, however deep, fragments written out."""
    return _names(info.selected_fields)


def _names(selections: Sequence[Selection]) -> Iterator[str]:
    for one in selections:
        if isinstance(one, SelectedField):
            yield one.name
        yield from _names(one.selections)
