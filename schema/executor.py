"""Long lists, completed column by column.

graphql-core completes a list item by item and field by field: some four microseconds each, most of it spent on finding
out again what the fields before had told already. Here a list is completed once for all of its items, wherever that
cannot be told from outside:

- What is selected is what graphql-core's own `collect_subfields` says, so aliases, fragments, @skip, @include and
  __typename are its work. It answers for the whole list what the items would ask for one by one.
- A selected field becomes a column: `attrgetter` over the items, then the values' form in the answer. Only plain fields
  will do: attributes without a resolver, and fields with a BATCH, a function that resolves them for many items.
  With anything else in the selection, the list goes graphql-core's way.
- So it does when anything goes wrong: a value is an error, or not what its type says. Then all of it is done again by
  the rules of errors, paths and nulls, which are graphql-core's business.
- Objects of an interface are completed type by type, and put back into their order.
- What is selected is kept with the document, in its Plan, for the requests to come.
- Lists that are an EncodedList write themselves: no item of theirs ever becomes an object. They are the price points;
  what they are made of is numbers and texts that the database has checked.
"""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain
from operator import attrgetter
from types import NoneType
from typing import Any, cast
from zoneinfo import ZoneInfo

import orjson
import psycopg
from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    get_nullable_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import CollectedFields, GroupedFieldSet
from graphql.execution.values import get_argument_values
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.field import StrawberryField

from resolvers.shapes import TYPE_NAME, Make, Shape, dict_maker
from schema.binding import DEFINITION

# The type of Python whose values orjson writes as the scalar would: numbers if they are finite, times if they are UTC.
_WRITTEN_AS_THEY_ARE = {"Float": float, "String": str, "ID": str, "Boolean": bool, "Time": datetime}
_IN_UTC = {UTC, ZoneInfo("UTC")}
# In the metadata of a field: resolves it for many items, in order, with the field's arguments.
BATCH = "batch"
Batch = Callable[..., Awaitable[Sequence[Any]]]


class EncodedList(ABC):
    """A list that writes itself. Any other executor takes it for what it is as well: an asynchronous iterable."""

    @abstractmethod
    async def encode(self, shape: Shape) -> orjson.Fragment:
        """The list with what is selected of each item; a list of leaves has no keys."""

    @abstractmethod
    def __aiter__(self) -> AsyncIterator[Any]:
        """The items, one by one."""


class _NotPlain(Exception):
    """This list has to go graphql-core's way."""


@dataclass(frozen=True)
class _Column:
    """A selected field: its key in the answer, and what has its value, an attribute of an item or a batch."""

    key: str
    type: GraphQLOutputType
    get: Callable[[Any], Any]
    selections: _Selections = field(default_factory=dict)
    batch: _BatchCall | None = None

    @cached_property
    def is_plain_leaf(self) -> bool:
        return self.batch is None and is_leaf_type(get_nullable_type(self.type))


@dataclass(frozen=True, slots=True)
class _BatchCall:
    """The arguments are those of the node."""

    batch: Batch
    field: GraphQLField
    node: FieldNode


@dataclass(frozen=True)
class _Selection:
    """What is selected of an object of one type."""

    columns: Sequence[_Column]

    @cached_property
    def make(self) -> Make:
        """Makes objects of rows that hold a value of each column."""
        return dict_maker(tuple(column.key for column in self.columns))

    @cached_property
    def has_several_batches(self) -> bool:
        return sum(column.batch is not None for column in self.columns) > 1


# What is selected of an object, by the name of its type: an interface stands for several.
_Selections = Mapping[str, _Selection]
# What is selected of a type by some field nodes.
_Place = tuple[GraphQLObjectType, int]


@dataclass(slots=True)
class Plan:
    """What is selected in a document, place by place: the same for every request, unless a directive depends on a
    variable. A place is known by the `id` of its list of field nodes, which the plan keeps.
    """

    roots: dict[int, GroupedFieldSet] = field(default_factory=dict)
    subfields: dict[_Place, tuple[Any, CollectedFields]] = field(default_factory=dict)
    selections: dict[_Place, _Selection | None] = field(default_factory=dict)
    shapes: dict[_Place, Shape] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """In fields; in a document whose fragments are spread once, each is there once."""
        return sum(len(collected.grouped_field_set) for _, collected in self.subfields.values())


class FastExecutor(StrawberryGraphQLCoreExecutionContext):
    def __init__(self, *given: Any, plan: Plan | None = None, **named: Any) -> None:
        super().__init__(*given, **named)
        self._plan = plan or Plan()
        self._relevant_sub_fields = self._plan.subfields

    def execute_collected_root_fields(
        self, root_type: GraphQLObjectType, root_value: Any, grouped_field_set: GroupedFieldSet, *given: Any
    ) -> Any:
        # The lists of the first request stay, for those of all places inside are found by them.
        kept = self._plan.roots.setdefault(id(self.operation), grouped_field_set)
        return super().execute_collected_root_fields(root_type, root_value, kept, *given)

    def complete_list_value(
        self,
        return_type: GraphQLList[Any],
        field_details_list: Any,
        info: Any,
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        stock = super().complete_list_value
        given = (return_type, field_details_list, info, path, result, position_context)
        item = get_nullable_type(return_type.of_type)
        if isinstance(result, EncodedList) and (shape := self._shape(item, field_details_list)).fields:
            return result.encode(shape)
        if not isinstance(result, list) or len(result) < 2 or not isinstance(item, GraphQLObjectType):
            return stock(*given)
        selection = self._selection(item, field_details_list)
        if selection is None:
            return stock(*given)

        async def complete() -> Any:
            try:
                return await self._fill(return_type.of_type, {item.name: selection}, result)
            except psycopg.OperationalError:  # the database is away or busy; asking again makes that worse
                raise
            except Exception:  # whatever it is, graphql-core says it properly
                completed = stock(*given)
                return await completed if self.is_awaitable(completed) else completed

        return complete()

    def _shape(self, item: Any, field_details_list: Any) -> Shape:
        if is_leaf_type(item):
            return Shape(("value",))
        place = (item, id(field_details_list))
        if place not in self._plan.shapes:
            fields = self.collect_subfields(item, field_details_list).grouped_field_set
            names = (details[0].node.name.value for details in fields.values())
            self._plan.shapes[place] = Shape(tuple(_python_name(item, name) for name in names), tuple(fields))
        return self._plan.shapes[place]

    def _selection(self, item: GraphQLObjectType, field_details_list: Any) -> _Selection | None:
        """The columns of a list of such items; None if it has to go graphql-core's way."""
        place = (item, id(field_details_list))
        if place not in self._plan.selections:
            try:
                self._plan.selections[place] = self._select(item, field_details_list)
            except _NotPlain:
                self._plan.selections[place] = None
        return self._plan.selections[place]

    def _select(self, item: GraphQLObjectType, field_details_list: Any) -> _Selection:
        grouped = self.collect_subfields(item, field_details_list).grouped_field_set
        if not grouped:  # all of it is skipped; columns could not even tell how many items there are
            raise _NotPlain
        return _Selection([self._column(item, key, details) for key, details in grouped.items()])

    def _column(self, item: GraphQLObjectType, key: str, details: Any) -> _Column:
        name = details[0].node.name.value
        if name == TYPE_NAME:
            return _Column(key, GraphQLNonNull(GraphQLString), lambda _: item.name)
        field = item.fields[name]
        definition = field.extensions.get(DEFINITION)  # the schema's own types have none
        batch = definition and definition.metadata.get(BATCH)
        if not definition or not (batch or _is_plain(definition)):
            raise _NotPlain
        selections = {one.name: self._select(one, details) for one in self._possible_types(_item_type(field.type))}
        call = _BatchCall(batch, field, details[0].node) if batch else None
        return _Column(key, field.type, attrgetter(definition.python_name), selections, call)

    def _possible_types(self, type_: Any) -> Sequence[GraphQLObjectType]:
        """What an object of the type can be; nothing for a leaf."""
        if is_leaf_type(type_):
            return ()
        if isinstance(type_, GraphQLObjectType):
            return (type_,)
        if isinstance(type_, GraphQLInterfaceType):
            return self.schema.get_possible_types(type_)
        raise _NotPlain

    async def _fill(self, type_: GraphQLOutputType, selections: _Selections, values: Sequence[Any]) -> list[Any]:
        """The values as they stand in the answer: objects with what is selected of them, leaves as they are written."""
        type_, kinds = _look_at(type_, values)
        if NoneType in kinds:
            there = iter(await self._fill(type_, selections, [value for value in values if value is not None]))
            return [None if value is None else next(there) for value in values]
        if isinstance(type_, GraphQLList):
            items = iter(await self._fill(type_.of_type, selections, list(chain.from_iterable(values))))
            return [[next(items) for _ in value] for value in values]
        if isinstance(type_, GraphQLInterfaceType):
            return await self._fill_mixed(type_, selections, values)
        if isinstance(type_, GraphQLObjectType):
            selection = selections[type_.name]
            return selection.make(zip(*await self._columns(selection, values), strict=True))
        return _write(type_, values, kinds)

    async def _fill_mixed(
        self, type_: GraphQLInterfaceType, selections: _Selections, values: Sequence[Any]
    ) -> list[Any]:
        """Objects of several types: those of each type at once, then back in their order."""
        names = [value.__strawberry_definition__.name for value in values]
        filled = {}
        for one in self.schema.get_possible_types(type_):
            if alike := [value for value, name in zip(values, names, strict=True) if name == one.name]:
                filled[one.name] = iter(await self._fill(one, selections, alike))
        return [next(filled[name]) for name in names]

    async def _columns(self, selection: _Selection, items: Sequence[Any]) -> list[list[Any]]:
        """Batches at once, so that a loader answers all of them together; most lists have one at most."""
        if not selection.has_several_batches:
            return [
                _leaves(column.type, list(map(column.get, items)))
                if column.is_plain_leaf
                else await self._values(column, items)
                for column in selection.columns
            ]
        waiting = (self._values(column, items) for column in selection.columns)
        columns = await asyncio.gather(*waiting, return_exceptions=True)
        for failed in columns:  # none of them goes on behind the answer's back
            if isinstance(failed, BaseException):
                raise failed
        return cast("list[list[Any]]", columns)

    async def _values(self, column: _Column, items: Sequence[Any]) -> list[Any]:
        if call := column.batch:
            arguments = get_argument_values(call.field, call.node, self.variable_values)
            values = await call.batch(self.context_value, items, **arguments)
        else:
            values = list(map(column.get, items))
        return await self._fill(column.type, column.selections, values)


def _is_plain(field: StrawberryField) -> bool:
    return field.base_resolver is None and not field.permission_classes and not field.extensions


def _python_name(type_: Any, name: str) -> str:
    return name if name == TYPE_NAME else type_.fields[name].extensions[DEFINITION].python_name


def _item_type(type_: Any) -> Any:
    """What is inside of lists and non-nulls."""
    while isinstance(type_, GraphQLNonNull | GraphQLList):
        type_ = type_.of_type
    return type_


def _look_at(type_: Any, values: Sequence[Any]) -> tuple[Any, set[type]]:
    """The type without its non-null, and the types of the values, NoneType where one of them may well be null."""
    kinds = set(map(type, values))
    for kind in kinds:
        if issubclass(kind, Exception):
            raise _NotPlain
    if isinstance(type_, GraphQLNonNull):
        if NoneType in kinds:
            raise _NotPlain
        return type_.of_type, kinds
    return type_, kinds


def _leaves(type_: Any, values: Sequence[Any]) -> list[Any]:
    """In their output form, nulls where they may be."""
    type_, kinds = _look_at(type_, values)
    if NoneType not in kinds:
        return _write(type_, values, kinds)
    there = iter(_write(type_, [value for value in values if value is not None], kinds - {NoneType}))
    return [None if value is None else next(there) for value in values]


def _write(type_: Any, values: Sequence[Any], kinds: set[type]) -> list[Any]:
    """Leaves in their output form. Each different value of an enum is looked up once."""
    if isinstance(type_, GraphQLEnumType):
        names = {value: type_.coerce_output_value(value) for value in set(values)}
        return [names[value] for value in values]
    if kinds <= {_WRITTEN_AS_THEY_ARE.get(type_.name)} and _are_written(values, kinds):
        return list(values)
    return list(map(type_.coerce_output_value, values))


def _are_written(values: Sequence[Any], kinds: set[type]) -> bool:
    if float in kinds:
        return all(map(math.isfinite, values))
    return datetime not in kinds or {value.tzinfo for value in values} <= _IN_UTC
