"""The two CoinGecko hosts: who may ask, how often, and what goes wrong on request, around the endpoints."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from simulator import charts, coin_page, listings, quotes
from simulator.call import Call, Plan
from simulator.callers import KEY_PARAMETERS, Caller, Host, identify
from simulator.damage import DAMAGES, Damage
from simulator.errors import ProviderError, monthly_quota, plan_restricted, rate_limit, unknown_path
from simulator.faults import REPLACEMENTS, Fault, Faults, Moment
from simulator.limits import Limits
from simulator.log import Entry, RequestLog
from simulator.market import Market
from simulator.settings import SimulatorSettings
from simulator.wire import WIRES

PROVIDER = "coingecko"
Endpoint = Callable[[Call], Any]


@dataclass(frozen=True, slots=True)
class CoinGecko:
    """What both hosts share: one market, one set of limits, one clock."""

    settings: SimulatorSettings
    clock: Callable[[], float]
    market: Market
    limits: Limits
    faults: Faults
    log: RequestLog

    def routes(self, host: Host) -> list[Route]:
        ranking = listings.Ranking(self.market)
        endpoints: dict[str, Endpoint] = {
            "/ping": quotes.ping,
            "/key": _key_usage,
            "/simple/price": quotes.simple_price,
            "/simple/supported_vs_currencies": quotes.supported_vs_currencies,
            "/exchange_rates": quotes.exchange_rates,
            "/coins/list": listings.coins_list,
            "/coins/markets": partial(listings.coins_markets, ranking=ranking),
            "/coins/{id}": partial(coin_page.coin_page, ranking=ranking),
            "/coins/{id}/history": charts.history,
            "/coins/{id}/market_chart": charts.market_chart,
            "/coins/{id}/market_chart/range": charts.market_chart_range,
            "/coins/{id}/ohlc": charts.ohlc,
            "/{path:path}": _nowhere,
        }
        return [Route(path, _Answering(self, host, endpoint), methods=["GET"]) for path, endpoint in endpoints.items()]

    def answer(self, request: Request, host: Host, endpoint: Endpoint) -> ASGIApp:
        """Every answer is counted and logged, whatever it is; a 200 also costs a credit."""
        now = self.clock()
        caller = identify(request, host, self.settings, now)
        fault, damaged = None, 0
        try:
            self._admit(caller, now)
            fault = self.faults.draw(PROVIDER)
            response, damaged = self._respond(request, caller, endpoint, fault, now)
        except ProviderError as error:
            response = error.response()
        if response.status_code == 200:
            self.limits.charge(caller, now)
        self._record(request, host, caller, response.status_code, now, fault, damaged)
        wire = WIRES.get(fault.kind) if fault else None
        return wire(response, fault.arg) if fault and wire else response

    def _admit(self, caller: Caller, now: float) -> None:
        wait = self.limits.seconds_to_wait(caller, now)
        if wait:
            raise rate_limit(str(wait))
        if caller.refusal:
            raise caller.refusal
        if self.limits.is_exhausted(caller, now):
            raise monthly_quota(self.limits.monthly[caller.kind])

    def _respond(
        self, request: Request, caller: Caller, endpoint: Endpoint, fault: Fault | None, now: float
    ) -> tuple[Response, int]:
        """The response, and how many of its rows or prices a fault has damaged."""
        if fault and fault.kind in REPLACEMENTS:
            return REPLACEMENTS[fault.kind](Moment(now, request.url.path, fault.arg)), 0
        payload, damaged = endpoint(self._call(request, caller, now)), 0
        if fault and fault.kind in DAMAGES:
            damaged = DAMAGES[fault.kind](payload, Damage(fault.arg, self.settings.seed, now))
        media_type = "application/json; charset=utf-8"
        return Response(orjson.dumps(payload), media_type=media_type), damaged

    def _call(self, request: Request, caller: Caller, now: float) -> Call:
        per_minute, monthly = self.limits.per_minute[caller.kind], self.limits.monthly.get(caller.kind, 0)
        plan = Plan(caller.kind, per_minute, monthly, self.limits.spent(caller, now))
        return Call(self.market, plan, int(now), request.path_params, request.query_params)

    def _record(
        self,
        request: Request,
        host: Host,
        caller: Caller,
        status: int,
        now: float,
        fault: Fault | None,
        damaged: int,
    ) -> None:
        path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        secret = KEY_PARAMETERS.values()
        query = {name: value for name, value in request.query_params.items() if name not in secret}
        kind = fault.kind if fault else None
        self.log.record(Entry(now, PROVIDER, host, path, query, status, caller.kind, kind, damaged))


@dataclass(frozen=True, slots=True)
class _Answering:
    """An endpoint as an ASGI application: a fault on the wire is one too, and no plain response."""

    provider: CoinGecko
    host: Host
    endpoint: Endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.provider.answer(Request(scope), self.host, self.endpoint)
        await app(scope, receive, send)


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
