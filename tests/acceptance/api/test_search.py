"""`coins(filter: {search})`: what is found, in which order, page by page."""

from __future__ import annotations

import pytest

from db.pool import Database
from tests.api import Api, execute

pytestmark = [pytest.mark.slow, pytest.mark.one_store]

SEARCH = """
query Search($search: String!, $orderBy: CoinOrder, $first: Int! = 20, $after: String) {
  coins(filter: {search: $search}, orderBy: $orderBy, first: $first, after: $after) {
    nodes { slug } pageInfo { hasNextPage endCursor } totalCount
  }
}
"""
COINS = [
    ("bitcoin", "btc", "Bitcoin", 1),
    ("ethereum", "eth", "Ethereum", 2),
    ("usd-coin", "usdc", "USDC", 6),
    ("bitcoin-cash", "bch", "Bitcoin Cash", 12),
    ("litecoin", "ltc", "Litecoin", 20),
    ("bitcoin-gold", "btg", "Bitcoin Gold", None),
    ("bit-of-gold", "gld", "Bit of Gold", 300),
    ("bit", "bit", "BIT", 900),
    ("shiba-inu", "shib", "Shiba Inu", 15),
    ("wrapped-steth", "wsteth", "Wrapped liquid staked Ether 2.0", 40),
]


@pytest.fixture
async def listed(database: Database) -> Database:
    for coin in COINS:
        await execute(database, "insert into coins (slug, symbol, name, rank) values (%s, %s, %s, %s)", *coin)
    return database


async def search(api: Api, text: str, order: str | None = None) -> list[str]:
    return [node["slug"] for node in (await api.ask(SEARCH, search=text, orderBy=order))["coins"]["nodes"]]


async def test_the_very_word_comes_first_then_what_begins_with_it_by_rank(listed: Database, api: Api) -> None:
    assert await search(api, "Bit") == ["bit", "bitcoin", "bitcoin-cash", "bit-of-gold", "bitcoin-gold"]


MISTAKES = {
    "etherium": "ethereum",
    "ETHERUM": "ethereum",
    "lightcoin": "litecoin",
    "shibu inu": "shiba-inu",
    "usdcoin": "usd-coin",
    "bitcon": "bitcoin",
}


async def test_a_typing_mistake_finds_its_coin_first(listed: Database, api: Api) -> None:
    found = {typed: (await search(api, typed))[0] for typed in MISTAKES}

    assert found == MISTAKES


async def test_a_word_inside_a_name_is_found(listed: Database, api: Api) -> None:
    assert await search(api, "staked") == ["wrapped-steth"]
    assert set(await search(api, "gold")) == {"bitcoin-gold", "bit-of-gold"}


async def test_a_symbol_is_found_by_its_beginning(listed: Database, api: Api) -> None:
    assert await search(api, "LT") == ["litecoin"]


async def test_what_is_like_nothing_finds_nothing(listed: Database, api: Api) -> None:
    assert await search(api, "qqqqq") == []


async def test_pages_of_a_search_hold_every_match_once_in_order(listed: Database, api: Api) -> None:
    for order in (None, "RELEVANCE", "RANK", "NAME", "SLUG"):
        whole = await search(api, "bitcoin", order)
        found: list[str] = []
        after = None
        while True:
            page = (await api.ask(SEARCH, search="bitcoin", orderBy=order, first=1, after=after))["coins"]
            found += [node["slug"] for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert found == whole
        assert page["totalCount"] == len(whole) == len(set(whole))


async def test_another_order_shows_the_same_matches(listed: Database, api: Api) -> None:
    by_rank = await search(api, "bit", "RANK")

    assert by_rank == ["bitcoin", "bitcoin-cash", "bit-of-gold", "bit", "bitcoin-gold"]
    assert set(by_rank) == set(await search(api, "bit"))


async def test_relevance_without_a_search_is_refused(api: Api) -> None:
    error = await api.fail("{ coins(orderBy: RELEVANCE) { nodes { slug } } }")

    assert error["extensions"]["code"] == "BAD_INPUT"
    assert "search" in error["message"]
