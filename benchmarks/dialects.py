"""The languages of the contenders: a question in, a request out; a body in, rows that can be compared out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Protocol

import orjson

from benchmarks.cases import Histories, Question
from benchmarks.client import Request
from db.reference import CURRENCIES
from db.series import Granularity

Cell = str | float | None
Rows = list[tuple[Cell, ...]]

# Converting prices in another order of multiplications changes the last digits.
_TOLERANCE = 1e-9


class Dialect(Protocol):
    def ask(self, question: Question) -> Request | None:
        """None: it cannot be asked."""

    def read(self, question: Question, body: bytes) -> Rows:
        """What the body says, in no language's own form: slug first, times as Unix seconds."""


class Plain:
    """JSON to a path; the answer has the form of pricegraph's, so that both write the same."""

    def ask(self, question: Question) -> Request:
        if isinstance(question, Histories):
            return Request("/history", orjson.dumps(_variables(question) | {"coverage": question.coverage}))
        return Request("/latest", orjson.dumps(_variables(question)))

    def read(self, question: Question, body: bytes) -> Rows:
        data = _data(body)
        if not isinstance(question, Histories):
            nodes = data["coins"]["nodes"]
            prices = [(node["slug"], node["symbol"], node["latestPrice"]) for node in nodes]
            return _sorted((slug, symbol, price["price"], _unix(price["observedAt"])) for slug, symbol, price in prices)
        return _sorted(row for result in data["priceHistory"] for row in _history_rows(result, question.coverage))


class PricegraphQL(Plain):
    """The product's own API; Strawberry and Ariadne are given the same schema, as far as it is asked for."""

    def ask(self, question: Question) -> Request:
        return _graphql(self._document(question), _variables(question))

    def _document(self, question: Question) -> str:
        if not isinstance(question, Histories):
            return (
                "query Latest($coins: [String!]!, $currency: String!) { coins(filter: {slugs: $coins}, first: 100) "
                "{ nodes { slug symbol latestPrice(currency: $currency) { price observedAt } } } }"
            )
        coverage = " coverage { completeness expectedPoints actualPoints }" if question.coverage else ""
        return (
            "query History($coins: [String!]!, $currency: String!, $from: Time!, $to: Time!, $interval: Interval!) "
            "{ priceHistory(coins: $coins, currency: $currency, from: $from, to: $to, interval: $interval) "
            f"{{ slug history {{ points {{ time price marketCap volume24h }}{coverage} }} }} }}"
        )


class PostGraphileQL:
    """What PostGraphile makes of the tables. It multiplies nothing and counts no holes, so one question is left out."""

    def ask(self, question: Question) -> Request | None:
        ids = {code: number for number, (code, *_) in enumerate(CURRENCIES, 1)}
        variables = {"coins": question.coins, "currency": ids[question.currency]}
        if not isinstance(question, Histories):
            return _graphql(
                "query Latest($coins: [String!]!, $currency: Int!) { allCoins(filter: {slug: {in: $coins}}) "
                "{ nodes { slug symbol priceLatestsByCoinId(condition: {currencyId: $currency}) "
                "{ nodes { price observedAt } } } } }",
                variables,
            )
        if question.coverage:
            return None
        return _graphql(
            "query History($coins: [String!]!, $currency: Int!, $from: Datetime!, $to: Datetime!) "
            "{ allCoins(filter: {slug: {in: $coins}}) { nodes { slug "
            f"points: {_postgraphile_points(question)}(condition: {{currencyId: $currency}}, "
            "filter: {ts: {greaterThanOrEqualTo: $from, lessThan: $to}}) "
            "{ nodes { ts price marketCap volume24H } } } } }",
            variables | {"from": question.window.start, "to": question.window.end},
        )

    def read(self, question: Question, body: bytes) -> Rows:
        return _sorted(row for coin in _data(body)["allCoins"]["nodes"] for row in self._rows(question, coin))

    def _rows(self, question: Question, coin: dict[str, Any]) -> Iterator[tuple[Cell, ...]]:
        if isinstance(question, Histories):
            for point in coin["points"]["nodes"]:
                yield coin["slug"], _unix(point["ts"]), point["price"], point["marketCap"], point["volume24H"]
        else:
            for latest in coin["priceLatestsByCoinId"]["nodes"]:
                yield coin["slug"], coin["symbol"], latest["price"], _unix(latest["observedAt"])


def differences(one: Rows, other: Rows) -> str | None:
    """What differs between two answers, in words; None when they mean the same."""
    if len(one) != len(other):
        return f"{len(one)} rows against {len(other)}"
    for row, counterpart in zip(one, other, strict=True):
        if len(row) != len(counterpart) or not all(map(_same, row, counterpart)):
            return f"{row} against {counterpart}"
    return None


def _same(one: Cell, other: Cell) -> bool:
    if isinstance(one, str) or isinstance(other, str) or one is None or other is None:
        return one == other
    return math.isclose(one, other, rel_tol=_TOLERANCE)


def _history_rows(result: dict[str, Any], coverage: bool) -> Iterator[tuple[Cell, ...]]:
    slug, history = result["slug"], result["history"]
    for point in history["points"]:
        yield slug, _unix(point["time"]), point["price"], point["marketCap"], point["volume24h"]
    if coverage:
        counted = history["coverage"]
        yield slug, counted["completeness"], counted["expectedPoints"], counted["actualPoints"]


def _variables(question: Question) -> dict[str, Any]:
    if not isinstance(question, Histories):
        return {"coins": question.coins, "currency": question.currency}
    return {
        "coins": question.coins,
        "currency": question.currency,
        "from": question.window.start,
        "to": question.window.end,
        "interval": "HOUR_1" if question.granularity is Granularity.HOURLY else "DAY_1",
    }


def _graphql(document: str, variables: dict[str, Any]) -> Request:
    return Request("/graphql", orjson.dumps({"query": document, "variables": variables}, option=orjson.OPT_UTC_Z))


def _postgraphile_points(question: Histories) -> str:
    hourly = question.granularity is Granularity.HOURLY
    return "priceHourliesByCoinId" if hourly else "priceDailiesByCoinId"


def _data(body: bytes) -> dict[str, Any]:
    answer = orjson.loads(body)
    if answer.get("errors"):
        raise RuntimeError(f"the answer holds errors: {answer['errors'][0]}")
    data: dict[str, Any] = answer["data"]
    return data


def _unix(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp()


def _sorted(rows: Iterable[tuple[Cell, ...]]) -> Rows:
    return sorted(rows, key=lambda row: row[:2])
