"""Reads many histories at once: those of one range and quote, whatever the number of coins.

What is kept encoded of closed blocks (resolvers.blocks) is left out of the statement, as long as the version of the
series that the same statement reads is the one that the blocks were read at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from db.candle_query import CandleQuery, Wanted
from db.candles import Candles
from db.coins import CoinRow
from db.coverage import CoverageQuery, CoveredPlaces, read_candles_and_coverage
from db.pool import Connection
from db.series import RECHECK, Window
from db.windows import subtract
from resolvers.blocks import NO_BLOCKS, BlockCache, Blocks, Entry, divide, whole_blocks
from resolvers.points import Filling, GapPolicy, Grid, PointTable, stored_columns
from resolvers.quotes import Quote
from resolvers.ranges import Asked
from resolvers.shapes import Shape


class HistoryKey(NamedTuple):
    """The points of one coin over one range."""

    coin: CoinRow
    quote: Quote
    asked: Asked
    filling: Filling


class Wish(NamedTuple):
    """What a field of the answer needs: some fields of the points. With a shape they are to be encoded so."""

    key: HistoryKey
    fields: tuple[str, ...]
    shape: Shape | None = None


@dataclass(frozen=True, slots=True)
class Keeper:
    """Where blocks go that turn out to be closed; `candidates` are those that are old enough and not kept yet."""

    cache: BlockCache
    entry_key: tuple[object, ...]
    version: int
    candidates: Sequence[Window]

    def keep(self, blocks: Blocks) -> None:
        self.cache.keep(self.entry_key, self.version, blocks)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Points in order of time: encoded blocks, and tables of what is between them."""

    parts: Sequence[PointTable | bytes]
    keeper: Keeper | None = None

    @property
    def table(self) -> PointTable:
        """The only part, of a wish without a shape."""
        (table,) = self.parts
        assert isinstance(table, PointTable)
        return table

    @property
    def lacking(self) -> list[datetime]:
        """The buckets that should be whole by now and are not; those of encoded blocks are."""
        return [time for part in self.parts if isinstance(part, PointTable) for time in part.lacking]


@dataclass(frozen=True, slots=True)
class _Layout:
    """A range of which some blocks are not kept: `gaps` are to be read; `parts` are gaps and starts of kept blocks."""

    gaps: Sequence[Window]
    parts: Sequence[Window | datetime]
    absent: Sequence[Window]


class HistoryReading:
    """One statement: the same range, quote and filling for many coins; and how complete some series are, if that is
    asked for alongside.
    """

    def __init__(self, quote: Quote, asked: Asked, filling: Filling, cache: BlockCache, now: datetime) -> None:
        self._quote = quote
        self._asked = asked
        self._filling = filling
        self._cache = cache
        self._now = now
        self._blocks = whole_blocks(asked.window, asked.interval, now) if cache.enabled else NO_BLOCKS
        # Of many coins mostly the same.
        self._layouts: dict[frozenset[datetime], _Layout] = {}
        self._reaches: dict[Window, Window] = {}
        self._grids: dict[Window, Grid] = {}

    async def read(
        self, connection: Connection, wishes: Sequence[Wish], coverage: CoverageQuery | None
    ) -> tuple[dict[Wish, Loaded], CoveredPlaces]:
        by_coin: dict[int, list[Wish]] = defaultdict(list)
        for wish in wishes:
            by_coin[wish.key.coin.id].append(wish)
        known = {coin: self._find_entries(group) for coin, group in by_coin.items()}
        fields = {name for wish in wishes for name in wish.fields}
        candles, covered = await read_candles_and_coverage(connection, self._query(known, fields), coverage)
        loaded = {
            wish: self._assemble(wish, known[coin], candles[coin]) for coin, group in by_coin.items() for wish in group
        }
        return loaded, covered

    def _find_entries(self, wishes: Sequence[Wish]) -> dict[Shape, Entry]:
        """What is kept of a coin; nothing unless all of its wishes can do with it."""
        found: dict[Shape, Entry] = {}
        for wish in wishes:
            entry = self._cache.find(self._entry_key(wish)) if wish.shape and self._blocks else None
            if entry is None:
                return {}
            assert wish.shape is not None
            found[wish.shape] = entry
        if len({entry.version for entry in found.values()}) != 1:
            return {}
        # Each gap is a look-up of its own; from so many on, one that reads everything is cheaper (measured: an eighth).
        return found if len(self._layout(found).gaps) <= 2 + len(self._blocks) // 10 else {}

    def _entry_key(self, wish: Wish) -> tuple[object, ...]:
        base, asked = self._quote.base.id, self._asked
        return (wish.key.coin.id, base, self._quote.pair, asked.granularity, asked.interval, wish.shape)

    def _query(self, known: dict[int, dict[Shape, Entry]], fields: set[str]) -> CandleQuery:
        pair = self._quote.pair
        return CandleQuery(
            self._quote.base.id,
            self._asked.granularity,
            self._asked.interval.step,
            [one for coin, entries in known.items() for one in self._list_wanted(coin, entries)],
            stored_columns(fields, self._asked, self._filling, converted=pair is not None),
            pair,
            versions=bool(self._blocks),
            provisional=bool(self._blocks) or "state" in fields or self._filling.final_only,
        )

    def _list_wanted(self, coin: int, entries: dict[Shape, Entry]) -> list[Wanted]:
        everything = self._reach(self._asked.window)
        if not entries:
            return [Wanted(coin, everything)]
        version = next(iter(entries.values())).version
        gaps = [Wanted(coin, self._reach(gap), version, same=True) for gap in self._layout(entries).gaps]
        return [Wanted(coin, everything, version), *gaps]

    def _layout(self, entries: dict[Shape, Entry]) -> _Layout:
        """What of the range is kept for every shape."""
        starts = self._blocks.starts
        absent = frozenset[datetime]().union(*(starts - entry.blocks.keys() for entry in entries.values()))
        if absent not in self._layouts:
            kept, covered, missing = divide(self._blocks, absent)
            gaps = subtract([self._asked.window], covered)
            between = {gap.start: gap for gap in gaps}
            parts = [between.get(start, start) for start in sorted([*kept, *between])]
            self._layouts[absent] = _Layout(gaps, parts, missing)
        return self._layouts[absent]

    def _reach(self, part: Window) -> Window:
        """The stored buckets to read. What is carried into a gap behind a block is the last bucket of that block."""
        if part not in self._reaches:
            self._reaches[part] = self._find_reach(part)
        return self._reaches[part]

    def _find_reach(self, part: Window) -> Window:
        asked = self._asked.within(part)
        if part.start == self._asked.window.start:
            return asked.reach(self._filling.lookback(self._asked.granularity))
        step = self._asked.interval.after(part.start) - part.start
        return asked.reach(step if self._filling.policy is GapPolicy.CARRY else 0 * step)

    def _assemble(self, wish: Wish, entries: dict[Shape, Entry], candles: Candles) -> Loaded:
        entry = entries.get(wish.shape) if wish.shape else None
        if entry is None or entry.version != candles.version:
            table = self._table(self._asked.window, candles)
            return Loaded([table], self._keeper(wish, candles, self._blocks.windows))
        layout = self._layout(entries)
        parts = [
            self._table(part, candles.between(self._reach(part))) if isinstance(part, Window) else entry.blocks[part]
            for part in layout.parts
        ]
        return Loaded(parts, self._keeper(wish, candles, layout.absent))

    def _keeper(self, wish: Wish, candles: Candles, candidates: Sequence[Window]) -> Keeper | None:
        if not wish.shape or not candidates or candles.version is None:
            return None
        if candles.as_of:  # what is closed by the clock may have been open when the replica was cut off
            candidates = [block for block in candidates if block.end <= candles.as_of - RECHECK]
        return Keeper(self._cache, self._entry_key(wish), candles.version, candidates)

    def _table(self, window: Window, candles: Candles) -> PointTable:
        grid = self._grids.get(window)
        if grid is None:
            grid = self._grids[window] = Grid(self._asked.within(window), self._now)
        return PointTable(grid, candles, self._filling, converted=self._quote.pair is not None)
