"""How much of a range is stored; for any number of series a constant number of statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from db.fetches import list_fetches
from db.gaps import list_first_points, read_stored
from db.planning import oldest_allowed
from db.pool import Connection, Database
from db.providers import read_provider
from db.rates import RatePair
from db.refresh import list_open_windows
from db.series import Granularity, Series, Window
from db.windows import merge, subtract
from resolvers.gaps import Evidence, GapReason, GapView, explain_holes
from resolvers.rates import MAX_RATE_AGE


@dataclass(frozen=True, slots=True)
class CoverageKey:
    """A series at one granularity over a window of complete buckets; converted, if there is a pair."""

    series: Series
    granularity: Granularity
    window: Window
    pair: RatePair | None = None


@dataclass(frozen=True)
class CoverageView:
    """`holes` are the buckets that are not stored, `unrated` those that are, but have no rate to convert them with."""

    key: CoverageKey
    holes: Sequence[Window]
    unrated: Sequence[Window]

    @property
    def expected(self) -> int:
        return self.key.window.buckets(self._width)

    @property
    def actual(self) -> int:
        return self.expected - sum(part.buckets(self._width) for part in self.missing)

    @property
    def first(self) -> datetime | None:
        start, end = self.key.window.start, self.key.window.end
        start = next((part.end for part in self.missing if part.start == start), start)
        return start if start < end else None

    @property
    def last(self) -> datetime | None:
        start, end = self.key.window.start, self.key.window.end
        end = next((part.start for part in self.missing if part.end == end), end)
        return end - self._width if start < end else None

    @cached_property
    def missing(self) -> list[Window]:
        """Every stretch without a value, whatever the reason."""
        return merge([*self.holes, *self.unrated])

    @property
    def _width(self) -> timedelta:
        return self.key.granularity.width


class CoverageLoader:
    """Loads many keys at once: statements are per distinct granularity and window, not per series."""

    def __init__(self, database: Database, now: datetime) -> None:
        self._database = database
        self._now = now

    async def load(self, keys: list[CoverageKey]) -> list[CoverageView]:
        found: dict[CoverageKey, CoverageView] = {}
        async with self._database.connection() as connection:
            for (granularity, window), group in _grouped(keys).items():
                series = list({key.series for key in group})
                stored = await read_stored(connection, series, granularity, window)
                unrated = await _read_unrated(connection, group, granularity, window)
                for key in group:
                    holes = stored[key.series].holes
                    missing = subtract(unrated[key.pair], holes) if key.pair else []
                    found[key] = CoverageView(key, holes, missing)
        return [found[key] for key in keys]

    async def load_gaps(self, pairs: list[tuple[CoverageKey, CoverageView]]) -> list[list[GapView]]:
        views = dict(pairs)
        found: dict[CoverageKey, list[GapView]] = {}
        async with self._database.connection() as connection:
            for (granularity, window), group in _grouped(views).items():
                series = {key.series for key in group} | {_rated(key.pair) for key in group if key.pair}
                evidence = await self._read_evidence(connection, list(series), granularity, window)
                for key in group:
                    found[key] = [_look_ahead(gap, self._now) for gap in _explain(views[key], evidence)]
        return [found[key] for key, _ in pairs]

    async def _read_evidence(
        self, connection: Connection, series: Sequence[Series], granularity: Granularity, window: Window
    ) -> dict[Series, Evidence]:
        provider = await read_provider(connection, "COINGECKO")
        oldest = oldest_allowed(self._now, provider.reach_days)
        fetches = await list_fetches(connection, series, granularity, window)
        tasks = await list_open_windows(connection, series, granularity, self._now)
        firsts = await list_first_points(connection, series, granularity)
        return {one: Evidence(fetches[one], tasks.get(one, []), firsts.get(one), oldest) for one in series}


def _grouped(keys: Iterable[CoverageKey]) -> dict[tuple[Granularity, Window], list[CoverageKey]]:
    groups: dict[tuple[Granularity, Window], list[CoverageKey]] = defaultdict(list)
    for key in keys:
        groups[key.granularity, key.window].append(key)
    return groups


async def _read_unrated(
    connection: Connection, keys: Iterable[CoverageKey], granularity: Granularity, window: Window
) -> dict[RatePair, list[Window]]:
    """For each pair the stretches without a rate: neither of their own time, nor one before that is young enough."""
    pairs = {key.pair for key in keys if key.pair}
    if not pairs:
        return {}
    series = {Series(pair.coin_id, currency) for pair in pairs for currency in (pair.base_id, pair.quote_id)}
    reaching_back = Window(window.start - MAX_RATE_AGE, window.end)
    stored = await read_stored(connection, list(series), granularity, reaching_back)
    unrated = {}
    for pair in pairs:
        rated = subtract(
            subtract([reaching_back], stored[Series(pair.coin_id, pair.base_id)].holes),
            stored[Series(pair.coin_id, pair.quote_id)].holes,
        )
        # The last rate of a stretch is from its last bucket.
        reached = [Window(part.start, part.end + MAX_RATE_AGE) for part in rated]
        unrated[pair] = subtract([window] if window.start < window.end else [], reached)
    return unrated


def _explain(view: CoverageView, evidence: dict[Series, Evidence]) -> list[GapView]:
    """What is not stored for its own reason; what cannot be converted waits for the rate's series."""
    width = view.key.granularity.width
    gaps = explain_holes(view.holes, evidence[view.key.series], width)
    if view.key.pair:
        unrated = explain_holes(view.unrated, evidence[_rated(view.key.pair)], width)
        gaps += [replace(gap, reason=GapReason.FX_UNAVAILABLE) for gap in unrated]
    return sorted(gaps, key=lambda gap: gap.window)


def _look_ahead(gap: GapView, now: datetime) -> GapView:
    """What could have been asked for again already waits for the next refresh."""
    past = gap.next_attempt_at is not None and gap.next_attempt_at < now
    return replace(gap, next_attempt_at=None) if past else gap


def _rated(pair: RatePair) -> Series:
    return Series(pair.coin_id, pair.quote_id)
