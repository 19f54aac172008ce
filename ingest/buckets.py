"""From samples, stamped a little off the hour, to one point a bucket.

The rule, for hours and days alike: a bucket's price is the sample nearest to the bucket's start. A sample belongs to
the hour it is nearest to; a day takes what its first hour took. So 00:00:41 is the price of 00:00, 23:59:58 is too if
nothing is nearer, and the day's price equals the price of its first hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from db.prices import Point
from db.series import HOUR, Granularity, Window, floor, nearest


@dataclass(frozen=True, slots=True)
class Sample:
    """One timed price from a provider, UTC, in the quote currency; volume over the 24 hours before."""

    at: datetime
    price: float
    market_cap: float | None = None
    volume_24h: float | None = None


def to_points(samples: Iterable[Sample], granularity: Granularity, window: Window, now: datetime) -> list[Point]:
    """The points of the buckets that begin inside the window and have begun by now, oldest first."""
    best: dict[datetime, Sample] = {}
    for sample in samples:
        bucket = nearest(sample.at, HOUR)
        if bucket != floor(bucket, granularity.width) or not window.start <= bucket < window.end or bucket > now:
            continue
        rival = best.get(bucket)
        if rival is None or _distance(sample, bucket) < _distance(rival, bucket):
            best[bucket] = sample
    return [to_point(best[bucket], bucket) for bucket in sorted(best)]


def to_point(sample: Sample, bucket: datetime) -> Point:
    return Point(bucket, sample.price, sample.at, sample.market_cap, sample.volume_24h)


def list_empty(points: Sequence[Point], granularity: Granularity, window: Window) -> list[Window]:
    """The stretches of a window, in whole buckets, for which there is no point."""
    empty: list[Window] = []
    due = window.start
    for point in points:
        if point.ts > due:
            empty.append(Window(due, min(point.ts, window.end)))
        due = max(due, point.ts + granularity.width)
    if due < window.end:
        empty.append(Window(due, window.end))
    return [stretch for stretch in empty if stretch.start < stretch.end]


def _distance(sample: Sample, bucket: datetime) -> tuple[float, datetime]:
    """Nearest first; of two at the same distance, or of the same stamp, the first one seen stays."""
    return abs((sample.at - bucket).total_seconds()), sample.at
