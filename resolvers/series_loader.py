"""Answers everything that a request asks of price series: points of histories, and how complete series are.

There is a statement for each distinct range and quote, whatever the number of coins; the first one counts as well.
Where it counts for others, too, all of them share a snapshot, so that what is counted is what is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from db.coverage import CoverageQuery, CoveredPlaces, read_coverage
from db.pool import Database
from resolvers.blocks import BlockCache
from resolvers.coverage import CoverageKey, CoverageView, coverage_query, view_coverage
from resolvers.history_reading import HistoryReading, Loaded, Wish
from resolvers.points import Filling
from resolvers.quotes import Quote
from resolvers.ranges import Asked


class SeriesLoader:
    """`explained`: somebody may ask why something is missing."""

    def __init__(self, database: Database, cache: BlockCache, now: datetime, *, explained: bool) -> None:
        self._database = database
        self._cache = cache
        self._now = now
        self._explained = explained

    async def load(self, keys: list[Wish | CoverageKey]) -> list[Loaded | CoverageView]:
        wishes = [key for key in keys if isinstance(key, Wish)]
        counts = [key for key in keys if isinstance(key, CoverageKey)]
        query = coverage_query(counts, explained=self._explained) if counts else None
        loaded, covered = await self._read(wishes, query)
        views = dict(zip(counts, view_coverage(counts, covered), strict=True))
        return [loaded[key] if isinstance(key, Wish) else views[key] for key in keys]

    async def _read(
        self, wishes: Sequence[Wish], coverage: CoverageQuery | None
    ) -> tuple[dict[Wish, Loaded], CoveredPlaces]:
        groups: dict[tuple[Quote, Asked, Filling], list[Wish]] = defaultdict(list)
        for wish in wishes:
            groups[wish.key[1:]].append(wish)
        loaded: dict[Wish, Loaded] = {}
        covered: CoveredPlaces = {}
        counted_apart = coverage is not None and len(groups) > 1
        async with self._database.snapshot() if counted_apart else self._database.connection() as connection:
            if coverage and not groups:
                covered = await read_coverage(connection, coverage)
            for number, ((quote, asked, filling), group) in enumerate(groups.items()):
                reading = HistoryReading(quote, asked, filling, self._cache, self._now)
                found, counted = await reading.read(connection, group, None if number else coverage)
                loaded, covered = loaded | found, counted or covered
        return loaded, covered
