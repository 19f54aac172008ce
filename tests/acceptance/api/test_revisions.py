"""What clients see of replaced prices."""

from __future__ import annotations

from typing import Any

import pytest

from db.pool import Database
from db.prices import Point, upsert_points
from db.series import DAY, HOUR, Granularity, Series, floor
from tests.acceptance.api.histories import know
from tests.api import COINGECKO, Api, add_coins, add_points, iso
from tests.world import NOW, World

REVISIONS = """
query Revisions($first: Int! = 20, $after: String, $from: Time! = "2009-01-03T00:00:00Z") {
  coin(slug: "coin-1") {
    revisions(first: $first, after: $after, from: $from) {
      totalCount pageInfo { hasNextPage endCursor }
      nodes {
        time revision replacedAt changedBy note
        before { price marketCap volume24h high low provider observedAt }
        after { price marketCap volume24h high low provider observedAt }
      }
    }
  }
}
"""
HOURS = [floor(NOW, HOUR) - hour * HOUR for hour in range(3)]


async def revisions(api: Api, **given: Any) -> dict[str, Any]:
    page: dict[str, Any] = (await api.ask(REVISIONS, **given))["coin"]["revisions"]
    return page


async def store(database: Database, price: float, coin: int = 1) -> None:
    """One price for every hour, as an answer of the provider."""
    points = [Point(hour, price, hour) for hour in HOURS]
    async with database.transaction() as connection:
        await upsert_points(connection, Series(coin, 1), Granularity.HOURLY, COINGECKO, points, NOW)


@pytest.mark.slow
async def test_a_correction_of_the_provider_is_shown_with_what_stood_there_before(known: World, world_api: Api) -> None:
    await known.refresh(history_days=3, coins=["bitcoin"])
    time = HOURS[1]
    await known.execute("update price_hourly set price = 1, market_cap = null where ts = %s and currency_id = 1", time)
    known.clock.advance(HOUR)
    await known.refresh(history_days=3, coins=["bitcoin"], force=True)

    [found] = (await world_api.ask(REVISIONS.replace("coin-1", "bitcoin")))["coin"]["revisions"]["nodes"]

    price = await known.scalar("select price from price_hourly where ts = %s and currency_id = 1", time)
    assert (found["time"], found["revision"], found["replacedAt"]) == (iso(time), 1, iso(known.clock.now()))
    assert (found["before"]["price"], found["before"]["marketCap"]) == (1.0, None)
    assert (found["after"]["price"], found["after"]["provider"]) == (price, "COINGECKO")
    assert found["before"]["observedAt"] == found["after"]["observedAt"]
    assert (found["changedBy"], found["note"]) == (None, None)


async def test_changes_come_newest_first_in_pages_without_loss_or_repeat(database: Database, api: Api) -> None:
    await add_coins(database, 1)
    for price in (1.0, 2.0, 3.0, 4.0):
        await store(database, price)

    every = await revisions(api)
    assert (every["totalCount"], every["pageInfo"]["hasNextPage"]) == (9, False)
    assert [one["revision"] for one in every["nodes"]] == [3, 3, 3, 2, 2, 2, 1, 1, 1]
    for one in every["nodes"]:
        assert one["after"]["price"] == one["before"]["price"] + 1
    found: list[Any] = []
    after = None
    for _ in range(5):
        page = await revisions(api, first=2, after=after)
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
    assert found == every["nodes"]
    assert page["pageInfo"]["hasNextPage"] is False

    newest = await revisions(api, **{"from": iso(HOURS[0])})
    assert (newest["totalCount"], {one["time"] for one in newest["nodes"]}) == (3, {iso(HOURS[0])})


async def test_an_unknown_currency_a_range_that_makes_no_sense_and_a_foreign_cursor_are_refused(
    database: Database, api: Api
) -> None:
    await add_coins(database, 1)

    async def refusal(arguments: str) -> str:
        error = await api.fail(f'{{ coin(slug: "coin-1") {{ revisions({arguments}) {{ nodes {{ revision }} }} }} }}')
        return str(error["extensions"]["code"])

    assert await refusal('currency: "none"') == "NOT_FOUND"
    assert await refusal('from: "now+1d"') == "RANGE_INVALID"
    assert await refusal("first: 0") == "BAD_INPUT"
    assert await refusal('after: "WyJydW5zIiwxXQ"') == "BAD_INPUT"


async def test_days_are_apart_from_hours(database: Database, api: Api) -> None:
    await add_coins(database, 1)
    for price in (1.0, 2.0):
        await store(database, price)
    await add_points(database, Granularity.DAILY, [floor(NOW, DAY)])
    query = '{ coin(slug: "coin-1") { revisions(granularity: DAILY) { totalCount nodes { revision } } } }'

    assert (await api.ask(query))["coin"]["revisions"] == {"totalCount": 0, "nodes": []}


async def test_converted_prices_have_no_revisions_and_the_error_says_where_they_are(
    database: Database, api: Api
) -> None:
    await know(database, 2)
    query = 'query($c: String!) { coin(slug: $c) { slug revisions(currency: "eur") { totalCount } } }'

    answer = (await api.post(query, {"c": "coin-2"})).json()

    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert error["message"] == "prices of coin-2 in eur are converted, so they have no revisions; ask in usd"
    assert answer["data"] == {"coin": {"slug": "coin-2", "revisions": None}}
    assert (await api.ask(query, c="coin-1"))["coin"]["revisions"] == {"totalCount": 0}
