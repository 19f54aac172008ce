"""The two CoinGecko hosts: who may ask, how often, and which endpoints there are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from simulator import charts, coin_page, listings, quotes
from simulator.call import Call, Plan
from simulator.callers import KEY_PARAMETERS, Caller, Host, identify
from simulator.errors import (
    coin_not_found,
    key_missing,
    monthly_quota,
    plan_restricted,
    rate_limit,
    unknown_path,
)
from simulator.faults import Replacement, edge_answers, rate_limit_answers
from simulator.limits import Limits
from simulator.provider import Endpoint, Provider
from simulator.ranking import Ranking
from simulator.settings import SimulatorSettings

NAME = "coingecko"
SECRETS = frozenset(KEY_PARAMETERS.values())
_QUOTA = 10_000

REPLACEMENTS: Mapping[str, Replacement] = {
    **edge_answers("api.coingecko.com"),
    **rate_limit_answers(rate_limit),
    "429-in-200": lambda _: rate_limit(status=200).response(),
    "quota": lambda _: monthly_quota(_QUOTA).response(),
    "quota-in-200": lambda _: monthly_quota(_QUOTA, status=200).response(),
    "401": lambda moment: key_missing(moment.now).response(),
    "404": lambda _: coin_not_found().response(),
}


@dataclass(frozen=True, slots=True)
class _Door:
    """The two hosts share the limits: they go by key."""

    host: Host
    settings: SimulatorSettings
    limits: Limits

    def identify(self, request: Request, now: float) -> Caller:
        return identify(request, self.host, self.settings, now)

    def admit(self, caller: Caller, now: float) -> None:
        wait = self.limits.seconds_to_wait(caller, now)
        if wait:
            raise rate_limit(str(wait))
        if caller.refusal:
            raise caller.refusal
        if self.limits.is_exhausted(caller, now):
            raise monthly_quota(self.limits.monthly[caller.kind])

    def charge(self, caller: Caller, now: float) -> None:
        self.limits.charge(caller, now)


class CoinGecko:
    """Two hosts, one market and one set of limits."""

    def __init__(self, provider: Provider, settings: SimulatorSettings) -> None:
        self._provider, self._settings = provider, settings
        self._limits, self._ranking = Limits(settings), Ranking(provider.market)

    def routes(self, host: Host) -> list[Route]:
        ranked: dict[str, Callable[[Call], Any]] = {
            "/coins/markets": partial(listings.coins_markets, ranking=self._ranking),
            "/coins/{id}": partial(coin_page.coin_page, ranking=self._ranking),
        }
        unranked: dict[str, Callable[[Call], Any]] = {
            "/ping": quotes.ping,
            "/key": _key_usage,
            "/simple/price": quotes.simple_price,
            "/simple/supported_vs_currencies": quotes.supported_vs_currencies,
            "/exchange_rates": quotes.exchange_rates,
            "/coins/list": listings.coins_list,
            "/coins/{id}/history": charts.history,
            "/coins/{id}/market_chart": charts.market_chart,
            "/coins/{id}/market_chart/range": charts.market_chart_range,
            "/coins/{id}/ohlc": charts.ohlc,
        }
        door = _Door(host, self._settings, self._limits)
        route = self._provider.route
        return [
            *(route(path, door, self._endpoint(answer), host) for path, answer in unranked.items()),
            *(route(path, door, self._endpoint(answer), host, self._rank) for path, answer in ranked.items()),
            route("/{path:path}", door, self._endpoint(_nowhere), host),
        ]

    async def _rank(self, request: Request, now: float) -> None:
        await self._ranking.prepare(now)
        if request.query_params.get("order", "").startswith("volume"):
            await self._ranking.prepare_volumes(int(now))

    def _endpoint(self, answer: Callable[[Call], Any]) -> Endpoint:
        def endpoint(request: Request, caller: Caller, now: float) -> Any:
            return answer(self._call(request, caller, now))

        return endpoint

    def _call(self, request: Request, caller: Caller, now: float) -> Call:
        limits = self._limits
        per_minute, monthly = limits.per_minute[caller.kind], limits.monthly.get(caller.kind, 0)
        plan = Plan(caller.kind, per_minute, monthly, limits.spent(caller, now))
        return Call(self._provider.market, plan, int(now), request.path_params, request.query_params)


def _key_usage(call: Call) -> dict[str, Any]:
    """Paid plans only: a Demo client has to count for itself."""
    plan = call.plan
    if not plan.is_paid:
        raise plan_restricted(call.now)
    return {
        "plan": "Analyst",
        "rate_limit_request_per_minute": plan.per_minute,
        "monthly_call_credit": plan.monthly,
        "current_total_monthly_calls": plan.spent,
        "current_remaining_monthly_calls": plan.monthly - plan.spent,
        "api_key_rate_limit_request_per_minute": plan.per_minute,
        "api_key_monthly_call_credit": plan.monthly,
        "api_key_current_total_monthly_calls": plan.spent,
    }


def _nowhere(_: Call) -> Any:
    raise unknown_path()
