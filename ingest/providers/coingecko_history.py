"""CoinGecko's price history, read and checked: rows that make no sense are refused, with the reason.

The form of the answer is that of `/coins/{id}/market_chart/range` in its OpenAPI description (version 3.0.0).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

import msgspec

from db.bounds import LEAST_PRICE, MOST, is_price
from db.issues import Evidence
from db.series import DAY, HOUR, Granularity, floor, nearest
from ingest.buckets import Sample
from ingest.errors import FatalProviderError, Kind
from ingest.providers.values import FUTURE, amount, finite

# As much as is kept of a value that was refused, in characters.
_LONGEST_VALUE = 100
# A sample so near to a full hour is meant to be that hour's; samples are an hour apart.
_CLAIM = timedelta(minutes=10)


class MarketChart(msgspec.Struct):
    """Three parallel arrays of `[milliseconds, value]`; their lengths may differ, values may be null."""

    prices: list[list[Any]]
    market_caps: list[list[Any]]
    total_volumes: list[list[Any]]


@dataclass(frozen=True, slots=True)
class History:
    """One answer: regular samples for the buckets, the newest sample of all, and the rows that were refused."""

    samples: Sequence[Sample]
    latest: Sample | None
    rejected: Sequence[Evidence]


def read_history(chart: MarketChart, now: datetime) -> History:
    caps, volumes = _by_stamp(chart.market_caps), _by_stamp(chart.total_volumes)
    samples: list[Sample] = []
    rejected: list[Evidence] = []
    for row in chart.prices:
        stamp = _stamp(row)
        price = finite(row[1]) if stamp and len(row) == 2 else None
        if stamp is None or price is None or not is_price(price) or stamp > now + FUTURE:
            rejected.append(_refuse(row, stamp, price))
            continue
        samples.append(Sample(stamp, price, caps.get(row[0]), volumes.get(row[0])))
    samples.sort(key=lambda sample: sample.at)
    latest = samples[-1] if samples else None
    if latest and _is_now(latest, now):
        samples.pop()
    doubtful = _find_doubtful(samples)
    rejected += [Evidence(one.at, repr(one.price), "another price claims the same hour") for one in doubtful]
    return History([sample for sample in samples if sample not in doubtful], latest, rejected)


def _find_doubtful(samples: Sequence[Sample]) -> set[Sample]:
    """Different prices that claim the same hour, as when stamps fall back with a clock; none is right for sure."""
    by_hour: dict[datetime, list[Sample]] = defaultdict(list)
    for sample in samples:
        hour = nearest(sample.at, HOUR)
        if abs(sample.at - hour) <= _CLAIM:
            by_hour[hour].append(sample)
    rivals = [group for group in by_hour.values() if len({sample.price for sample in group}) > 1]
    return {sample for group in rivals for sample in group}


def _refuse(row: list[Any], stamp: datetime | None, price: float | None) -> Evidence:
    """Why a row is not taken, with what it said."""
    said = json.dumps(row[1] if len(row) == 2 else row)[:_LONGEST_VALUE]
    if stamp is None:
        return Evidence(None, said, "its stamp is no time")
    if price is None:
        return Evidence(stamp, said, "its price is no number")
    if price <= 0:
        return Evidence(stamp, said, "its price is not above zero")
    if not is_price(price):
        return Evidence(stamp, said, f"its price is not between {LEAST_PRICE:g} and {MOST:g}")
    return Evidence(stamp, said, "its stamp lies in the future")


def _is_now(sample: Sample, now: datetime) -> bool:
    """The trailing pair is "now" in whole seconds, up to 30 minutes old (cache); it stands for no bucket.

    Regular stamps have odd milliseconds, but for daily ones, which are midnights.
    """
    recent = now - sample.at < timedelta(minutes=31)
    return recent and sample.at.microsecond == 0 and sample.at != floor(sample.at, DAY)


def check_spacing(samples: Sequence[Sample], granularity: Granularity) -> None:
    """Refuse an answer of another granularity than asked: daily samples would leave holes that look like truth."""
    if len(samples) < 3:
        return
    spacing = median((b.at - a.at).total_seconds() for a, b in pairwise(samples))
    hourly = spacing < 6 * HOUR.total_seconds()
    if hourly != (granularity is Granularity.HOURLY):
        raise FatalProviderError(Kind.DRIFT, f"CoinGecko did not answer in the {granularity.lower()} granularity")


def _by_stamp(rows: Sequence[list[Any]]) -> dict[Any, float | None]:
    return {row[0]: value for row in rows if len(row) == 2 and (value := amount(row[1])) is not None}


def _stamp(row: list[Any]) -> datetime | None:
    milliseconds = finite(row[0]) if row else None
    if milliseconds is None or not 0 < milliseconds < 1e14:
        return None
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
