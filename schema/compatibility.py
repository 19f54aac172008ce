"""`python -m schema.compatibility`: refuses what would break clients of the SDL as it was last released.

Removing a field, an argument or an enum value is right once a release has deprecated it with a reason that says
`removed after YYYY-MM-DD`, and that day is over. No other breaking change ever is.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from graphql import (
    BreakingChange,
    BreakingChangeType,
    GraphQLNamedType,
    GraphQLSchema,
    build_schema,
    find_schema_changes,
    get_named_type,
    is_abstract_type,
    resolve_schema_coordinate,
)

from schema.schema import sdl

FILE = Path(__file__).parent / "released.graphql"
_REMOVAL = re.compile(r"(?:Field|Argument|Enum value) (\S+) was removed\.")
_REMOVED_TYPE = re.compile(r"(\w+) was removed")
_PROMISE = re.compile(r"removed after (\d{4}-\d{2}-\d{2})", re.IGNORECASE)


def find_problems(released: GraphQLSchema, current: GraphQLSchema, today: date) -> list[str]:
    """One line for each breaking change that nobody was warned of in time: what it is, and what to do."""
    changes = [one for one in find_schema_changes(released, current) if isinstance(one, BreakingChange)]
    removals = [match[1] for one in changes if (match := _REMOVAL.fullmatch(one.description))]
    objections = {one: _object_to_removal(released, one, today) for one in removals}
    needed = _reachable_types(released, {one for one, objection in objections.items() if objection is None})
    lines = [(one.description, _advise(one, objections, needed)) for one in changes]
    return [f"{description} {advice}" for description, advice in lines if advice]


def _advise(change: BreakingChange, objections: dict[str, str | None], needed: Collection[str]) -> str | None:
    """What to do about a change; None for one that is right."""
    if match := _REMOVAL.fullmatch(change.description):
        return objections[match[1]]
    if change.type is BreakingChangeType.TYPE_REMOVED and (match := _REMOVED_TYPE.search(change.description)):
        return "Keep it as long as a released field or argument leads to it." if match[1] in needed else None
    return "Leave it as it was; put the new form beside it under another name, and deprecate the old one."


def _object_to_removal(released: GraphQLSchema, coordinate: str, today: date) -> str | None:
    """Why it is too early, or None when the released SDL had announced it for a day that is over."""
    # A named tuple: kind comes last, and before it the element that the coordinate names.
    element: Any = (resolve_schema_coordinate(released, coordinate) or (None, None))[-2]
    reason = element.deprecation_reason if element else None
    if reason is None:
        return 'Put it back, @deprecated with a reason that ends in "removed after YYYY-MM-DD", and release that first.'
    day = _promised_day(reason)
    if day is None:
        return 'Put it back, end the reason of its deprecation in "removed after YYYY-MM-DD", and release that first.'
    return None if day < today else f"Put it back: it was promised until the end of {day}."


def _promised_day(reason: str) -> date | None:
    match = _PROMISE.search(reason)
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None


def _reachable_types(schema: GraphQLSchema, without: Collection[str]) -> set[str]:
    """Names of the types that a client can meet without the fields and arguments at these coordinates.

    A type cannot be deprecated: it goes together with the last field that leads to it.
    """
    found: set[str] = set()
    waiting: list[GraphQLNamedType] = [
        root for root in (schema.query_type, schema.mutation_type, schema.subscription_type) if root
    ]
    while waiting:
        type_ = waiting.pop()
        if type_.name not in found:
            found.add(type_.name)
            waiting += _neighbours(schema, type_, without)
    return found


def _neighbours(schema: GraphQLSchema, type_: Any, without: Collection[str]) -> Iterator[GraphQLNamedType]:
    yield from getattr(type_, "interfaces", ())
    if is_abstract_type(type_):
        yield from schema.get_possible_types(type_)
    for name, field in getattr(type_, "fields", {}).items():
        coordinate = f"{type_.name}.{name}"
        if coordinate in without:
            continue
        yield get_named_type(field.type)
        for argument, given in getattr(field, "args", {}).items():
            if f"{coordinate}({argument}:)" not in without:
                yield get_named_type(given.type)


def main() -> int:
    problems = find_problems(build_schema(FILE.read_text()), build_schema(sdl()), datetime.now(UTC).date())
    if not problems:
        return 0
    sys.stderr.write("clients of the released schema (schema/released.graphql) would break:\n")
    sys.stderr.writelines(f"- {problem}\n" for problem in problems)
    return 1


if __name__ == "__main__":
    sys.exit(main())
