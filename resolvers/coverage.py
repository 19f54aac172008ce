"""How much of a range is stored; for any number of series a constant number of statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from db.evidence import Evidence, read_evidence
from db.gaps import Stored, read_stored
from db.pool import Database
from db.rates import MAX_RATE_AGE, RatePair
from db.series import Granularity, Series, Window
from db.windows import clip, merge, subtract
from resolvers.gaps import GapReason, GapView, explain_holes


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


def coverage_cost(window: Window, granularity: Granularity) -> int:
    """In points: counting stored buckets in the index costs little against answering them."""
    return 1 + window.buckets(granularity.width) // 100


class CoverageLoader:
    """Loads many keys at once: statements are per distinct granularity and window, not per series."""

    def __init__(self, database: Database, now: datetime) -> None:
        self._database = database
        self._now = now

    async def load(self, keys: list[CoverageKey]) -> list[CoverageView]:
        found: dict[CoverageKey, CoverageView] = {}
        async with self._database.connection() as connection:
            for (granularity, window), group in _grouped(keys).items():
                # The last rates before the window convert its first points.
                reach = Window(window.start - MAX_RATE_AGE, window.end) if any(key.pair for key in group) else window
                stored = await read_stored(connection, list(_series_of(group)), granularity, reach)
                unrated = {pair: _unrated(pair, stored, reach) for pair in {key.pair for key in group if key.pair}}
                for key in group:
                    holes = clip(stored[key.series].holes, window)
                    missing = subtract(clip(unrated[key.pair], window), holes) if key.pair else []
                    found[key] = CoverageView(key, holes, missing)
        return [found[key] for key in keys]

    async def load_gaps(self, pairs: list[tuple[CoverageKey, CoverageView]]) -> list[list[GapView]]:
        views = dict(pairs)
        found: dict[CoverageKey, list[GapView]] = {}
        async with self._database.connection() as connection:
            for (granularity, window), group in _grouped(views).items():
                series = list({key.series for key in group} | {key.pair.rated for key in group if key.pair})
                evidence = await read_evidence(connection, series, granularity, window, self._now)
                for key in group:
                    found[key] = [_look_ahead(gap, self._now) for gap in _explain(views[key], evidence)]
        return [found[key] for key, _ in pairs]


def _grouped(keys: Iterable[CoverageKey]) -> dict[tuple[Granularity, Window], list[CoverageKey]]:
    groups: dict[tuple[Granularity, Window], list[CoverageKey]] = defaultdict(list)
    for key in keys:
        groups[key.granularity, key.window].append(key)
    return groups


def _series_of(keys: Iterable[CoverageKey]) -> set[Series]:
    """Those of the keys, and those that the rates are made from."""
    pairs = {key.pair for key in keys if key.pair}
    return {key.series for key in keys} | {series for pair in pairs for series in (pair.based, pair.rated)}


def _unrated(pair: RatePair, stored: Mapping[Series, Stored], reach: Window) -> list[Window]:
    """The stretches without a rate: neither of their own time, nor one before that is young enough."""
    rated = subtract(subtract([reach], stored[pair.based].holes), stored[pair.rated].holes)
    # The last rate of a stretch is from its last bucket.
    reached = [Window(part.start, part.end + MAX_RATE_AGE) for part in rated]
    return subtract([reach], reached)


def _explain(view: CoverageView, evidence: dict[Series, Evidence]) -> list[GapView]:
    """What is not stored for its own reason; what cannot be converted waits for the rate's series."""
    width = view.key.granularity.width
    gaps = explain_holes(view.holes, evidence[view.key.series], width)
    if view.key.pair:
        unrated = explain_holes(view.unrated, evidence[view.key.pair.rated], width)
        gaps += [replace(gap, reason=GapReason.FX_UNAVAILABLE) for gap in unrated]
    return sorted(gaps, key=lambda gap: gap.window)


def _look_ahead(gap: GapView, now: datetime) -> GapView:
    """What could have been asked for again already waits for the next refresh."""
    past = gap.next_attempt_at is not None and gap.next_attempt_at < now
    return replace(gap, next_attempt_at=None) if past else gap
