"""What a query is going to ask of a list, seen before the list is read, so that one statement can answer it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import FieldNode, VariableNode

from db.companions import Companions
from resolvers.history import Ahead
from resolvers.texts import can_be_stored
from schema.common import Info, selected_names, selected_nodes
from schema.points import point_shapes

_LATEST, _CHANGE, _DEFAULT_CURRENCY = "latestPrice", "change24hPercent", "usd"
_REASONS = ("gaps", "reason")
_TOTALS = {"requests", "rowsInserted", "rowsCorrected", "rowsUnchanged", "rowsRejected", "exitCode"}


def mentions_change(query: str) -> bool:
    """Whether anything in the query can ask for the change of a latest price: then prices of a day before are read.

    The text tells at once, for all fields and fragments; now and then it says so for nothing.
    """
    return _CHANGE in query


def asks_why(query: str) -> bool:
    """The same for why something is missing: then the evidence for it is read."""
    return any(name in query for name in _REASONS)


def companions_of(info: Info) -> Companions:
    """For a field that answers a coin, or a connection of coins."""
    asked = [node for node in selected_nodes(info, info._raw_info.field_nodes) if node.name.value == _LATEST]
    codes = {_currency(node, info.variable_values).lower() for node in asked}
    return Companions(sorted(filter(can_be_stored, codes)), info.context.day_before)


def look_ahead(info: Info) -> Ahead:
    """For a field that answers histories."""
    names = set(selected_names(info))
    return Ahead(point_shapes(info), "coverage" in names, "freshness" in names)


def needs_totals(info: Info) -> bool:
    """For a connection of runs: whether anything is asked that is summed over their tasks."""
    return not _TOTALS.isdisjoint(selected_names(info))


def _currency(latest: FieldNode, variables: Mapping[str, Any]) -> str:
    """A variable that is not given leaves the argument at its default."""
    values: list[Any] = [argument.value for argument in latest.arguments or ()]
    given = [variables.get(one.name.value) if isinstance(one, VariableNode) else one.value for one in values]
    return str(next(iter(given), None) or _DEFAULT_CURRENCY)
