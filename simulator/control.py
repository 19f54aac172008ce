"""`/_control`: what a test may ask the simulator itself. No fault and no limit applies here."""

from collections.abc import Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.currencies import CURRENCIES
from simulator.faults import KINDS, PROVIDERS, Fault, Faults
from simulator.log import RequestLog
from simulator.market import Granularity, Market

_GRANULARITIES = {"HOURLY": Granularity.HOURLY, "DAILY": Granularity.DAILY}
_FIELDS = frozenset({"provider", "kind", "probability", "count", "arg"})


class Refused(Exception):
    """What was wrong with a control request."""


def _json(payload: object, status: int = 200) -> Response:
    return Response(orjson.dumps(payload), status, media_type="application/json")


def control_routes(market: Market, faults: Faults, log: RequestLog, clock: Callable[[], float]) -> list[Route]:
    async def truth(request: Request) -> Response:
        try:
            return _json(_truth(request, market, int(clock())))
        except Refused as refused:
            return _json({"error": str(refused)}, 400)

    async def requests(request: Request) -> Response:
        if request.method == "DELETE":
            log.forget()
        return _json(log.listed())

    async def armed(request: Request) -> Response:
        if request.method == "DELETE":
            faults.clear()
        if request.method == "POST":
            try:
                faults.arm(_fault(await request.body()))
            except Refused as refused:
                return _json({"error": str(refused)}, 400)
        return _json(faults.listed())

    return [
        Route("/truth", truth),
        Route("/log", requests, methods=["GET", "DELETE"]),
        Route("/faults", armed, methods=["GET", "POST", "DELETE"]),
    ]


def _truth(request: Request, market: Market, now: int) -> list[Any]:
    query = request.query_params
    coin = market.coins.get(query.get("coin", ""))
    currency = CURRENCIES.get(query.get("currency", "").lower())
    granularity = _GRANULARITIES.get(query.get("granularity", ""))
    if coin is None or currency is None or granularity is None:
        raise Refused("coin, currency and granularity=HOURLY|DAILY, all of them known ones")
    try:
        first, end = int(query["from"]), int(query["to"])
    except (KeyError, ValueError):
        raise Refused("from and to in unix seconds") from None
    return market.truth(coin, currency, granularity, first, end, now)


def _fault(body: bytes) -> Fault:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refused("a JSON object") from None
    if not isinstance(given, dict) or not given.keys() <= _FIELDS:
        raise Refused(f"fields: {', '.join(sorted(_FIELDS))}")
    if given.get("provider") not in PROVIDERS or given.get("kind") not in KINDS:
        raise Refused(f"provider: {', '.join(sorted(PROVIDERS))}; kind: {', '.join(sorted(KINDS))}")
    probability, count, arg = given.get("probability", 1.0), given.get("count"), given.get("arg")
    if not _is_number(probability) or not 0 <= probability <= 1:
        raise Refused("probability from 0 to 1")
    if not (count is None or (_is_number(count) and count == int(count) and count >= 0)):
        raise Refused("count: null or how many answers")
    if not (arg is None or _is_number(arg)):
        raise Refused("arg: null or a number")
    return Fault(given["provider"], given["kind"], probability, count, arg)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
