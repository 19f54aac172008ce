"""`coin`, `coins` and `currencies`."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from db.pool import Database
from db.series import HOUR, Granularity, floor
from tests.api import Api, add_coins, add_points, execute
from tests.world import NOW

COINS = """
query Coins($filter: CoinFilter, $orderBy: CoinOrder!, $first: Int!, $after: String) {
  coins(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
    edges { node { slug } cursor }
    nodes { slug }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    totalCount
  }
}
"""
# Ties and nulls on purpose: every third coin shares its rank, every fifth has none, and names repeat.
MANY = """
insert into coins (slug, symbol, name, rank, tracked)
select 'slug-' || (i * 7919 %% 100003), 'S' || i %% 40, 'Name ' || i %% 97,
       case when i %% 5 > 0 then i / 3 end, i %% 2 = 0
from generate_series(1, %s) i
"""
ORDERS = {
    "RANK": "coalesce(rank, 2147483647), id",
    "NAME": "name, id",
    "SLUG": "slug",
}
FILTERS: list[tuple[dict[str, Any] | None, str]] = [
    (None, "true"),
    ({"tracked": True}, "tracked"),
    ({"search": "s1"}, "symbol like 'S1%'"),
    ({"symbol": "s7", "tracked": False}, "symbol = 'S7' and not tracked"),
    ({"slugs": ["slug-7919", "slug-15838", "unknown"]}, "slug in ('slug-7919', 'slug-15838')"),
]


async def pages(api: Api, order: str, filter_: dict[str, Any] | None, sizes: list[int]) -> list[str]:
    """Every slug of the connection; the page sizes are used in turn."""
    found: list[str] = []
    after: str | None = None
    for number in range(10_000):
        size = sizes[number % len(sizes)]
        page = (await api.ask(COINS, filter=filter_, orderBy=order, first=size, after=after))["coins"]
        slugs = [node["slug"] for node in page["nodes"]]
        assert slugs == [edge["node"]["slug"] for edge in page["edges"]]
        assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
        cursors = [edge["cursor"] for edge in page["edges"]]
        assert [page["pageInfo"]["startCursor"], page["pageInfo"]["endCursor"]] == [*cursors[:1], *cursors[-1:]] or (
            page["pageInfo"]["startCursor"] is page["pageInfo"]["endCursor"] is None and not cursors
        )
        found += slugs
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        assert len(slugs) == size
    raise AssertionError("the pages have no end")


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS)
async def test_paging_gives_every_coin_once_and_in_order_whatever_the_page_sizes(
    api: Api, database: Database, order: str
) -> None:
    await execute(database, MANY, 200)
    dice = random.Random(order)
    for filter_, condition in FILTERS:
        expected = [
            row[0]
            for row in await execute(database, f"select slug from coins where {condition} order by {ORDERS[order]}")
        ]
        for sizes in ([1000], [1], [7], [dice.randint(1, 60) for _ in range(9)]):
            if len(sizes) == 1 and sizes[0] == 1 and len(expected) > 60:
                continue
            assert await pages(api, order, filter_, sizes) == expected


@pytest.mark.slow
async def test_paging_gives_all_of_3000_coins_once_and_in_order(api: Api, database: Database) -> None:
    await execute(database, MANY, 3000)
    for order, columns in ORDERS.items():
        expected = [row[0] for row in await execute(database, f"select slug from coins order by {columns}")]
        assert await pages(api, order, None, [997, 13, 250]) == expected
        assert len(set(expected)) == 3000


async def test_a_page_boundary_among_equal_names_loses_and_repeats_none(api: Api, database: Database) -> None:
    await execute(
        database,
        "insert into coins (slug, symbol, name) select 'twin-' || i, 'twin', 'Twin' from generate_series(1, 9) i",
    )
    for order in ORDERS:
        assert sorted(await pages(api, order, None, [2])) == [f"twin-{i}" for i in range(1, 10)]


async def test_coins_that_arrive_while_somebody_pages_move_no_other(api: Api, database: Database) -> None:
    await add_coins(database, 4)
    first = (await api.ask(COINS, orderBy="SLUG", first=2))["coins"]
    await execute(database, "insert into coins (slug, symbol, name) values ('a-new-one', 'new', 'New')")

    rest = (await api.ask(COINS, orderBy="SLUG", first=9, after=first["pageInfo"]["endCursor"]))["coins"]

    assert [node["slug"] for node in first["nodes"] + rest["nodes"]] == [f"coin-{i}" for i in range(1, 5)]


async def test_the_total_counts_what_matches_and_not_the_page(api: Api, database: Database) -> None:
    await execute(database, MANY, 50)

    page = (await api.ask(COINS, filter={"tracked": True}, orderBy="RANK", first=3))["coins"]

    assert (page["totalCount"], len(page["nodes"])) == (25, 3)


async def test_an_installation_without_coins_has_an_empty_page(api: Api) -> None:
    page = (await api.ask(COINS, orderBy="RANK", first=5))["coins"]

    assert (page["nodes"], page["edges"], page["totalCount"]) == ([], [], 0)
    assert page["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None}


async def test_a_search_is_taken_literally(api: Api, database: Database) -> None:
    await add_coins(database, 3)
    searches = ["%", "_", "\\", "a%", "'; drop table coins; --", "🙂"]
    for place, search in enumerate(searches):
        add = "insert into coins (slug, symbol, name) values (%s, 'x', %s)"
        await execute(database, add, f"odd-{place}", search + "!")
    for place, search in enumerate(searches):
        page = (await api.ask(COINS, filter={"search": search}, orderBy="RANK", first=9))["coins"]

        assert [node["slug"] for node in page["nodes"]] == [f"odd-{place}"], search


async def test_stale_coins_are_those_without_any_price_observed_within_the_time(api: Api, database: Database) -> None:
    await add_coins(database, 4)
    for coin, currency, age in ((1, 1, 10), (2, 1, 200), (3, 1, 200), (3, 2, 59)):
        await execute(
            database,
            "insert into price_latest (coin_id, currency_id, price, observed_at, provider_id) "
            "values (%s, %s, 1, %s, 2)",
            coin,
            currency,
            NOW - timedelta(minutes=age),
        )

    page = (await api.ask(COINS, filter={"staleLongerThan": "1h"}, orderBy="SLUG", first=9))["coins"]

    assert [node["slug"] for node in page["nodes"]] == ["coin-2", "coin-4"]


async def test_a_coin_is_found_by_its_slug_with_everything_known_about_it(api: Api, database: Database) -> None:
    await execute(
        database,
        "insert into coins (slug, symbol, name, status, rank, tracked, image_url) "
        "values ('bitcoin', 'btc', 'Bitcoin', 'DELISTED', 1, true, 'https://example.org/b.png')",
    )

    found = (await api.ask('{ coin(slug: "bitcoin") { id slug symbol name status rank tracked imageUrl } }'))["coin"]

    assert found.pop("id")
    assert found == {
        "slug": "bitcoin",
        "symbol": "btc",
        "name": "Bitcoin",
        "status": "DELISTED",
        "rank": 1,
        "tracked": True,
        "imageUrl": "https://example.org/b.png",
    }


async def test_the_latest_price_has_its_change_against_the_hour_nearest_to_a_day_before(
    api: Api, database: Database
) -> None:
    await add_coins(database, 2)
    observed = NOW - timedelta(minutes=3)
    before = floor(observed - 24 * HOUR, HOUR) + HOUR  # 19:34 is nearer to 20:00
    stored = await add_points(database, Granularity.HOURLY, [before - HOUR, before])
    await execute(
        database,
        "insert into price_latest (coin_id, currency_id, price, market_cap, observed_at, provider_id) "
        "values (1, 1, 250.5, 7, %s, 2), (2, 1, 3, null, %s, 2)",
        observed,
        observed,
    )

    nodes = (
        await api.ask(
            "{ coins { nodes { latestPrice { price marketCap volume24h change24hPercent observedAt provider"
            " currency { code } } } } }"
        )
    )["coins"]["nodes"]

    assert nodes[0]["latestPrice"] == {
        "price": 250.5,
        "marketCap": 7.0,
        "volume24h": None,
        "change24hPercent": pytest.approx((250.5 / stored[1].price - 1) * 100),
        "observedAt": "2026-11-20T19:34:12.345678Z",
        "provider": "COINGECKO",
        "currency": {"code": "usd"},
    }
    assert nodes[1]["latestPrice"]["change24hPercent"] is None


async def test_a_coin_never_refreshed_has_no_latest_price(api: Api, database: Database) -> None:
    await add_coins(database, 1)

    assert (await api.ask('{ coin(slug: "coin-1") { latestPrice { price } } }'))["coin"] == {"latestPrice": None}


async def test_the_currencies_are_those_that_prices_are_stored_in(api: Api, database: Database) -> None:
    await execute(database, "update currencies set tracked = true where code in ('usd', 'btc', 'xau')")

    found = (await api.ask("{ currencies { id code name kind decimals } }"))["currencies"]

    assert [(one["code"], one["kind"], one["decimals"]) for one in found] == [
        ("usd", "FIAT", 2),
        ("btc", "CRYPTO", 8),
        ("xau", "COMMODITY", found[2]["decimals"]),
    ]
    assert len({one["id"] for one in found}) == 3
    only = (await api.ask("{ currencies(kind: CRYPTO) { code } }"))["currencies"]
    assert only == [{"code": "btc"}]


async def test_the_rate_coin_has_a_latest_price_where_others_cannot_be_converted(api: Api, database: Database) -> None:
    await add_coins(database, 2)
    await execute(database, "update currencies set tracked = false, rate_coin_id = case code when 'gbp' then 1 end")
    await execute(
        database,
        "insert into price_latest (coin_id, currency_id, price, observed_at, provider_id) values (1, 3, 8, %s, 2)",
        NOW,
    )

    body = (await api.post('{ coins { nodes { latestPrice(currency: "gbp") { price } } } }')).json()

    assert body["data"]["coins"]["nodes"] == [{"latestPrice": {"price": 8.0}}, {"latestPrice": None}]
    assert [error["extensions"]["code"] for error in body["errors"]] == ["FX_UNAVAILABLE"]
