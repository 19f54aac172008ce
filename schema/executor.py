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
- Lists that are an EncodedList write themselves: no item of theirs ever becomes an object. They are the price points;
  what they are made of is numbers and texts that the database has checked.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any

import orjson
import psycopg
from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLFloat,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    get_nullable_type,
    is_leaf_type,
)
from graphql.execution.values import get_argument_values
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.field import StrawberryField

from resolvers.shapes import TYPE_NAME, Shape, dict_maker

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


@dataclass(frozen=True, slots=True)
class _Column:
    """A selected field: its key in the answer, and the attribute, or the batch with its arguments, that has it."""

    key: str
    type: GraphQLOutputType
    name: str
    batch: Batch | None
    arguments: dict[str, Any]
    selection: Sequence[_Column]


class FastExecutor(StrawberryGraphQLCoreExecutionContext):
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
        if isinstance(result, EncodedList) and (shape := self._shape(return_type, field_details_list)).fields:
            return result.encode(shape)
        item = get_nullable_type(return_type.of_type)
        if not isinstance(result, list) or len(result) < 2 or not isinstance(item, GraphQLObjectType):
            return stock(*given)
        try:
            selection = self._select(item, field_details_list)
        except (_NotPlain, GraphQLError):
            return stock(*given)

        async def complete() -> Any:
            try:
                return await self._fill(GraphQLNonNull(item), selection, result)
            except psycopg.OperationalError:  # the database is away or busy; asking again makes that worse
                raise
            except Exception:  # whatever it is, graphql-core says it properly
                completed = stock(*given)
                return await completed if self.is_awaitable(completed) else completed

        return complete()

    def _shape(self, return_type: GraphQLList[Any], field_details_list: Any) -> Shape:
        item = get_nullable_type(return_type.of_type)
        if is_leaf_type(item):
            return Shape(("value",))
        fields = self.collect_subfields(item, field_details_list).grouped_field_set
        names = (details[0].node.name.value for details in fields.values())
        return Shape(tuple(_python_name(item, name) for name in names), tuple(fields))

    def _select(self, item: GraphQLObjectType, field_details_list: Any) -> list[_Column]:
        grouped = self.collect_subfields(item, field_details_list).grouped_field_set
        if not grouped:  # all of it is skipped; columns could not even tell how many items there are
            raise _NotPlain
        return [self._column(item, key, details) for key, details in grouped.items()]

    def _column(self, item: GraphQLObjectType, key: str, details: Any) -> _Column:
        name = details[0].node.name.value
        if name == TYPE_NAME:
            return _Column(key, item, TYPE_NAME, None, {}, ())
        field = item.fields[name]
        definition = field.extensions.get("strawberry-definition")  # the schema's own types have none
        batch = definition and definition.metadata.get(BATCH)
        if not definition or not (batch or _is_plain(definition)):
            raise _NotPlain
        inner = _item_type(field.type)
        selection = self._select(inner, details) if isinstance(inner, GraphQLObjectType) else []
        if not isinstance(inner, GraphQLObjectType) and not is_leaf_type(inner):
            raise _NotPlain
        arguments = get_argument_values(field, details[0].node, self.variable_values) if batch else {}
        return _Column(key, field.type, definition.python_name, batch, arguments, selection)

    async def _fill(self, type_: GraphQLOutputType, selection: Sequence[_Column], values: Sequence[Any]) -> list[Any]:
        """The values as they stand in the answer: objects with what is selected of them, leaves as they are written."""
        if isinstance(type_, GraphQLNonNull):
            if None in values:
                raise _NotPlain
            type_ = type_.of_type
        elif None in values:
            there = iter(await self._fill(type_, selection, [value for value in values if value is not None]))
            return [None if value is None else next(there) for value in values]
        if isinstance(type_, GraphQLList):
            items = iter(await self._fill(type_.of_type, selection, list(chain.from_iterable(values))))
            return [[next(items) for _ in value] for value in values]
        if isinstance(type_, GraphQLObjectType):
            columns = [await self._values(column, values, type_.name) for column in selection]
            return dict_maker(tuple(column.key for column in selection))(zip(*columns, strict=True))
        return _leaves(type_, values)

    async def _values(self, column: _Column, items: Sequence[Any], type_name: str) -> list[Any]:
        if column.name == TYPE_NAME:
            return [type_name] * len(items)
        if column.batch:
            values = list(await column.batch(self.context_value, items, **column.arguments))
        else:
            values = list(map(attrgetter(column.name), items))
        if any(isinstance(value, Exception) for value in values):
            raise _NotPlain
        return await self._fill(column.type, column.selection, values)


def _is_plain(field: StrawberryField) -> bool:
    return field.base_resolver is None and not field.permission_classes and not field.extensions


def _python_name(type_: Any, name: str) -> str:
    return name if name == TYPE_NAME else type_.fields[name].extensions["strawberry-definition"].python_name


def _item_type(type_: Any) -> Any:
    """What is inside of lists and non-nulls."""
    while isinstance(type_, GraphQLNonNull | GraphQLList):
        type_ = type_.of_type
    return type_


def _leaves(type_: Any, values: Sequence[Any]) -> list[Any]:
    """In their output form. Each different value of an enum is looked up once."""
    if isinstance(type_, GraphQLEnumType):
        names = {value: type_.coerce_output_value(value) for value in set(values)}
        return [names[value] for value in values]
    if type_ is GraphQLFloat and all(type(value) is float and math.isfinite(value) for value in values):
        return list(values)
    return list(map(type_.coerce_output_value, values))
