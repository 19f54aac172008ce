"""CoinGecko API v3: public, demo and paid plans.

Facts are from its OpenAPI description (version 3.0.0) and documentation: hosts and headers from "Authentication",
granularity and history limits from `/coins/{id}/market_chart/range`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any, TypeVar

import httpx
import msgspec

from db.coins import CatalogueEntry
from db.providers import Budget
from db.series import DAY, HOUR, Granularity, Window, floor
from ingest.buckets import Sample
from ingest.errors import FatalProviderError, Kind, RetryableProviderError
from ingest.http import Answer, get
from ingest.providers.coingecko_errors import REFUSED_SECONDS, classify
from ingest.settings import IngestSettings, Plan

NAME = "COINGECKO"
_T = TypeVar("_T")
_PUBLIC_HOST = "https://api.coingecko.com/api/v3"
_PAID_HOST = "https://pro-api.coingecko.com/api/v3"
# A request's edge: the sample nearest to a bucket's start may be stamped a little before it.
_EDGE = HOUR
# Up to a day from now is answered 5-minutely, 2 to 90 days hourly, above daily.
_SHORTEST_HOURLY = timedelta(days=2, hours=1)
_SHORTEST_DAILY = timedelta(days=92)
# "Up to now" ends a little later, or an answer to a request that took its time would lack the newest sample.
_SLACK = timedelta(minutes=1)
# A stamp further ahead than this is a fault of the provider's clock or ours.
_FUTURE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class PlanLimits:
    """Calls a minute that we allow ourselves, calls a month, and days of history.

    A fifth below the documented 100, 300 and 500 a minute. Without a key the limit is unpublished and shared by
    address: of 3 calls a minute all were answered, of 6 about half (measured on 2025-11-20).
    """

    calls: int
    burst: int
    monthly: int | None
    reach_days: int | None


PLANS = {
    Plan.PUBLIC: PlanLimits(4, 1, None, 365),
    Plan.DEMO: PlanLimits(80, 5, 10_000, 365),
    Plan.BASIC: PlanLimits(240, 10, 100_000, 730),
    Plan.ANALYST: PlanLimits(400, 10, 500_000, None),
    Plan.PRO: PlanLimits(400, 10, None, None),
}
_MINUTE = timedelta(minutes=1)


class _MarketChart(msgspec.Struct):
    """Three parallel arrays of `[milliseconds, value]`; their lengths may differ, values may be null."""

    prices: list[list[Any]]
    market_caps: list[list[Any]]
    total_volumes: list[list[Any]]


class _Market(msgspec.Struct):
    id: str
    symbol: str
    name: str
    market_cap_rank: int | None = None
    image: str | None = None


@dataclass(frozen=True, slots=True)
class History:
    """One answer: regular samples for the buckets, the newest sample of all, and stamps of rows that were refused."""

    samples: Sequence[Sample]
    latest: Sample | None
    rejected: Sequence[datetime]


def budget_of(settings: IngestSettings) -> Budget:
    """The budget of the key in use; named by a digest, for the key itself is stored nowhere."""
    limits = PLANS[settings.plan]
    calls = settings.calls_per_minute or limits.calls
    burst = min(limits.burst, max(1, calls // 10))
    digest = hashlib.sha256((settings.api_key or "").encode()).hexdigest()[:8]
    key = f"coingecko:{settings.plan}" + (f":{digest}" if settings.api_key else "")
    return Budget(key, calls + (calls <= burst), _MINUTE, burst, limits.monthly, limits.reach_days)


def make_client(settings: IngestSettings) -> httpx.AsyncClient:
    paid = settings.plan in (Plan.BASIC, Plan.ANALYST, Plan.PRO)
    headers = {"accept": "application/json", "user-agent": "pricegraph"}
    if settings.api_key:
        headers["x-cg-pro-api-key" if paid else "x-cg-demo-api-key"] = settings.api_key
    base = settings.coingecko_url or (_PAID_HOST if paid else _PUBLIC_HOST)
    return httpx.AsyncClient(base_url=base, headers=headers, timeout=httpx.Timeout(10, connect=5))


class CoinGecko:
    """Answers, decoded and checked. Pacing and retries are the caller's."""

    def __init__(self, client: httpx.AsyncClient, reach_days: int | None) -> None:
        self._client = client
        self._reach_days = reach_days

    async def fetch_history(
        self, coin: str, currency: str, granularity: Granularity, window: Window, now: datetime
    ) -> History:
        """The samples around the window's buckets."""
        asked = self.request_window(granularity, window, now)
        parameters: dict[str, str | int] = {
            "vs_currency": currency,
            "from": int(asked.start.timestamp()),
            "to": int(asked.end.timestamp()),
            "precision": "full",
        }
        payload = await self._get(f"/coins/{coin}/market_chart/range", parameters, now)
        history = _read_history(_convert(payload, _MarketChart), now)
        _check_spacing(history.samples, granularity)
        return history

    async def fetch_markets(self, coins: Sequence[str], now: datetime) -> list[CatalogueEntry]:
        """Name, symbol, rank and picture of up to 250 coins; a coin that CoinGecko does not know is left out."""
        # Even with ids the default page holds only 100.
        parameters: dict[str, str | int] = {"vs_currency": "usd", "ids": ",".join(coins), "per_page": 250, "page": 1}
        markets = _convert(await self._get("/coins/markets", parameters, now), list[_Market])
        return [CatalogueEntry(m.id, m.symbol, m.name, m.market_cap_rank, m.image) for m in markets]

    def request_window(self, granularity: Granularity, window: Window, now: datetime) -> Window:
        """What to ask for, so that the answer has the granularity and holds every bucket's nearest sample."""
        # The newest window also brings the running bucket and the latest price.
        end = now + _SLACK if window.end > now - DAY else window.end
        shortest = _SHORTEST_HOURLY if granularity is Granularity.HOURLY else _SHORTEST_DAILY
        start = min(floor(window.start, DAY) - _EDGE, end - shortest)
        if self._reach_days is not None:
            # One second too far back and the whole request is refused, so it grows at its other end instead.
            start = max(start, now - timedelta(days=self._reach_days) + _EDGE)
            end = min(now + _SLACK, max(end, start + shortest))
        return Window(start, end)

    async def _get(self, path: str, parameters: dict[str, str | int], now: datetime) -> Any:
        answer = await get(self._client, path, parameters)
        payload = _decode(answer)
        if error := classify(answer, payload, now):
            raise error
        return payload


def _decode(answer: Answer) -> Any:
    """The JSON of the body; None for a body that is no JSON. Truncated JSON is worth another try."""
    if "json" not in answer.headers.get("content-type", ""):
        return None
    try:
        # The standard library reads NaN, which is no JSON but has been seen: only that row is lost then.
        return json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        if answer.status == 200:
            raise RetryableProviderError(Kind.TRANSIENT, "CoinGecko's answer was cut off") from error
        return None


def _convert(payload: Any, type_: type[_T]) -> _T:
    try:
        return msgspec.convert(payload, type_)
    except msgspec.ValidationError as error:
        raise FatalProviderError(Kind.DRIFT, f"CoinGecko's schema changed: {error}", REFUSED_SECONDS) from error


def _read_history(chart: _MarketChart, now: datetime) -> History:
    caps, volumes = _by_stamp(chart.market_caps), _by_stamp(chart.total_volumes)
    samples: list[Sample] = []
    rejected: list[datetime] = []
    for row in chart.prices:
        stamp = _stamp(row)
        price = _number(row[1]) if stamp and len(row) == 2 else None
        if stamp is None or price is None or price <= 0 or stamp > now + _FUTURE:
            rejected.append(stamp or now)
            continue
        samples.append(Sample(stamp, price, caps.get(row[0]), volumes.get(row[0])))
    samples.sort(key=lambda sample: sample.at)
    latest = samples[-1] if samples else None
    if latest and _is_now(latest, now):
        samples.pop()
    return History(samples, latest, rejected)


def _is_now(sample: Sample, now: datetime) -> bool:
    """The trailing pair is "now" in whole seconds, up to 30 minutes old (cache); it stands for no bucket.

    Regular stamps have odd milliseconds, but for daily ones, which are midnights.
    """
    recent = now - sample.at < timedelta(minutes=31)
    return recent and sample.at.microsecond == 0 and sample.at != floor(sample.at, DAY)


def _check_spacing(samples: Sequence[Sample], granularity: Granularity) -> None:
    """Refuse an answer of another granularity than asked: daily samples would leave holes that look like truth."""
    if len(samples) < 3:
        return
    spacing = median((b.at - a.at).total_seconds() for a, b in pairwise(samples))
    hourly = spacing < 6 * HOUR.total_seconds()
    if hourly != (granularity is Granularity.HOURLY):
        raise FatalProviderError(Kind.DRIFT, f"CoinGecko did not answer in the {granularity.lower()} granularity")


def _by_stamp(rows: Sequence[list[Any]]) -> dict[Any, float | None]:
    return {row[0]: value for row in rows if len(row) == 2 and (value := _number(row[1])) is not None and value >= 0}


def _stamp(row: list[Any]) -> datetime | None:
    milliseconds = _number(row[0]) if row else None
    if milliseconds is None or not 0 < milliseconds < 1e14:
        return None
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)


def _number(value: object) -> float | None:
    """A finite number; null, text and NaN are none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
