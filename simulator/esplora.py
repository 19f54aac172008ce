"""Esplora: what a Bitcoin address has got and given. No key; an address of the net has so many calls an hour.

https://github.com/Blockstream/esplora/blob/master/API.md: errors are plain text, but for the rate limit, which is JSON
and says nothing about how long.
"""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.bitcoin_addresses import Script, WrongNetwork, parsed
from simulator.bitcoin_chain import Chain, tip_height
from simulator.bitcoin_payloads import stats, status, transaction
from simulator.callers import Caller, by_address
from simulator.damage import DAMAGES, Damage, Damaging
from simulator.errors import PlainTextError, ProviderError
from simulator.faults import Replacement, edge_answers, rate_limit_answers
from simulator.limits import SlidingWindow
from simulator.provider import Provider
from simulator.settings import SimulatorSettings

NAME = "esplora"
_HOUR_S = 3600.0
_PAGE, _MOST_WAITING = 25, 50
_NOTICE = (
    "Blockstream Explorer API NOTICE: Your request rate exceeds the current limit. Starting July 15 2025, monthly "
    "unauthenticated usage will be capped at 500,000 requests/month and 700 requests/hour per IP. To maintain "
    "uninterrupted access, get your API key at: https://dashboard.blockstream.info"
)


def _rate_limit(retry_after: str | None = None) -> ProviderError:
    body = {"error": "Too Many Requests", "message": _NOTICE}
    return ProviderError(429, body, {"retry-after": retry_after} if retry_after else None)


def _no_such_page(path: str) -> ProviderError:
    return PlainTextError(404, f'endpoint does not exist "{path}"')


REPLACEMENTS: Mapping[str, Replacement] = {
    **edge_answers("blockstream.info"),
    **rate_limit_answers(_rate_limit),
    "429-empty": lambda _: Response(status_code=429),
    "404": lambda moment: _no_such_page(moment.path).response(),
}


def damages(chain: Chain) -> Mapping[str, Damaging]:
    def first_page(payload: Any, damage: Damage) -> int:
        """As when the transaction that was seen last has left the chain again."""
        before, asked, _ = damage.path.partition("/txs/chain/")
        if not asked:
            return 0
        payload[:] = _page(chain, before.rpartition("/")[2], "", damage.now)
        return 1

    return {**DAMAGES, "first-page": first_page}


class _Door:
    """An hour's calls, by address of the net."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._window, self._allowed = SlidingWindow(_HOUR_S), settings.esplora_per_hour

    def identify(self, request: Request, _: float) -> Caller:
        return by_address(request)

    def admit(self, caller: Caller, now: float) -> None:
        if self._window.seconds_to_wait(caller.account, self._allowed, now):
            raise _rate_limit()

    def charge(self, caller: Caller, now: float) -> None:
        """The month's calls are more than any test makes."""


class Esplora:
    """One chain."""

    def __init__(self, provider: Provider, settings: SimulatorSettings, chain: Chain) -> None:
        self._provider, self._door, self._chain = provider, _Door(settings), chain

    def routes(self) -> list[Route]:
        route, door = self._provider.route, self._door
        return [
            route("/address/{address}", door, self._address),
            route("/address/{address}/txs", door, self._newest),
            route("/address/{address}/txs/chain", door, self._history),
            route("/address/{address}/txs/chain/{last}", door, self._history),
            route("/address/{address}/txs/mempool", door, self._waiting),
            route("/address/{address}/utxo", door, self._unspent),
            route("/blocks/tip/height", door, _tip),
            route("/{path:path}", door, _nowhere),
        ]

    def _address(self, request: Request, _: Caller, now: float) -> dict[str, Any]:
        """One that was never used is all zeros."""
        text = request.path_params["address"]
        script = _script(text)
        confirmed, waiting = self._chain.confirmed(script, now), self._chain.waiting(script, now)
        return {"address": text, "chain_stats": stats(script, confirmed), "mempool_stats": stats(script, waiting)}

    def _newest(self, request: Request, caller: Caller, now: float) -> list[dict[str, Any]]:
        return [*self._waiting(request, caller, now), *self._history(request, caller, now)]

    def _history(self, request: Request, _: Caller, now: float) -> list[dict[str, Any]]:
        return _page(self._chain, request.path_params["address"], request.path_params.get("last", ""), now)

    def _waiting(self, request: Request, _: Caller, now: float) -> list[dict[str, Any]]:
        waiting = self._chain.waiting(_script(request.path_params["address"]), now)
        return [transaction(one, now) for one in waiting[:_MOST_WAITING]]

    def _unspent(self, request: Request, _: Caller, now: float) -> list[dict[str, Any]]:
        script = _script(request.path_params["address"])
        known = [*self._chain.waiting(script, now), *self._chain.confirmed(script, now)]
        spent = {(one.txid, one.place) for by in known for one in by.spent(script)}
        return [
            {"txid": one.txid, "vout": index, "status": status(one, now), "value": value}
            for one in known
            for index, value in one.received(script)
            if (one.txid, index) not in spent
        ]


def _script(text: str) -> Script:
    try:
        return parsed(text)
    except WrongNetwork:
        raise PlainTextError(400, "Address on invalid network") from None
    except ValueError:
        raise PlainTextError(400, "Invalid Bitcoin address") from None


def _page(chain: Chain, address: str, last: str, now: float) -> list[dict[str, Any]]:
    """Those after the last one seen; the first page, if that one is not known."""
    history = chain.confirmed(_script(address), now)
    start = next((place for place, one in enumerate(history, start=1) if one.txid == last), 0)
    return [transaction(one, now) for one in history[start : start + _PAGE]]


def _tip(_: Request, __: Caller, now: float) -> Response:
    return Response(str(tip_height(now)), media_type="text/plain")


def _nowhere(request: Request, _: Caller, __: float) -> Any:
    raise _no_such_page(f"/{request.path_params['path']}")
