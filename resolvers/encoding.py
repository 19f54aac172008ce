"""Points become JSON: closed blocks each by itself, so that they can be kept, and everything else in between."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson

from resolvers.blocks import BLOCK_POINTS, Blocks
from resolvers.history_reading import Keeper, Loaded
from resolvers.points import PointState, PointTable
from resolvers.shapes import Shape

_FINAL = PointState.FINAL.value
ReadColumn = Callable[[PointTable, str], Sequence[Any]]


def encode(shape: Shape, loaded: Loaded, read_column: ReadColumn) -> bytes:
    """A JSON array of the points, in order of time."""
    if loaded.keeper is None and isinstance(loaded.parts[0], PointTable) and len(loaded.parts) == 1:
        return _dump(shape, [read_column(loaded.parts[0], name) for name in shape.fields])
    pieces: list[bytes] = []
    for part in loaded.parts:
        if isinstance(part, bytes):
            pieces.append(part)
        else:
            pieces += _encode_table(shape, part, [read_column(part, name) for name in shape.fields], loaded.keeper)
    return b"[%b]" % b",".join(filter(None, pieces))


def _encode_table(
    shape: Shape, table: PointTable, columns: Sequence[Sequence[Any]], keeper: Keeper | None
) -> list[bytes]:
    if keeper is None or not len(table):
        return [_encode(shape, columns, 0, len(table))]
    pieces: list[bytes] = []
    blocks: Blocks = {}
    done = 0
    for start, place in _list_closed(table, keeper):
        blocks[start] = _encode(shape, columns, place, place + BLOCK_POINTS)
        pieces += [_encode(shape, columns, done, place), blocks[start]]
        done = place + BLOCK_POINTS
    pieces.append(_encode(shape, columns, done, len(table)))
    if blocks:
        keeper.keep(blocks)
    return pieces


def _list_closed(table: PointTable, keeper: Keeper) -> Iterator[tuple[datetime, int]]:
    """The start and the place of each block of which every point is there and FINAL."""
    times, states = table.column("time"), table.column("state")
    for block in keeper.candidates:
        first, last = bisect_left(times, block.start), bisect_left(times, block.end)
        if last - first == states[first:last].count(_FINAL) == BLOCK_POINTS:
            yield block.start, first


def _encode(shape: Shape, columns: Sequence[Sequence[Any]], first: int, last: int) -> bytes:
    """The items at these places, without the brackets."""
    if first >= last:
        return b""
    return _dump(shape, [column[first:last] for column in columns])[1:-1]


def _dump(shape: Shape, columns: Sequence[Sequence[Any]]) -> bytes:
    return orjson.dumps(shape.make(columns), option=orjson.OPT_UTC_Z)
