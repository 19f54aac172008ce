"""Limits of documents: enforced, told, and no obstacle to tools."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from graphql import OperationDefinitionNode, get_introspection_query, parse

import schema.limits
from db.pool import Database
from tests.api import Api, add_coins, open_api


def deep(levels: int) -> str:
    """A document of so many levels of fields, 2 at least."""
    pairs, odd = divmod(levels - 2, 2)
    inner = "slug" if not odd else "latestPrice { price }"
    return "{ coins { nodes { " + "history { coin { " * pairs + inner + " } }" * pairs + " } } }"


def aliases(count: int) -> str:
    return "{ " + " ".join(f"a{i}: __typename" for i in range(count)) + " }"


def long_alias(length: int) -> str:
    return f"{{ coins {{ ...Fields }} }} fragment Fields on CoinConnection {{ {'a' * length}: totalCount }}"


async def told(api: Api) -> dict[str, Any]:
    limits: dict[str, Any] = (
        await api.ask(
            "{ server { limits { maxDepth maxAliases maxAliasLength maxTokens maxBodyBytes maxPageSize maxCoinsPerBatch"
            " maxPointsPerSeries maxPointsPerQuery maxValuesPerQuery } } }"
        )
    )["server"]["limits"]
    return limits


async def test_the_limits_that_are_told_are_the_ones_that_hold(api: Api, database: Database) -> None:
    await add_coins(database, 1)
    limits = await told(api)
    for name, document in (("maxDepth", deep), ("maxAliases", aliases), ("maxAliasLength", long_alias)):
        await api.ask(document(limits[name]))

        error = await api.fail(document(limits[name] + 1))

        assert error["extensions"]["code"] == "COST_EXCEEDED", name
        assert str(limits[name]) in error["message"]


async def test_tokens_are_counted_before_anything_is_parsed_further(lone_api: Api) -> None:
    limit = (await told(lone_api))["maxTokens"]
    within = await lone_api.fail("{ " + "__typename " * (limit - 2) + "}")
    beyond = await lone_api.fail("{ " + "__typename " * (limit - 1) + "}")

    assert "tokens" not in within["message"]
    assert f"more than {limit} tokens" in beyond["message"]


async def test_the_values_of_an_answer_count_once_for_each_field_and_alias(api: Api, database: Database) -> None:
    """Points that are read once may be written many times."""
    await add_coins(database, 1)
    most = (await told(api))["maxValuesPerQuery"]
    field = "columns { ...Prices }"
    document = """
    query($from: Time!) { coin(slug: "coin-1") { history(from: $from, to: "now/h", interval: HOUR_1) { FIELDS } } }
    fragment Prices on PriceColumns { time ... { price high low close } }
    """
    hours = 10_000
    within = most // (5 * hours)
    written = " ".join(f"a{place}: {field}" for place in range(within + 1))
    await api.ask(document.replace("FIELDS", written.partition(f" a{within}")[0]), **{"from": f"now-{hours}h/h"})

    error = await api.fail(document.replace("FIELDS", written), **{"from": f"now-{hours}h/h"})

    assert (error["extensions"]["code"], f"{most:,} values" in error["message"]) == ("COST_EXCEEDED", True)


async def test_a_summary_counts_as_the_fields_that_it_is_made_of(api: Api, database: Database) -> None:
    await add_coins(database, 1)
    most = (await told(api))["maxValuesPerQuery"]
    document = '{ coin(slug: "coin-1") { history(from: "now-10000h/h", to: "now/h", interval: HOUR_1) { FIELDS } } }'
    summaries = [f"a{place}: summary {{ mean }}" for place in range(most // (5 * 10_000) + 1)]
    await api.ask(document.replace("FIELDS", " ".join(summaries[1:])))

    error = await api.fail(document.replace("FIELDS", " ".join(summaries)))

    assert (error["extensions"]["code"], f"{most:,} values" in error["message"]) == ("COST_EXCEEDED", True)


async def test_pages_have_their_limit(api: Api, database: Database) -> None:
    await add_coins(database, 1)
    limit = (await told(api))["maxPageSize"]
    await api.ask("query($n: Int!) { coins(first: $n) { nodes { slug } } }", n=limit)

    error = await api.fail("query($n: Int!) { coins(first: $n) { nodes { slug } } }", n=limit + 1)

    assert error["extensions"]["code"] == "BAD_INPUT"


async def test_aliases_in_fragments_count_as_often_as_the_fragment_is_spread(lone_api: Api) -> None:
    aliases_inside = " ".join(f"a{i}: slug" for i in range(10))
    three = " ".join(f'c{i}: coin(slug: "c") {{ ...A }}' for i in range(3))

    error = await lone_api.fail(f"{{ {three} }} fragment A on Coin {{ {aliases_inside} }}")

    assert error["message"].startswith("33 aliases")


async def test_a_fragment_is_as_deep_as_its_fields(lone_api: Api) -> None:
    parts = " ".join(f"fragment F{i} on Coin {{ history {{ coin {{ ...F{i + 1} }} }} }}" for i in range(9))

    error = await lone_api.fail(f'{{ coin(slug: "a") {{ ...F0 }} }} {parts} fragment F9 on Coin {{ slug }}')

    assert (error["extensions"]["code"], error["message"][:9]) == ("COST_EXCEEDED", "19 levels")


BOMB = " ".join(f"fragment F{i} on Query {{ ...F{i + 1} ...F{i + 1} }}" for i in range(24))
CHAIN = " ".join(f"fragment F{i} on Query {{ ...F{i + 1} }}" for i in range(230))
LABORIOUS = {
    "fragments that double again and again": f"{{ ...F0 }} {BOMB} fragment F24 on Query {{ __typename }}",
    "a chain of fragments": f"{{ ...F0 }} {CHAIN} fragment F230 on Query {{ __typename }}",
    "a fragment that spreads itself": "{ ...A } fragment A on Query { __typename ...A }",
    "fragments that spread each other": "{ ...A } fragment A on Query { ...B ...B } fragment B on Query { ...A ...A }",
    "the same field over and over": "{ coins { nodes { " + "slug " * 1900 + "} } }",
    "the same selection over and over": "{ " + "coins { nodes { slug } } " * 240 + "}",
    "deep selections": "{ a " * 900 + "}" * 900,
    "deep lists": "{ priceHistory(coins: " + "[" * 900 + "]" * 900 + ") { slug } }",
    "deep types": "query($a: " + "[" * 900 + "Int" + "]" * 900 + ") { __typename }",
    "deep introspection": "{ __schema { types { " + "fields { type { " * 20 + "name" + " } }" * 20 + " } } }",
    "many directives": "{ __typename " + "@skip(if: false) " * 280 + "}",
    "many variables": "query(" + " ".join(f"$v{i}: Int" for i in range(450)) + ") { __typename }",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LABORIOUS)
async def test_small_documents_that_mean_much_work_are_no_fault_of_the_servers(lone_api: Api, name: str) -> None:
    answer = await lone_api.post(LABORIOUS[name])

    assert answer.status_code == 200
    assert "INTERNAL" not in answer.text


def test_a_fragment_is_measured_once_however_often_it_is_spread() -> None:
    visited: list[object] = []

    class Measure(schema.limits._Measure):
        def selections(self, given: Any) -> schema.limits.Size:
            visited.append(given)
            return super().selections(given)

    document = parse(LABORIOUS["fragments that double again and again"])
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)

    Measure(document).selections(operation.selection_set)

    # The operation, each of the 25 fragments, and the one field without selections of its own.
    assert len(visited) == 27


async def test_the_standard_introspection_with_all_options_is_within_the_limits(lone_api: Api) -> None:
    query = get_introspection_query(
        descriptions=True,
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
        one_of=True,
    )

    assert (await lone_api.ask(query))["__schema"]["queryType"]["name"] == "Query"


async def test_a_document_is_measured_once_and_its_variables_each_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[object] = []

    class Measure(schema.limits._Measure):
        def __init__(self, document: Any) -> None:
            measured.append(document)
            super().__init__(document)

    monkeypatch.setattr(schema.limits, "_Measure", Measure)
    await add_coins(database, 3)
    name = "Q" + uuid4().hex  # the cache outlives a test
    query = f"query {name}($s: String!, $yes: Boolean!) {{ coin(slug: $s) {{ slug name @include(if: $yes) }} }}"
    async with open_api(database) as api:
        answers = [await api.ask(query, s=f"coin-{i}", yes=i == 2) for i in (1, 2, 3)]
        error = await api.fail(query, s="coin-1", yes="perhaps")

    assert answers == [
        {"coin": {"slug": "coin-1"}},
        {"coin": {"slug": "coin-2", "name": "Coin 2"}},
        {"coin": {"slug": "coin-3"}},
    ]
    assert "$yes" in error["message"]
    assert len(measured) == 1


async def test_requests_at_the_same_time_do_not_mix(api: Api, database: Database) -> None:
    await add_coins(database, 40)
    query = 'query($s: String!) { coin(slug: $s) { slug history(from: "now-2h") { coin { slug } } } }'

    answers = await asyncio.gather(*(api.ask(query, s=f"coin-{i}") for i in range(1, 41)))

    slugs = [answer["coin"]["slug"] for answer in answers]
    assert slugs == [answer["coin"]["history"]["coin"]["slug"] for answer in answers]
    assert slugs == [f"coin-{i}" for i in range(1, 41)]
