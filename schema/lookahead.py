"""What a query is going to ask of a list, seen before the list is read, so that one statement can answer it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from strawberry.types.nodes import SelectedField, Selection

from db.companions import Companions
from resolvers.texts import can_be_stored
from schema.common import Info

_LATEST, _CHANGE, _DEFAULT_CURRENCY = "latestPrice", "change24hPercent", "usd"
_TOTALS = {"requests", "rowsInserted", "rowsCorrected", "rowsUnchanged", "rowsRejected", "exitCode"}


def mentions_change(query: str) -> bool:
    """Whether anything in the query can ask for the change of a latest price: then prices of a day before are read.

    The text tells at once, for all fields and fragments; now and then it says so for nothing.
    """
    return _CHANGE in query


def companions_of(info: Info) -> Companions:
    """For a field that answers a coin, or a connection of coins."""
    asked = [one for one in _fields(info.selected_fields) if one.name == _LATEST]
    # A variable that is not given is None here, and leaves the argument at its default.
    codes = {str(one.arguments.get("currency") or _DEFAULT_CURRENCY).lower() for one in asked}
    return Companions(sorted(filter(can_be_stored, codes)), info.context.day_before)


def needs_totals(info: Info) -> bool:
    """For a connection of runs: whether anything is asked that is summed over their tasks."""
    return any(one.name in _TOTALS for one in _fields(info.selected_fields))


def _fields(selections: Sequence[Selection]) -> Iterator[SelectedField]:
    """Every field inside, however deep, fragments written out."""
    for one in selections:
        if isinstance(one, SelectedField):
            yield one
        yield from _fields(one.selections)
