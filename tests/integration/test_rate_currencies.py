"""Currencies that are stored for one coin alone: N coins in M currencies cost N + M series instead of N x M."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from db.coins import list_tracked
from db.currencies import list_currencies, list_known_currencies, series_of, track_currencies, track_rates
from db.reference import CURRENCIES, PROVIDER_IDS
from db.series import HOUR, floor
from tests.api import ONE, Api, open_api, refresh
from tests.world import World

pytestmark = pytest.mark.slow

COINGECKO = PROVIDER_IDS["COINGECKO"]
COINS = ["bitcoin", "solana", "cardano"]


async def rates(world: World, codes: list[str], coin: str = "bitcoin") -> list[str]:
    async with world.database.connection() as connection:
        return await track_rates(connection, codes, COINGECKO, coin)


async def series(world: World) -> list[str]:
    """Those that are stored, by name."""
    async with world.database.connection() as connection:
        coins, currencies = await list_tracked(connection), await list_currencies(connection)
    slugs, codes = {coin.id: coin.slug for coin in coins}, {currency.id: currency.code for currency in currencies}
    return [f"{slugs[one.coin_id]}/{codes[one.currency_id]}" for one in series_of(coins, currencies)]


@pytest.fixture
async def rated(world: World) -> World:
    """Three coins in dollars; euros and pounds for bitcoin alone."""
    await world.know(COINS, ["usd"])
    assert await rates(world, ["eur", "gbp"]) == []
    await world.simulator.forget()
    return world


@pytest.fixture
async def rated_api(rated: World) -> AsyncIterator[Api]:
    async with open_api(rated.database, rated.clock.now) as api:
        yield api


async def test_every_coin_is_stored_in_the_tracked_currencies_and_the_rate_coin_in_the_others_too(rated: World) -> None:
    assert sorted(await series(rated)) == ["bitcoin/eur", "bitcoin/gbp", "bitcoin/usd", "cardano/usd", "solana/usd"]


async def test_refresh_and_spot_pass_ask_for_these_series_only(rated: World) -> None:
    run = await rated.refresh(history_days=2)
    assert (run.status, run.tasks_total) == ("SUCCEEDED", 5)

    rated.clock.advance(floor(rated.clock.now(), HOUR) + HOUR + timedelta(minutes=1) - rated.clock.now())
    result = await rated.spot.run()

    assert (result.latest, result.points, result.rejected) == (5, 5, 0)
    for table in ("price_hourly", "price_daily", "price_latest"):
        assert await rated.scalar(f"select count(distinct (coin_id, currency_id)) from {table}") == 5


async def test_a_currency_changes_sides_as_the_configuration_says(rated: World) -> None:
    async with rated.database.connection() as connection:
        await track_currencies(connection, ["eur"])
    assert [one for one in await series(rated) if "eur" in one] == [f"{coin}/eur" for coin in COINS]
    await rates(rated, ["eur"], "solana")
    assert [one for one in await series(rated) if "eur" in one] == ["solana/eur"]


async def test_codes_and_coins_that_nobody_knows_are_named_and_change_nothing(rated: World) -> None:
    before = await series(rated)
    assert await rates(rated, ["jpy", "xyz"]) == ["xyz"]
    assert await rates(rated, ["chf"], "no-such-coin") == ["chf"]
    assert sorted(await series(rated)) == sorted([*before, "bitcoin/jpy"])


async def test_all_known_currencies_say_how_they_are_stored(rated: World) -> None:
    async with rated.database.connection() as connection:
        known = {row.code: row for row in await list_known_currencies(connection)}
        bitcoin = next(coin for coin in await list_tracked(connection) if coin.slug == "bitcoin")
    assert known.keys() == {code for code, *_ in CURRENCIES}
    assert (known["usd"].tracked, known["usd"].rate_coin_id) == (True, None)
    assert (known["eur"].tracked, known["eur"].rate_coin_id) == (False, bitcoin.id)
    assert (known["jpy"].tracked, known["jpy"].rate_coin_id) == (False, None)


async def test_a_refresh_in_a_rate_currency_leaves_out_the_coins_it_is_converted_for(
    rated: World, rated_api: Api
) -> None:
    payload = await refresh(rated_api, **ONE | {"coins": COINS, "currencies": ["eur", "usd"]})
    assert payload["outcome"] == "STARTED"
    assert payload["run"]["tasksTotal"] == 4


async def test_a_refresh_of_which_nothing_is_stored_is_refused(rated: World, rated_api: Api) -> None:
    for currencies, message in (
        (["eur"], "no prices of these coins are stored in eur: they are converted; refresh another currency"),
        (["jpy"], "no prices are stored in jpy; the currencies are: usd, eur, gbp"),
        (["xyz"], None),
    ):
        payload = await refresh(rated_api, **ONE | {"coins": ["solana"], "currencies": currencies})
        assert (payload["outcome"], payload["run"]) == ("REJECTED", None)
        (error,) = payload["errors"]
        assert (error["code"], error["field"]) == ("NOT_FOUND", ["input", "currencies"])
        assert message in (None, error["message"])
    assert await rated.scalar("select count(*) from refresh_runs") == 0
