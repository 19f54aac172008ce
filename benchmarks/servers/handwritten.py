"""The yardstick: what somebody writes by hand who needs these answers and nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Lifespan

from benchmarks.servers.prices import History, Prices


def make_app(lifespan: Lifespan[Starlette]) -> Starlette:
    """The lifespan puts `prices` into the application's state."""
    return Starlette(
        routes=[Route("/history", _history, methods=["POST"]), Route("/latest", _latest, methods=["POST"])],
        lifespan=lifespan,
    )


async def _history(request: Request) -> Response:
    asked = orjson.loads(await request.body())
    prices: Prices = request.app.state.prices
    start, end = (datetime.fromisoformat(asked[bound]) for bound in ("from", "to"))
    found = await prices.histories(asked["coins"], asked["currency"], start, end, asked["interval"])
    results = [{"slug": history.slug, "history": _write(history, asked["coverage"])} for history in found]
    return _json({"data": {"priceHistory": results}})


def _write(history: History, coverage: bool) -> dict[str, Any]:
    written: dict[str, Any] = {
        "points": [
            {"time": time, "price": price, "marketCap": market_cap, "volume24h": volume}
            for _, time, price, market_cap, volume in history.points
        ]
    }
    if coverage:
        actual, expected = len(history.points), history.expected
        written["coverage"] = {
            "completeness": actual / expected,
            "expectedPoints": expected,
            "actualPoints": actual,
        }
    return written


async def _latest(request: Request) -> Response:
    asked = orjson.loads(await request.body())
    prices: Prices = request.app.state.prices
    nodes = [
        {"slug": slug, "symbol": symbol, "latestPrice": {"price": price, "observedAt": observed_at}}
        for slug, symbol, price, observed_at in await prices.latest(asked["coins"], asked["currency"])
    ]
    return _json({"data": {"coins": {"nodes": nodes}}})


def _json(answer: dict[str, Any]) -> Response:
    return Response(orjson.dumps(answer, option=orjson.OPT_UTC_Z), media_type="application/json")
