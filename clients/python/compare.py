"""Compares a few coins over 30 days: `python compare.py [coin ...]`.

The answer is decoded into types, so a field that is missing or of another type is an error here, not later. Ends with 1
when a coin has an error, 2 when the request failed, and 75 when it is worth another try.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import httpx
import msgspec

COINS = ["bitcoin", "ethereum", "solana", "cardano", "dogecoin"]
QUERY = """
query Compare($coins: [String!]!, $currency: String!, $from: Time!) {
  priceHistory(coins: $coins, currency: $currency, from: $from, interval: DAY_1) {
    slug
    history {
      currency { code }
      columns { price }
      coverage { completeness }
    }
    error { code message }
  }
}
"""


class Currency(msgspec.Struct):
    code: str


class Columns(msgspec.Struct):
    price: list[float | None]


class Coverage(msgspec.Struct):
    completeness: float


class History(msgspec.Struct):
    currency: Currency
    columns: Columns
    coverage: Coverage


class CoinError(msgspec.Struct):
    code: str
    message: str


class Result(msgspec.Struct):
    """Of one coin: a history or an error."""

    slug: str
    history: History | None
    error: CoinError | None


class Data(msgspec.Struct, rename="camel"):
    price_history: list[Result]


class Extensions(msgspec.Struct):
    code: str
    retryable: bool


class Problem(msgspec.Struct):
    message: str
    extensions: Extensions


class Answer(msgspec.Struct):
    data: Data | None = None
    errors: list[Problem] = []


def ask(query: str, variables: dict[str, Any]) -> Answer:
    token = os.environ.get("PRICEGRAPH_TOKEN")
    response = httpx.post(
        os.environ.get("PRICEGRAPH_URL", "http://127.0.0.1:8000") + "/graphql",
        json={"query": query, "variables": variables},
        headers={"authorization": f"Bearer {token}"} if token else {},
    )
    return msgspec.json.decode(response.content, type=Answer)


def describe(result: Result) -> str:
    """One line about one coin: how its price changed, or why there is none."""
    if result.error:
        return f"{result.slug}: {result.error.code}, {result.error.message}"
    prices = [price for price in result.history.columns.price if price is not None] if result.history else []
    if not result.history or not prices:
        return f"{result.slug}: no price in this range"
    change = f"{(prices[-1] / prices[0] - 1) * 100:.2f} %"
    stored = f"{result.history.coverage.completeness * 100:.0f} % of the days stored"
    return f"{result.slug}: {change} from {prices[0]} to {prices[-1]} {result.history.currency.code}, {stored}"


def main(coins: list[str]) -> int:
    try:
        answer = ask(QUERY, {"coins": coins or COINS, "currency": "usd", "from": "now-30d"})
    except (httpx.HTTPError, msgspec.DecodeError) as error:
        sys.stderr.write(f"no answer that can be read; is PRICEGRAPH_URL the address of the server? ({error})\n")
        return 2
    if answer.errors or answer.data is None:
        for problem in answer.errors:
            sys.stderr.write(f"{problem.extensions.code}: {problem.message}\n")
        return 75 if any(problem.extensions.retryable for problem in answer.errors) else 2
    results = answer.data.price_history
    sys.stdout.writelines(f"{describe(result)}\n" for result in results)
    return 1 if any(result.error for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
