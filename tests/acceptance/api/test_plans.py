"""What is selected in a document is kept with it; what depends on a request is asked anew."""

from __future__ import annotations

from typing import Any

import pytest

from db.pool import Database
from resolvers.context import ApiSettings, Context
from resolvers.limits import Limits
from schema.documents import Document
from schema.execution import Executable
from schema.executor import FastExecutor
from schema.schema import make_schema
from tests.api import Api, add_coins, execute
from tests.world import NOW

pytestmark = pytest.mark.slow

LATEST = """
query First($code: String!) { coins(first: 2) { nodes { slug latestPrice(currency: $code) { price } } } }
query Second($code: String!) { coins(first: 3) { nodes { name other: latestPrice(currency: $code) { price } } } }
"""


@pytest.fixture
async def priced(database: Database) -> Database:
    """Coins 1 to 3: a coin's price is its number in usd, and ten times that in eur."""
    await add_coins(database, 3)
    await execute(
        database,
        "insert into price_latest (coin_id, currency_id, price, observed_at, provider_id) "
        "select c.id, y.id, c.id * case y.code when 'usd' then 1 else 10 end, %s, 2 "
        "from coins c, currencies y where y.tracked",
        NOW,
    )
    return database


async def test_variables_of_a_kept_document_are_those_of_the_request(priced: Database, api: Api) -> None:
    async def ask(name: str, currency: str) -> Any:
        body = {"query": LATEST, "operationName": name, "variables": {"code": currency}}
        return (await api.client.post("/graphql", json=body)).json()["data"]["coins"]["nodes"]

    for _ in range(2):
        assert await ask("First", "usd") == [
            {"slug": "coin-1", "latestPrice": {"price": 1}},
            {"slug": "coin-2", "latestPrice": {"price": 2}},
        ]
        assert [node["latestPrice"]["price"] for node in await ask("First", "eur")] == [10, 20]
        assert [(node["name"], node["other"]["price"]) for node in await ask("Second", "eur")] == [
            ("Coin 1", 10),
            ("Coin 2", 20),
            ("Coin 3", 30),
        ]


async def test_a_directive_that_takes_a_variable_is_asked_at_each_request(priced: Database, api: Api) -> None:
    document = "query($named: Boolean!) { coins(first: 2) { nodes { slug name @include(if: $named) } } }"

    for named in (True, False, True):
        nodes = (await api.ask(document, named=named))["coins"]["nodes"]
        assert [set(node) for node in nodes] == [{"slug", "name"} if named else {"slug"}] * 2


async def test_a_document_that_was_asked_before_is_not_looked_through_again(
    priced: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable = Executable(make_schema(), Limits())
    looked: list[str] = []
    select = FastExecutor._select

    def note(self: FastExecutor, item: Any, details: Any) -> Any:
        looked.append(item.name)
        return select(self, item, details)

    monkeypatch.setattr(FastExecutor, "_select", note)
    answers = [
        await executable.execute("{ coins { nodes { slug } } }", Context(priced, priced, ApiSettings("test"), NOW, "1"))
        for _ in range(3)
    ]

    assert answers[0].data == answers[1].data == answers[2].data
    assert looked == ["Coin"]


async def test_a_plan_larger_than_its_document_is_not_kept(priced: Database) -> None:
    """A fragment that is spread again and again selects more than the text is long."""
    executable = Executable(make_schema(), Limits(max_aliases=100))
    fragment = (
        "fragment f on Coin { id slug symbol name status rank tracked imageUrl latestPrice { currency { id code name "
        "kind decimals } price marketCap volume24h change24hPercent observedAt provider fxRate fxRateAt } }"
    )
    once = f"{{ coins {{ nodes {{ ...f }} }} }} {fragment}"
    often = f"{{ coins {{ {' '.join(f'n{place}: nodes {{ ...f }}' for place in range(100))} }} }} {fragment}"

    for query, kept in ((once, True), (often, False)):
        result = await executable.execute(query, Context(priced, priced, ApiSettings("test"), NOW, "1"))
        assert not result.errors
        document = executable._documents.prepare(query)
        assert isinstance(document, Document)
        assert bool(document.plan.size) == kept
