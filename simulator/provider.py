"""What every simulated provider does around its endpoints: let in, break on request, count, log."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from simulator.callers import Caller
from simulator.coins import Coin
from simulator.currencies import Currency
from simulator.damage import DAMAGES, Damage, Damaging
from simulator.errors import ProviderError
from simulator.faults import Fault, Faults, Moment, Replacement
from simulator.kinds import CORRECTION
from simulator.log import Entry, RequestLog
from simulator.market import Granularity, Market
from simulator.wire import WIRES

Endpoint = Callable[[Request, Caller, float], Any]  # what becomes JSON, or a response of its own
Prepare = Callable[[Request, float], Awaitable[None]]
Truth = Callable[[Market, Coin, Currency, Granularity, int, int, int], list[Any]]


class Door(Protocol):
    """Who is let in. Times are unix seconds."""

    def identify(self, request: Request, now: float, /) -> Caller: ...

    def admit(self, caller: Caller, now: float, /) -> None:
        """Counts the answer, whatever it will be; ProviderError for whoever has to wait or has no right."""

    def charge(self, caller: Caller, now: float, /) -> None:
        """After a 200."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider's own view of the market, the errors it answers with, and where it keeps what happened.

    `truth`: the rows of every complete bucket that begins within two unix seconds, oldest first, as of a third;
    LookupError for what the provider does not have; None if it has no prices. `secrets`: query parameters that are
    never logged. `damages`: the faults in the data that it knows.
    """

    name: str
    clock: Callable[[], float]
    seed: int
    market: Market
    faults: Faults
    log: RequestLog
    replacements: Mapping[str, Replacement]
    truth: Truth | None
    secrets: frozenset[str] = frozenset()
    damages: Mapping[str, Damaging] = field(default_factory=DAMAGES.copy)

    @property
    def kinds(self) -> frozenset[str]:
        """The faults it knows."""
        corrections = {CORRECTION} if self.truth else set()
        return frozenset({*self.replacements, *self.damages, *WIRES, *corrections})

    def route(
        self,
        path: str,
        door: Door,
        endpoint: Endpoint,
        host: str = "public",
        prepare: Prepare | None = None,
    ) -> Route:
        """`prepare`: what takes too long for one turn of the event loop."""
        return Route(path, _Answering(self, host, door, endpoint, prepare), methods=["GET"])


@dataclass(frozen=True, slots=True)
class _Answering:
    """An endpoint as an ASGI application: a fault on the wire is one too, and no plain response."""

    provider: Provider
    host: str
    door: Door
    endpoint: Endpoint
    prepare: Prepare | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        now = self.provider.clock()
        if self.prepare:
            await self.prepare(Request(scope), now)
        app = self._answer(Request(scope), now)
        await app(scope, receive, send)

    def _answer(self, request: Request, now: float) -> ASGIApp:
        """Every answer is counted and logged, whatever it is; a 200 may also cost a credit."""
        caller = self.door.identify(request, now)
        fault, damaged = None, 0
        try:
            self.door.admit(caller, now)
            fault = self.provider.faults.draw(self.provider.name)
            response, damaged = self._respond(request, caller, fault, now)
        except ProviderError as error:
            response = error.response()
        if response.status_code == 200:
            self.door.charge(caller, now)
        self._record(request, caller, response.status_code, now, fault, damaged)
        wire = WIRES.get(fault.kind) if fault else None
        return wire(response, fault.arg) if fault and wire else response

    def _respond(self, request: Request, caller: Caller, fault: Fault | None, now: float) -> tuple[Response, int]:
        """The response, and how many of its rows or prices a fault has damaged."""
        if fault and fault.kind in self.provider.replacements:
            return self.provider.replacements[fault.kind](Moment(now, request.url.path, fault.arg)), 0
        payload, damaged = self.endpoint(request, caller, now), 0
        if isinstance(payload, Response):
            return payload, 0
        if fault and fault.kind in self.provider.damages:
            damage = Damage(fault.arg, self.provider.seed, now, request.url.path, request.query_params)
            damaged = self.provider.damages[fault.kind](payload, damage)
        media_type = "application/json; charset=utf-8"
        return Response(orjson.dumps(payload), media_type=media_type), damaged

    def _record(
        self, request: Request, caller: Caller, status: int, now: float, fault: Fault | None, damaged: int
    ) -> None:
        path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        query = {name: value for name, value in request.query_params.items() if name not in self.provider.secrets}
        kind = fault.kind if fault else None
        name = self.provider.name
        self.provider.log.record(Entry(now, name, self.host, path, query, status, caller.kind, kind, damaged))
