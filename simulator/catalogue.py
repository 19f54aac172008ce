"""`/_control/catalogue`: what may happen to a provider's list of coins, on a test's request.

The change comes with the next answer, and what the coins are worth stays the same.
"""

from collections.abc import Callable
from dataclasses import replace

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.coins import Coin, coins_of
from simulator.market import Market


def _rename(market: Market, coin: Coin, to: str) -> None:
    """The id is another one from now on, and nobody knows the old one."""
    market.coins = {to if id_ == coin.id else id_: one for id_, one in market.coins.items()}
    market.coins[to] = replace(coin, id=to)


def _copy(market: Market, coin: Coin, to: str) -> None:
    """One more coin, with everything that the other one has but its id."""
    market.coins = market.coins | {to: replace(coin, id=to)}


def _drop(market: Market, coin: Coin, _: str) -> None:
    """Gone from every answer but the paid list of inactive coins."""
    market.coins = market.coins | {coin.id: replace(coin, active=False)}


def _repeat(market: Market, coin: Coin, _: str) -> None:
    """The list has it twice, the second time under another name."""
    market.repeated = [*market.repeated, replace(coin, name=f"{coin.name} once more")]


_CHANGES: dict[str, Callable[[Market, Coin, str], None]] = {
    "rename": _rename,
    "copy": _copy,
    "drop": _drop,
    "repeat": _repeat,
}


def catalogue_route(market: Market, seed: int) -> Route:
    """POST `{"change", "coin", "to"}` makes one change, DELETE undoes them all."""

    async def respond(request: Request) -> Response:
        if request.method == "DELETE":
            market.coins, market.repeated = coins_of(seed), []
            return Response(status_code=204)
        given = orjson.loads(await request.body())
        change, coin = _CHANGES.get(given.get("change")), market.coins.get(given.get("coin", ""))
        if change is None or coin is None:
            words = ", ".join(_CHANGES)
            return Response(orjson.dumps({"error": f"change: {words}; coin: the id of one"}), 400)
        change(market, coin, given.get("to", ""))
        return Response(status_code=204)

    return Route("/catalogue", respond, methods=["POST", "DELETE"])
