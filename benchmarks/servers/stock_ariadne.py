"""Ariadne as its documentation shows it, over the same statements as the hand-written endpoint."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ariadne import QueryType, ScalarType, make_executable_schema
from ariadne.asgi import GraphQL
from graphql import GraphQLResolveInfo
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Lifespan

from benchmarks.servers.prices import History, Prices

_DEFINITIONS = """
scalar Time
enum Interval { HOUR_1 DAY_1 }
type PricePoint { time: Time! price: Float! marketCap: Float volume24h: Float }
type Coverage { completeness: Float! expectedPoints: Int! actualPoints: Int! }
type PriceHistory { points: [PricePoint!]! coverage: Coverage! }
type PriceHistoryResult { slug: String! history: PriceHistory! }
type LatestPrice { price: Float! observedAt: Time! }
type Coin { slug: String! symbol: String! latestPrice(currency: String!): LatestPrice! }
type CoinConnection { nodes: [Coin!]! }
input CoinFilter { slugs: [String!]! }
type Query {
  priceHistory(
    coins: [String!]!, currency: String!, from: Time!, to: Time!, interval: Interval!
  ): [PriceHistoryResult!]!
  coins(filter: CoinFilter!, first: Int!): CoinConnection!
}
"""


def make_app(lifespan: Lifespan[Starlette]) -> Starlette:
    """The lifespan puts `prices` into the application's state."""
    query = QueryType()
    query.set_field("priceHistory", _price_history)
    query.set_field("coins", _coins)
    time = ScalarType("Time", serializer=datetime.isoformat, value_parser=datetime.fromisoformat)
    schema = make_executable_schema(_DEFINITIONS, query, time)
    return Starlette(routes=[Route("/graphql", GraphQL(schema))], lifespan=lifespan)


async def _price_history(_: object, info: GraphQLResolveInfo[Any], **asked: Any) -> list[dict[str, Any]]:
    found = await _prices(info).histories(
        asked["coins"], asked["currency"], asked["from"], asked["to"], asked["interval"]
    )
    return [{"slug": row.slug, "history": _history(row)} for row in found]


def _history(row: History) -> dict[str, Any]:
    actual = len(row.points)
    points = [
        {"time": time, "price": price, "marketCap": market_cap, "volume24h": volume}
        for _, time, price, market_cap, volume in row.points
    ]
    coverage = {"completeness": actual / row.expected, "expectedPoints": row.expected, "actualPoints": actual}
    return {"points": points, "coverage": coverage}


async def _coins(_: object, info: GraphQLResolveInfo[Any], **asked: Any) -> dict[str, Any]:
    rows = await _prices(info).latest(asked["filter"]["slugs"][: asked["first"]], "usd")
    nodes = [
        {"slug": slug, "symbol": symbol, "latestPrice": {"price": price, "observedAt": observed_at}}
        for slug, symbol, price, observed_at in rows
    ]
    return {"nodes": nodes}


def _prices(info: GraphQLResolveInfo[Any]) -> Prices:
    prices: Prices = info.context["request"].app.state.prices
    return prices
