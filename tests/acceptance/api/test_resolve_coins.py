"""`resolveCoins`: what people call coins, and never a guess."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.catalogue import CatalogueEntry, store_list
from db.pool import Database, PoolSettings, open_database
from tests.api import COINGECKO, Api, CountingCursor, execute, open_api
from tests.world import NOW

pytestmark = pytest.mark.one_store

RESOLVE = """
query Resolve($inputs: [String!]!) {
  resolveCoins(inputs: $inputs) { input outcome coin { slug } candidates { slug } }
}
"""
LISTED = [
    CatalogueEntry("bitcoin", "btc", "Bitcoin", []),
    CatalogueEntry("bitcoin-on-base", "BTC", "Bitcoin on Base", []),
    CatalogueEntry("btc-token", "btc", "Some Token", []),
    CatalogueEntry("old-gem", "gem", "Gem", []),
    CatalogueEntry("emerald", "emd", "GEM", []),
    CatalogueEntry("gemini", "gmn", "Gemini", []),
    CatalogueEntry("Case", "c1", "Upper", []),
    CatalogueEntry("case", "c2", "Lower", []),
    CatalogueEntry("sol", "xyz", "Not Solana", []),
    CatalogueEntry("solana", "sol", "Solana", []),
]
RENAMED = CatalogueEntry("new-gem", "gem", "Gem", [])
REUSED = CatalogueEntry("old-gem", "reused", "Reused", [])


@pytest.fixture
async def listed(database: Database) -> Database:
    """`old-gem` was renamed `new-gem`."""
    for entries in (LISTED, [one for one in LISTED if one.provider_coin_id != "old-gem"] + [RENAMED]):
        async with database.transaction() as connection:
            await store_list(connection, COINGECKO, entries, NOW)
    await execute(database, "update coins set rank = 1 where slug = 'bitcoin'")
    await execute(database, "update coins set rank = 2 where slug = 'btc-token'")
    return database


async def resolve(api: Api, name: str) -> tuple[str, list[str]]:
    (found,) = (await api.ask(RESOLVE, inputs=[name]))["resolveCoins"]
    candidates = [coin["slug"] for coin in found["candidates"]]
    assert found["input"] == name
    assert found["coin"] == ({"slug": candidates[0]} if found["outcome"] == "EXACT" else None)
    return found["outcome"], candidates


EXACT = {
    "bitcoin": "bitcoin",
    "BitCoin": "bitcoin",
    "new-gem": "old-gem",
    "NEW-GEM": "old-gem",
    "old-gem": "old-gem",
    "gmn": "gemini",
    "some token": "btc-token",
    "sol": "sol",
    "Case": "Case",
    "case": "case",
}
AMBIGUOUS = {
    "btc": ["bitcoin", "btc-token", "bitcoin-on-base"],
    "gem": ["old-gem", "emerald"],
    "CASE": ["Case", "case"],
}
UNKNOWN = ["", "nothing", "bit", "%", "btc\0", "x" * 5_000, "🙂"]


async def test_a_name_that_can_mean_one_coin_only_is_exact(listed: Database, api: Api) -> None:
    found = {name: await resolve(api, name) for name in EXACT}

    assert found == {name: ("EXACT", [slug]) for name, slug in EXACT.items()}


async def test_a_name_that_can_mean_several_is_ambiguous_the_best_ranked_first(listed: Database, api: Api) -> None:
    found = {name: await resolve(api, name) for name in AMBIGUOUS}

    assert found == {name: ("AMBIGUOUS", slugs) for name, slugs in AMBIGUOUS.items()}


async def test_a_name_that_means_nothing_is_not_found(listed: Database, api: Api) -> None:
    found = [await resolve(api, name) for name in UNKNOWN]

    assert found == [("NOT_FOUND", [])] * len(UNKNOWN)


async def test_an_id_that_the_provider_used_before_leads_to_its_coin_unless_another_goes_by_it_now(
    listed: Database, api: Api
) -> None:
    others = [one for one in LISTED if one.provider_coin_id != "old-gem"]
    again = CatalogueEntry("newer-gem", "gem", "Gem", [])
    found = []
    for entries in ([*others, again], [*others, again, CatalogueEntry("NEW-GEM", "ng", "Another", [])]):
        async with listed.transaction() as connection:
            await store_list(connection, COINGECKO, entries, NOW)
        found.append(await resolve(api, "new-gem"))

    assert found == [("EXACT", ["old-gem"]), ("EXACT", ["NEW-GEM"])]


async def test_a_slug_stays_with_its_coin_when_the_provider_uses_the_id_again(listed: Database, api: Api) -> None:
    entries = [one for one in LISTED if one.provider_coin_id != "old-gem"] + [RENAMED, REUSED]
    async with listed.transaction() as connection:
        await store_list(connection, COINGECKO, entries, NOW)

    assert await resolve(api, "old-gem") == ("EXACT", ["old-gem"])
    assert await resolve(api, "Reused") == ("EXACT", ["old-gem-2"])


async def test_at_most_ten_candidates_are_shown(api: Api, database: Database) -> None:
    await execute(
        database,
        "insert into coins (slug, symbol, name, rank) select 'c' || i, 'same', 'Coin', i from generate_series(1, 30) i",
    )

    assert await resolve(api, "same") == ("AMBIGUOUS", [f"c{i}" for i in range(1, 11)])


async def test_answers_come_in_the_order_of_the_inputs_repeated_ones_too(listed: Database, api: Api) -> None:
    inputs = ["gmn", "nothing", "btc", "gmn", "Bitcoin"]

    found = (await api.ask(RESOLVE, inputs=inputs))["resolveCoins"]

    assert [one["input"] for one in found] == inputs
    assert [one["outcome"] for one in found] == ["EXACT", "NOT_FOUND", "AMBIGUOUS", "EXACT", "EXACT"]


async def test_more_than_a_thousand_inputs_are_refused(lone_api: Api) -> None:
    error = await lone_api.fail(RESOLVE, inputs=["btc"] * 1001)

    assert error["extensions"]["code"] == "COST_EXCEEDED"


@pytest.fixture
async def counting(database_url: str) -> AsyncIterator[Api]:
    async with (
        open_database(database_url, PoolSettings(max_size=4), CountingCursor) as database,
        open_api(database) as api,
    ):
        yield api


async def test_a_thousand_names_cost_as_many_statements_as_one(listed: Database, counting: Api) -> None:
    counts = []
    for inputs in (["btc"], [f"name-{i}" for i in range(998)] + ["btc", "gem"]):
        CountingCursor.statements.clear()
        await counting.ask(RESOLVE, inputs=inputs)
        counts.append(len(CountingCursor.statements))

    assert counts == [1, 1]


names = st.sampled_from(["a", "b", "A", "B"])


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(names, names, names), max_size=5, unique_by=lambda one: one[0]), names)
async def test_exact_means_that_no_other_coin_goes_by_the_name_unless_by_symbol_or_name_only(
    database: Database, api: Api, coins: list[tuple[str, str, str]], name: str
) -> None:
    await execute(database, "truncate coins cascade")
    for coin in coins:
        await execute(database, "insert into coins (slug, symbol, name) values (%s, %s, %s)", *coin)

    outcome, candidates = await resolve(api, name)

    written = [slug for slug, *_ in coins if slug == name]
    any_case = [slug for slug, *_ in coins if slug.lower() == name.lower()]
    others = [slug for slug, *rest in coins if name.lower() in [one.lower() for one in rest]]
    expected = written or any_case or others
    assert set(candidates) == set(expected)
    assert outcome == ("NOT_FOUND" if not expected else "EXACT" if len(expected) == 1 else "AMBIGUOUS")
