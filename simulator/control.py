"""`/_control`: what a test may ask the simulator itself. No fault and no limit applies here."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.coingecko import NAME as USUAL_PROVIDER
from simulator.currencies import CURRENCIES
from simulator.faults import Fault, Faults
from simulator.kinds import CORRECTION, KINDS
from simulator.log import RequestLog
from simulator.market import Granularity
from simulator.provider import Provider

_GRANULARITIES = {"HOURLY": Granularity.HOURLY, "DAILY": Granularity.DAILY}
_FIELDS = frozenset({"provider", "kind", "probability", "after", "count", "arg"})
_CORRECTION_SIZE = 0.01

Providers = Mapping[str, Provider]


class Refused(Exception):
    """What was wrong with a control request."""


def _json(payload: object, status: int = 200) -> Response:
    return Response(orjson.dumps(payload), status, media_type="application/json")


def control_routes(
    simulated: Iterable[Provider], faults: Faults, log: RequestLog, clock: Callable[[], float]
) -> list[Route]:
    providers = {provider.name: provider for provider in simulated}

    async def truth(request: Request) -> Response:
        try:
            return _json(_truth(request, providers, int(clock())))
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
                _arm(_fault(await request.body(), providers), providers, faults, int(clock()))
            except Refused as refused:
                return _json({"error": str(refused)}, 400)
        return _json(_overview(faults, providers))

    return [
        Route("/truth", truth),
        Route("/log", requests, methods=["GET", "DELETE"]),
        Route("/faults", armed, methods=["GET", "POST", "DELETE"]),
    ]


def _overview(faults: Faults, providers: Providers) -> dict[str, object]:
    """The armed faults, and every kind that can be armed: what it does, and of whom it can be asked."""
    kinds = {
        kind: {"does": does, "providers": [name for name, provider in providers.items() if kind in provider.kinds]}
        for kind, does in KINDS.items()
    }
    return {"armed": faults.listed(), "kinds": kinds}


def _arm(fault: Fault, providers: Providers, faults: Faults, now: int) -> None:
    """A correction happens at once, to the market and to no answer."""
    if fault.kind == CORRECTION:
        size = _CORRECTION_SIZE if fault.arg is None else fault.arg
        providers[fault.provider].market.correct(fault.probability, size, now)
        fault.count, fault.fired = 0, 1
    faults.arm(fault)


def _truth(request: Request, providers: Providers, now: int) -> list[Any]:
    query = request.query_params
    provider = providers.get(query.get("provider", USUAL_PROVIDER))
    if provider is None:
        raise Refused(f"provider: {', '.join(providers)}")
    if provider.truth is None:
        raise Refused(f"{provider.name} has no prices; /_control/wallets tells what it has")
    coin = provider.market.coins.get(query.get("coin", ""))
    currency = CURRENCIES.get(query.get("currency", "").lower())
    granularity = _GRANULARITIES.get(query.get("granularity", ""))
    if coin is None or currency is None or granularity is None:
        raise Refused("coin, currency and granularity=HOURLY|DAILY, all of them known ones")
    try:
        first, end = int(query["from"]), int(query["to"])
    except (KeyError, ValueError):
        raise Refused("from and to in unix seconds") from None
    try:
        return provider.truth(provider.market, coin, currency, granularity, first, end, now)
    except LookupError as error:
        raise Refused(str(error)) from None


def _fault(body: bytes, providers: Providers) -> Fault:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refused("a JSON object") from None
    if not isinstance(given, dict) or not given.keys() <= _FIELDS:
        raise Refused(f"fields: {', '.join(sorted(_FIELDS))}")
    provider = providers.get(given.get("provider", ""))
    if provider is None:
        raise Refused(f"provider: {', '.join(providers)}")
    if given.get("kind") not in provider.kinds:
        raise Refused(f"kind: {', '.join(sorted(provider.kinds))}")
    probability, count, arg = given.get("probability", 1.0), given.get("count"), given.get("arg")
    after = given.get("after", 0)
    if not _is_number(probability) or not 0 <= probability <= 1:
        raise Refused("probability from 0 to 1")
    if not (count is None or _is_count(count)) or not _is_count(after):
        raise Refused("count: null or how many answers; after: how many before them")
    if not (arg is None or _is_number(arg)):
        raise Refused("arg: null or a number")
    return Fault(provider.name, given["kind"], probability, int(after), count, arg)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int | float) and _is_number(value) and value >= 0 and value == int(value)
