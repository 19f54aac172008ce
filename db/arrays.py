"""Lists as parameters.

psycopg asks of each element what type it is, to tell PostgreSQL the type of the list, and leaves objects behind that
hold each other until a garbage collection. Here a list is an array literal (PostgreSQL manual, 8.15.2), whose type
PostgreSQL takes from where it stands, such as `any(…)` or a cast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from types import NoneType, SimpleNamespace
from typing import Any

import psycopg
from psycopg.adapt import AdaptersMap, Dumper


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _write_length(length: timedelta) -> str:
    return f"{length.days} days {length.seconds} seconds {length.microseconds} microseconds"


_WRITERS: Mapping[type, Callable[[Any], str]] = {
    NoneType: lambda _: "NULL",
    str: _quote,
    int: str,
    float: repr,
    bool: str,
    Decimal: str,
    datetime: str,
    timedelta: _write_length,
}


class ArrayDumper(Dumper):
    """Of lists whose elements are of the types in `_WRITERS`, or of types made of those."""

    def dump(self, obj: list[object]) -> bytes:
        return ("{" + ",".join([_find_writer(type(one))(one) for one in obj]) + "}").encode()


@cache
def _find_writer(kind: type) -> Callable[[Any], str]:
    for base in kind.__mro__:
        if base in _WRITERS:
            return _WRITERS[base]
    raise psycopg.DataError(f"a list holds a {kind.__name__}, which db.arrays cannot write")


def _adapt_lists() -> SimpleNamespace:
    adapters = AdaptersMap(psycopg.adapters)
    adapters.register_dumper(list, ArrayDumper)
    return SimpleNamespace(adapters=adapters, connection=None)


# For `connect(context=)`.
CONTEXT = _adapt_lists()
