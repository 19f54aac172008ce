"""How much of a range is stored; for any number of series a constant number of statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from db.fetches import list_fetches
from db.gaps import list_first_points, read_stored
from db.planning import oldest_allowed
from db.pool import Database
from db.providers import read_provider
from db.refresh import list_open_windows
from db.series import Granularity, Series, Window
from resolvers.gaps import Evidence, GapView, explain_holes


@dataclass(frozen=True, slots=True)
class CoverageKey:
    """A series at one granularity over a window of complete buckets."""

    series: Series
    granularity: Granularity
    window: Window


@dataclass(frozen=True, slots=True)
class CoverageView:
    """`holes` are the missing stretches, not yet explained."""

    key: CoverageKey
    expected: int
    actual: int
    first: datetime | None
    last: datetime | None
    holes: Sequence[Window]


class CoverageLoader:
    """Loads many keys at once: statements are per distinct granularity and window, not per series."""

    def __init__(self, database: Database, now: datetime) -> None:
        self._database = database
        self._now = now

    async def load(self, keys: list[CoverageKey]) -> list[CoverageView]:
        found: dict[CoverageKey, CoverageView] = {}
        async with self._database.connection() as connection:
            for (granularity, window), group in _grouped(keys).items():
                stored = await read_stored(connection, [key.series for key in group], granularity, window)
                for key in group:
                    one = stored[key.series]
                    expected = window.buckets(granularity.width)
                    found[key] = CoverageView(key, expected, one.count, one.first, one.last, one.holes)
        return [found[key] for key in keys]

    async def load_gaps(self, pairs: list[tuple[CoverageKey, CoverageView]]) -> list[list[GapView]]:
        views = dict(pairs)
        found: dict[CoverageKey, list[GapView]] = {}
        async with self._database.connection() as connection:
            provider = await read_provider(connection, "COINGECKO")
            oldest = oldest_allowed(self._now, provider.reach_days)
            for (granularity, window), group in _grouped(views).items():
                series = [key.series for key in group]
                fetches = await list_fetches(connection, series, granularity, window)
                tasks = await list_open_windows(connection, series, granularity, self._now)
                firsts = await list_first_points(connection, series, granularity)
                for key in group:
                    one = key.series
                    evidence = Evidence(fetches[one], tasks.get(one, []), firsts.get(one), oldest)
                    found[key] = explain_holes(views[key].holes, evidence, granularity.width)
        return [found[key] for key, _ in pairs]


def _grouped(keys: Iterable[CoverageKey]) -> dict[tuple[Granularity, Window], list[CoverageKey]]:
    groups: dict[tuple[Granularity, Window], list[CoverageKey]] = defaultdict(list)
    for key in keys:
        groups[key.granularity, key.window].append(key)
    return groups
