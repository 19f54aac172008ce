"""How much of a range is stored, and why not all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from db.coverage import CoverageQuery, CoveredPlaces, Place
from db.rates import MAX_RATE_AGE, RatePair
from db.series import Granularity, Series, Window
from db.windows import clip, merge, subtract
from resolvers.gaps import GapReason, GapView, explain_holes


@dataclass(frozen=True, slots=True)
class CoverageKey:
    """A series at one granularity over a window of complete buckets; converted, if there is a pair. `observed`: when it
    was observed last is wanted too.
    """

    series: Series
    granularity: Granularity
    window: Window
    pair: RatePair | None = None
    observed: bool = False

    @property
    def place(self) -> Place:
        """The last rates before the window convert its first points."""
        start = self.window.start - MAX_RATE_AGE if self.pair else self.window.start
        return Place(self.series, self.granularity, Window(start, self.window.end))

    @property
    def rate_places(self) -> list[Place]:
        """What the rates are made from: the series in the base currency, then the one in the currency asked for."""
        return [self.place._replace(series=one) for one in (self.pair.based, self.pair.rated)] if self.pair else []


@dataclass(frozen=True)
class CoverageView:
    """`holes` are the buckets that are not stored, `unrated` those that are, but have no rate to convert them with."""

    key: CoverageKey
    covered: CoveredPlaces
    holes: Sequence[Window]
    unrated: Sequence[Window]

    @property
    def observed_at(self) -> datetime | None:
        """The newest observation; what is converted is as old as the older of price and rate."""
        stamps = [self.covered[place].observed_at for place in (self.key.place, *self.key.rate_places[1:])]
        known = [stamp for stamp in stamps if stamp]
        return min(known) if len(known) == len(stamps) else None

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

    def explain(self, now: datetime) -> list[GapView]:
        """The missing stretches, oldest first. What is not stored has its own reason; what cannot be converted waits
        for the series in the currency asked for.
        """
        gaps = self._explain(self.holes, self.key.place, now)
        if self.unrated:
            unrated = self._explain(self.unrated, self.key.rate_places[1], now)
            gaps += [replace(gap, reason=GapReason.FX_UNAVAILABLE) for gap in unrated]
        return [_look_ahead(gap, now) for gap in sorted(gaps, key=lambda gap: gap.window)]

    def _explain(self, holes: Sequence[Window], place: Place, now: datetime) -> list[GapView]:
        return explain_holes(holes, self.covered[place].evidence(now), self._width) if holes else []

    @property
    def _width(self) -> timedelta:
        return self.key.granularity.width


def coverage_cost(window: Window, granularity: Granularity) -> int:
    """In points: counting stored buckets in the index costs little against answering them."""
    return 1 + window.buckets(granularity.width) // 100


def coverage_query(keys: Sequence[CoverageKey], *, explained: bool) -> CoverageQuery:
    """What to read for these; `explained`: somebody may ask why something is missing."""
    places = dict.fromkeys(place for key in keys for place in (key.place, *key.rate_places))
    return CoverageQuery(list(places), explained, observed=any(key.observed for key in keys))


def view_coverage(keys: Sequence[CoverageKey], covered: CoveredPlaces) -> list[CoverageView]:
    """The answers, in order, from what was read for these and perhaps others."""
    # Of many coins mostly the same.
    unrated: dict[tuple[Place, ...], list[Window]] = {(): []}
    views = []
    for key in keys:
        rates = tuple(key.rate_places)
        if rates not in unrated:
            unrated[rates] = _unrated(rates, covered)
        holes = clip(covered[key.place].holes, key.window)
        views.append(CoverageView(key, covered, holes, subtract(clip(unrated[rates], key.window), holes)))
    return views


def _unrated(rates: Sequence[Place], covered: CoveredPlaces) -> list[Window]:
    """The stretches without a rate: neither of their own time, nor one before that is young enough."""
    reach = rates[0].window
    rated = subtract([reach], [hole for place in rates for hole in covered[place].holes])
    # The last rate of a stretch is from its last bucket.
    reached = [Window(part.start, part.end + MAX_RATE_AGE) for part in rated]
    return subtract([reach], reached)


def _look_ahead(gap: GapView, now: datetime) -> GapView:
    """What could have been asked for again already waits for the next refresh."""
    past = gap.next_attempt_at is not None and gap.next_attempt_at < now
    return replace(gap, next_attempt_at=None) if past else gap
