"""Shapes: what a client selected of each item of a list, and how columns of values become that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Make = Callable[[Iterable[tuple[Any, ...]]], list[Any]]


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of each item: the key in the answer, and the Python name of the field; `type_name` for __typename.

    Without keys each item is the value of its one field.
    """

    fields: tuple[str, ...]
    keys: tuple[str, ...] | None = None

    def make(self, columns: Sequence[Sequence[Any]]) -> list[Any]:
        """One item for each place of the columns, which are in the order of the fields."""
        if self.keys is None:
            return list(columns[0])
        return dict_maker(self.keys)(zip(*columns, strict=True))


TYPE_NAME = "__typename"


@lru_cache(maxsize=1024)
def dict_maker(keys: tuple[str, ...]) -> Make:
    """Makes a dict of each row. A dict display that is compiled once is twice as fast as `dict(zip(keys, row))`.

    A key is a GraphQL name: letters, digits and underscores, so that nothing else can get into the code.
    """
    assert all(key.isidentifier() and key.isascii() for key in keys)
    names = [f"v{place}" for place in range(len(keys))]
    pairs = ", ".join(f"'{key}': {name}" for key, name in zip(keys, names, strict=True))
    make: Make = eval(f"lambda rows: [{{{pairs}}} for {', '.join(names)}, in rows]")  # noqa: S307
    return make
