"""Prices that people set over the API, and take back."""

from __future__ import annotations

from typing import Any

import pytest

from db.pool import Database
from db.series import DAY, HOUR, Granularity, floor
from db.tokens import Scope, create_token
from tests.api import Api, add_coins, add_points, execute, iso
from tests.world import NOW, World

pytestmark = pytest.mark.slow

FIELDS = """
    point { time price marketCap volume24h provider origin revision observedAt }
    revision { revision note changedBy before { price provider } after { price provider } }
    errors { code message field }
"""
SET = f"mutation($input: ManualPriceInput!) {{ setManualPrice(input: $input) {{ {FIELDS} }} }}"
REMOVE = f"mutation($input: RemoveManualPriceInput!) {{ removeManualPrice(input: $input) {{ {FIELDS} }} }}"
HOUR_AGO = floor(NOW, HOUR) - HOUR
PLACE = {"coin": "coin-1", "currency": "usd", "granularity": "HOURLY", "time": iso(HOUR_AGO)}


@pytest.fixture
async def priced(database: Database) -> Database:
    """One coin with one price: at the last full hour, of 101."""
    await add_coins(database, 1)
    await add_points(database, Granularity.HOURLY, [HOUR_AGO])
    return database


async def set_price(api: Api, **given: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await api.ask(SET, input=PLACE | {"price": 5.5} | given))["setManualPrice"]
    return payload


async def remove_price(api: Api, **given: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await api.ask(REMOVE, input=PLACE | given))["removeManualPrice"]
    return payload


async def test_a_price_set_by_hand_replaces_the_provider_s_and_gives_way_to_it_when_it_is_taken_back(
    priced: Database, api: Api
) -> None:
    payload = await set_price(api, marketCap=7.0, volume24h=0.0, note="exchange outage")
    assert payload == {
        "point": {
            "time": iso(HOUR_AGO),
            "price": 5.5,
            "marketCap": 7.0,
            "volume24h": 0.0,
            "provider": "MANUAL",
            "origin": "MANUAL",
            "revision": 1,
            "observedAt": iso(HOUR_AGO),
        },
        "revision": {
            "revision": 1,
            "note": "exchange outage",
            "changedBy": "operator",
            "before": {"price": 101.0, "provider": "COINGECKO"},
            "after": {"price": 5.5, "provider": "MANUAL"},
        },
        "errors": [],
    }

    payload = await remove_price(api, note="it was right after all")
    assert (payload["point"]["price"], payload["point"]["provider"]) == (101.0, "COINGECKO")
    assert payload["point"]["revision"] == payload["revision"]["revision"] == 2
    assert payload["revision"]["after"] == {"price": 101.0, "provider": "COINGECKO"}


async def test_changes_of_one_request_are_made_in_order_and_each_shows_what_came_of_it(
    priced: Database, api: Api
) -> None:
    history = 'query { priceHistory(coins: ["coin-1"], from: "now-1h", gaps: OMIT) { history { points { price } } } }'
    body = """
      mutation($one: ManualPriceInput!, $two: ManualPriceInput!, $back: RemoveManualPriceInput!) {
        one: setManualPrice(input: $one) { point { price } }
        two: setManualPrice(input: $two) { point { price } }
        back: removeManualPrice(input: $back) { point { price } revision { before { price } } }
      }
    """
    answer = await api.ask(body, one=PLACE | {"price": 1.0}, two=PLACE | {"price": 2.0}, back=PLACE)

    assert [answer[name]["point"]["price"] for name in ("one", "two", "back")] == [1.0, 2.0, 101.0]
    assert answer["back"]["revision"]["before"]["price"] == 2.0
    (result,) = (await api.ask(history))["priceHistory"]
    assert result["history"]["points"] == [{"price": 101.0}]


async def test_what_was_taken_back_from_a_hole_is_filled_by_the_next_refresh(known: World, world_api: Api) -> None:
    place = PLACE | {"coin": "bitcoin", "granularity": "DAILY", "time": "now-1d/d"}
    payload = (await world_api.ask(SET, input=place | {"price": 1.0}))["setManualPrice"]
    assert (payload["point"]["price"], payload["revision"]) == (1.0, None)
    await known.refresh(history_days=3, coins=["bitcoin"], force=True)
    assert await known.scalar("select price from price_daily where ts = %s and currency_id = 1", _yesterday()) == 1.0

    payload = (await world_api.ask(REMOVE, input=place))["removeManualPrice"]
    assert (payload["point"]["origin"], payload["point"]["price"]) == ("MISSING", None)
    assert payload["revision"]["after"] is None

    await known.refresh(history_days=3, coins=["bitcoin"])
    [truth] = await known.simulator.truth("bitcoin", "usd", Granularity.DAILY, _yesterday(), _yesterday() + DAY)
    assert (
        await known.scalar("select price from price_daily where ts = %s and currency_id = 1", _yesterday()) == truth[1]
    )


def _yesterday() -> Any:
    return floor(NOW, DAY) - DAY


# What is given, and the code, the field at fault and words of its refusal.
REFUSED: list[tuple[dict[str, Any], str, str, str]] = [
    ({"price": 0.0}, "BAD_INPUT", "price", "above zero"),
    ({"price": -1.0}, "BAD_INPUT", "price", "above zero"),
    ({"marketCap": -1.0}, "BAD_INPUT", "marketCap", "zero or more"),
    ({"volume24h": -0.5}, "BAD_INPUT", "volume24h", "zero or more"),
    ({"time": "2026-11-20T18:20:00Z"}, "BAD_INPUT", "time", "2026-11-20T18:00:00Z is the one that holds it"),
    ({"time": "now"}, "BAD_INPUT", "time", "2026-11-20T19:00:00Z is the one that holds it"),
    (
        {"granularity": "DAILY", "time": "2026-11-19T18:00:00Z"},
        "BAD_INPUT",
        "time",
        "2026-11-19T00:00:00Z is the one that holds it",
    ),
    ({"time": "2026-11-20T20:00:00Z"}, "BAD_INPUT", "time", "between 2009-01-03 and now"),
    ({"time": "0001-01-01T00:00:00Z"}, "BAD_INPUT", "time", "between 2009-01-03 and now"),
    ({"coin": "coin-2"}, "NOT_FOUND", "coin", "no coin has the slug"),
    ({"currency": "none"}, "NOT_FOUND", "currency", "none"),
    ({"currency": "jpy"}, "NOT_FOUND", "currency", "no prices of coin-1 are stored in jpy"),
    ({"note": "x" * 201}, "BAD_INPUT", "note", "200 characters"),
    ({"note": "\0"}, "BAD_INPUT", "note", "NUL"),
]


async def test_what_cannot_be_stored_is_refused_with_the_field_at_fault(priced: Database, api: Api) -> None:
    for given, code, field, words in REFUSED:
        payload = await set_price(api, **given)
        (error,) = payload["errors"]
        assert (error["code"], error["field"]) == (code, ["input", field]), given
        assert words in error["message"], given
        assert (payload["point"], payload["revision"]) == (None, None)
    assert await execute(priced, "select price, revision from price_hourly") == [(101.0, 0)]


@pytest.mark.parametrize("price", ["1e999", "-1e999"])
async def test_an_infinite_price_is_refused(priced: Database, api: Api, price: str) -> None:
    given = f'coin: "coin-1", currency: "usd", granularity: HOURLY, time: "now/h", price: {price}'
    answer = (await api.post(f"mutation {{ setManualPrice(input: {{ {given} }}) {{ errors {{ code }} }} }}")).json()
    assert "BAD_INPUT" in str(answer)
    assert await execute(priced, "select count(*) from price_hourly") == [(1,)]


async def test_nothing_is_taken_back_where_nothing_was_set(priced: Database, api: Api) -> None:
    (error,) = (await remove_price(api))["errors"]
    assert (error["code"], error["field"]) == ("NOT_FOUND", ["input", "time"])
    assert await execute(priced, "select price, revision from price_hourly") == [(101.0, 0)]


async def test_only_a_token_with_the_scope_import_may_set_prices_and_its_name_is_kept(
    priced: Database, api: Api
) -> None:
    async with priced.connection() as connection:
        tokens = {scope: await create_token(connection, scope.value.lower(), [scope], NOW) for scope in Scope}
    answers = {
        scope: (await api.post(SET, {"input": PLACE | {"price": 1.0}}, {"authorization": f"Bearer {token}"})).json()
        for scope, token in tokens.items()
    }
    codes = {scope: answer["data"]["setManualPrice"]["errors"] for scope, answer in answers.items()}
    assert codes.pop(Scope.IMPORT) == []
    assert {error["code"] for errors in codes.values() for error in errors} == {"FORBIDDEN"}
    assert await execute(priced, "select changed_by from manual_changes") == [("token:import",)]

    nobody = await api.client.post(
        "/graphql", json={"query": SET, "variables": {"input": PLACE | {"price": 1.0}}}, headers={"authorization": ""}
    )
    assert "UNAUTHENTICATED" in nobody.text


async def test_the_status_tells_a_script_how_it_went(priced: Database, api: Api) -> None:
    async def status(**given: Any) -> int:
        body = {"input": PLACE | {"price": 1.0} | given}
        return (await api.post(SET, body, {"pricegraph-status": "outcome"})).status_code

    assert await status() == 200
    assert await status(price=0) == 400
    assert await status(coin="coin-9") == 404
