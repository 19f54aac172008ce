"""Closed history, kept encoded: the points of days that are over and confirmed never change, so their JSON need not be
made twice.

Each series and shape has an entry; it holds blocks of BLOCK_POINTS points and the version of the series that they were
read at (see db.versions). Whoever reads compares that version with the one in the snapshot of its own statement, so an
entry that is outdated is never used, whatever other processes wrote. Entries that were not used for the longest time
make room for others.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from cachetools import LRUCache

from db.series import RECHECK, Window
from db.windows import merge
from resolvers.intervals import Interval, floor_from_monday

# At HOUR_1 a block is a UTC day.
BLOCK_POINTS = 24
# What a block and an entry take besides their bytes, about: keys, objects, places in dictionaries.
_BLOCK_BYTES = 200
_ENTRY_BYTES = 1_000

Blocks = dict[datetime, bytes]


@dataclass(slots=True)
class Entry:
    """`blocks` are by the start of their first bucket."""

    version: int
    blocks: Blocks = field(default_factory=dict)
    size: int = _ENTRY_BYTES

    def add(self, blocks: Blocks) -> None:
        for start, block in blocks.items():
            if start not in self.blocks:
                self.size += len(block) + _BLOCK_BYTES
            self.blocks[start] = block


class BlockCache:
    """At most so many bytes; 0 keeps nothing. One a process."""

    def __init__(self, limit: int) -> None:
        self._entries: LRUCache[Hashable, Entry] = LRUCache(limit, getsizeof=attrgetter("size"))

    @property
    def enabled(self) -> bool:
        return self._entries.maxsize > 0

    @property
    def size(self) -> float:
        return self._entries.currsize

    def find(self, key: Hashable) -> Entry | None:
        return self._entries.get(key)

    def keep(self, key: Hashable, version: int, blocks: Blocks) -> None:
        """Add blocks that were read at this version; what is there of another one goes."""
        entry = self._entries.pop(key, None)
        if entry is None or entry.version != version:
            entry = Entry(version)
        entry.add(blocks)
        if entry.size <= self._entries.maxsize:
            self._entries[key] = entry


@dataclass(frozen=True, slots=True, eq=False)  # compared as the object that it is: a range has hundreds of blocks
class WholeBlocks:
    """Those of a range, oldest first."""

    windows: Sequence[Window] = ()
    starts: frozenset[datetime] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.windows)

    def __len__(self) -> int:
        return len(self.windows)


NO_BLOCKS = WholeBlocks()


def whole_blocks(window: Window, interval: Interval, now: datetime) -> WholeBlocks:
    """The blocks inside the window that ended so long ago that nothing recent changes them.

    There are none of months and longer: such points are few.
    """
    if not isinstance(interval.step, timedelta):
        return NO_BLOCKS
    length = interval.step * BLOCK_POINTS
    end = min(window.end, now - RECHECK)
    start = floor_from_monday(window.start, length)
    if start < window.start:
        start += length
    return _list_blocks(start, length, max(0, (end - start) // length))


@lru_cache(maxsize=16)  # a dashboard asks for the same range again and again
def _list_blocks(start: datetime, length: timedelta, count: int) -> WholeBlocks:
    windows = tuple(Window(start + length * place, start + length * (place + 1)) for place in range(count))
    return WholeBlocks(windows, frozenset(window.start for window in windows))


class Division(NamedTuple):
    """Blocks of a range, by whether they are kept: the starts of those that are, in order, and the windows that they
    make up; and those that are not.
    """

    kept: Sequence[datetime]
    covered: Sequence[Window]
    absent: Sequence[Window]


@lru_cache(maxsize=16)
def divide(blocks: WholeBlocks, absent: frozenset[datetime]) -> Division:
    """`absent`: the starts of those that are not kept. Of many coins, and request after request, mostly the same."""
    kept = [block for block in blocks.windows if block.start not in absent]
    missing = [block for block in blocks.windows if block.start in absent]
    return Division([block.start for block in kept], merge(kept), missing)
