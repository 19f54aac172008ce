"""CoinGecko API v3: public, demo and paid plans.

Facts are from its OpenAPI description (version 3.0.0) and documentation: hosts and headers from "Authentication",
granularity and history limits from `/coins/{id}/market_chart/range`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import httpx
import msgspec

from db.catalogue import CatalogueEntry, MarketEntry
from db.profiles import Profile
from db.providers import Budget
from db.series import DAY, HOUR, Granularity, Window, floor
from ingest.errors import FatalProviderError, Kind, RetryableProviderError
from ingest.http import Answer, get
from ingest.providers.coingecko_catalogue import (
    ListItem,
    Market,
    Page,
    to_entries,
    to_market_entries,
    to_profile,
)
from ingest.providers.coingecko_errors import REFUSED_SECONDS, classify
from ingest.providers.coingecko_history import History, MarketChart, check_spacing, read_history
from ingest.providers.coingecko_spot import Spot, read_spot
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


def reaches_now(window: Window, now: datetime) -> bool:
    """Whether what is asked for the window goes on to now; such an answer holds the last two days at least."""
    return window.end > now - DAY


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
        history = read_history(_convert(payload, MarketChart), now)
        check_spacing(history.samples, granularity)
        return history

    async def fetch_markets(self, coins: Sequence[str], now: datetime) -> list[MarketEntry]:
        """Name, symbol, rank and picture of up to 250 coins; a coin that CoinGecko does not know is left out."""
        # Even with ids the default page holds only 100.
        return await self._fetch_markets({"ids": ",".join(coins)}, now)

    async def fetch_largest(self, now: datetime) -> list[MarketEntry]:
        """The same of the 250 coins with the largest market capitalisation."""
        return await self._fetch_markets({"order": "market_cap_desc"}, now)

    async def _fetch_markets(self, parameters: dict[str, str | int], now: datetime) -> list[MarketEntry]:
        parameters |= {"vs_currency": "usd", "per_page": 250, "page": 1}
        return to_market_entries(_convert(await self._get("/coins/markets", parameters, now), list[Market]))

    async def fetch_list(self, now: datetime) -> list[CatalogueEntry]:
        """Every coin that CoinGecko lists: some 17,000 in one answer of about 2 MB."""
        payload = await self._get("/coins/list", {"include_platform": "true"}, now)
        return to_entries(_convert(payload, list[ListItem]))

    async def fetch_profile(self, coin: str, now: datetime) -> Profile:
        """What a coin is about; without the figures, which make its page large."""
        left_out = ("localization", "tickers", "market_data", "community_data", "developer_data")
        payload = await self._get(f"/coins/{coin}", dict.fromkeys(left_out, "false"), now)
        return to_profile(_convert(payload, Page))

    async def fetch_spot(self, coins: Sequence[str], currencies: Sequence[str], now: datetime) -> Spot:
        """What a group of coins costs now, see `group_ids`; `last_updated_at` is in whole seconds."""
        parameters: dict[str, str | int] = {
            "ids": ",".join(coins),
            "vs_currencies": ",".join(currencies),
            "include_market_cap": "true",
            "include_24hr_vol": "true",
            "include_last_updated_at": "true",
            "precision": "full",
        }
        payload = _convert(await self._get("/simple/price", parameters, now), dict[str, dict[str, Any]])
        return read_spot(payload, coins, currencies, now)

    def request_window(self, granularity: Granularity, window: Window, now: datetime) -> Window:
        """What to ask for, so that the answer has the granularity and holds every bucket's nearest sample."""
        # The newest window also brings the running bucket and the latest price.
        end = now + _SLACK if reaches_now(window, now) else window.end
        shortest = _SHORTEST_HOURLY if granularity is Granularity.HOURLY else _SHORTEST_DAILY
        start = min(floor(window.start, DAY) - _EDGE, end - shortest)
        if self._reach_days is not None:
            # One second too far back and the whole request is refused, so it grows at its other end instead.
            start = max(start, now - timedelta(days=self._reach_days) + _EDGE)
            end = min(now + _SLACK, max(end, start + shortest))
        return Window(start, end)

    async def ping(self, now: datetime) -> Answer:
        """The cheapest call that is refused whenever the others are; it counts as one call."""
        answer = await get(self._client, "/ping", {})
        if error := classify(answer, _decode(answer), now):
            raise error
        return answer

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
