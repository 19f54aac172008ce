"""Lists as parameters.

psycopg asks of each element what type it is, to tell PostgreSQL the type of the list, and leaves objects behind that
hold each other until a garbage collection. Here a list is an array literal (PostgreSQL manual, 8.15.2), whose type
PostgreSQL takes from where it stands, such as `any(…)` or a cast.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from types import NoneType, SimpleNamespace
from typing import Any

import psycopg
from psycopg.adapt import AdaptersMap, Dumper


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _write_length(length: timedelta) -> str:
    return f"{length.days} days {length.seconds} seconds {length.microseconds} microseconds"


class _Writers(dict[type, Callable[[Any], str]]):
    """By type; a type that is made of another one is written as that one is."""

    def __missing__(self, kind: type) -> Callable[[Any], str]:
        for base in kind.__mro__:
            if base in self:
                self[kind] = self[base]
                return self[kind]
        raise psycopg.DataError(f"a list holds a {kind.__name__}, which db.arrays cannot write")


_WRITERS = _Writers(
    {
        NoneType: lambda _: "NULL",
        str: _quote,
        int: str,
        float: repr,
        Decimal: str,
        datetime: str,
        timedelta: _write_length,
    }
)


class ArrayDumper(Dumper):
    """Of lists of what `_WRITERS` knows."""

    def dump(self, obj: list[Any]) -> bytes:
        return ("{" + ",".join([_WRITERS[type(one)](one) for one in obj]) + "}").encode()


def _adapt_lists() -> SimpleNamespace:
    adapters = AdaptersMap(psycopg.adapters)
    adapters.register_dumper(list, ArrayDumper)
    return SimpleNamespace(adapters=adapters, connection=None)


# For `connect(context=)`.
CONTEXT = _adapt_lists()
