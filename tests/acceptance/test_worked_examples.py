"""Every figure of the worked examples in the documentation is what the API answers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from db.pool import Database
from tests.api import execute
from tests.portfolios import Person, open_person

pytestmark = pytest.mark.slow

_PAGE = Path(__file__).parents[2] / "docs" / "valuation.md"
_TABLE = re.compile(r"^\|.*\|\n\|[-|]+\|\n((?:\|.*\|\n)+)", re.MULTILINE)
_PUT = """
insert into price_daily (coin_id, currency_id, ts, price, observed_at, provider_id)
select c.id, y.id, %s::timestamptz, %s, %s::timestamptz, 1 from coins c, currencies y where c.slug = %s and y.code = %s
"""


class Example(NamedTuple):
    """Rows of cells."""

    title: str
    transactions: Sequence[Sequence[str]]
    prices: Sequence[Sequence[str]]
    figures: Sequence[Sequence[str]]


def read_examples() -> list[Example]:
    chapter = _PAGE.read_text().partition("\n## Worked examples\n")[2]
    sections = [section.partition("\n") for section in chapter.split("\n### ")[1:]]
    return [Example(title, *(_rows(table) for table in _TABLE.findall(body))) for title, _, body in sections]


def _rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_the_page_has_examples_with_figures() -> None:
    examples = read_examples()

    assert len(examples) >= 4
    assert all(len(one.figures) >= 3 for one in examples)


@pytest.mark.parametrize("example", read_examples(), ids=lambda example: example.title)
async def test_every_figure_of_a_worked_example_is_the_api_s(
    example: Example, database: Database, subtests: pytest.Subtests
) -> None:
    await store_prices(database, example)
    async with open_person(database, "alice") as alice:
        portfolio = await keep_books(alice, example)
        for figure, value, *_ in example.figures:
            with subtests.test(figure=figure):
                asked = figure.strip("`")
                found = await alice.ask(f"query($id: ID!) {{ portfolio(id: $id) {{ {asked} }} }}", id=portfolio)
                assert written(leaf(found), value) == value


async def store_prices(database: Database, example: Example) -> None:
    coins = {row[3] for row in example.transactions} | {row[1] for row in example.prices}
    await execute(database, "update currencies set tracked = true where code in ('usd', 'eur')")
    for rank, slug in enumerate(sorted(coins), 1):
        await execute(
            database,
            "insert into coins (slug, symbol, name, rank, tracked) values (%s, %s, %s, %s, true)",
            slug,
            slug,
            slug,
            rank,
        )
    for day, coin, price in example.prices:
        amount, code = price.split()
        await execute(database, _PUT, f"{day}Z", float(amount), f"{day}Z", coin, code)


async def keep_books(alice: Person, example: Example) -> str:
    portfolio = await alice.create_portfolio()
    accounts: dict[str, str] = {}
    for day, account, kind, coin, quantity, price, fee in example.transactions:
        if account not in accounts:
            accounts[account] = await alice.add_account(portfolio, label=account)
        given = {"kind": kind, "coin": coin, "quantity": quantity, "at": f"{day}T00:00:00Z"}
        await alice.add(accounts[account], given | money(unitPrice=price, fee=fee))
    return portfolio


def money(**texts: str) -> dict[str, Any]:
    """Those that are given, such as `100 usd`, as input."""
    given = {name: text.split() for name, text in texts.items() if text}
    return {name: {"amount": amount, "currency": code} for name, (amount, code) in given.items()}


def leaf(found: Any) -> Any:
    """The one value inside of objects and lists of one; null as soon as one of them is."""
    while isinstance(found, dict | list):
        [found] = found.values() if isinstance(found, dict) else found
    return found


def written(found: Any, like: str) -> str:
    """As the page has it: a float with as many decimals."""
    if isinstance(found, float):
        return f"{found:.{len(like.partition('.')[2])}f}"
    return found if isinstance(found, str) else json.dumps(found)
