"""Current prices, listings and coin pages, with the provider's silences and limits."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from simulator.app import create_simulator
from simulator.settings import SimulatorSettings

NOW = 1_795_003_215.25
API = "/coingecko/api/v3"
DEFAULT_COINS = {
    "bitcoin": ("btc", "Bitcoin"),
    "ethereum": ("eth", "Ethereum"),
    "tether": ("usdt", "Tether"),
    "ripple": ("xrp", "XRP"),
    "binancecoin": ("bnb", "BNB"),
    "solana": ("sol", "Solana"),
    "usd-coin": ("usdc", "USDC"),
    "dogecoin": ("doge", "Dogecoin"),
    "cardano": ("ada", "Cardano"),
    "tron": ("trx", "TRON"),
    "shiba-inu": ("shib", "Shiba Inu"),
}
MARKET_FIELDS = [
    "id", "symbol", "name", "image", "current_price", "market_cap", "market_cap_rank", "fully_diluted_valuation",
    "total_volume", "high_24h", "low_24h", "price_change_24h", "price_change_percentage_24h",
    "market_cap_change_24h", "market_cap_change_percentage_24h", "circulating_supply", "total_supply", "max_supply",
    "ath", "ath_change_percentage", "ath_date", "atl", "atl_change_percentage", "atl_date", "roi", "last_updated",
    "market_cap_rank_with_rehypothecated",
]  # fmt: skip


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = create_simulator(SimulatorSettings(), lambda: NOW)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://simulator{API}") as client:
        yield client


async def read(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_price_of_unknown_coins_and_currencies_is_left_out(client: httpx.AsyncClient) -> None:
    prices = await read(client, "/simple/price", ids="bitcoin,nothing,shiba-inu", vs_currencies="usd,usdt")
    assert {coin: list(quote) for coin, quote in prices.items()} == {"bitcoin": ["usd"], "shiba-inu": ["usd"]}
    assert await read(client, "/simple/price", ids="nothing", vs_currencies="usd") == {}


async def test_each_flag_adds_its_figure(client: httpx.AsyncClient) -> None:
    flags = ("include_market_cap", "include_24hr_vol", "include_24hr_change", "include_last_updated_at")
    query = dict.fromkeys(flags, "true")
    prices = await read(client, "/simple/price", ids="ethereum", vs_currencies="usd,eur", **query)
    figures = ["", "_market_cap", "_24h_vol", "_24h_change"]
    expected = [f"{code}{figure}" for code in ("usd", "eur") for figure in figures]
    assert list(prices["ethereum"]) == [*expected, "last_updated_at"]
    assert prices["ethereum"]["last_updated_at"] == int(NOW)


async def test_prices_are_shortened_unless_asked_for_in_full(client: httpx.AsyncClient) -> None:
    query = {"ids": "bitcoin", "vs_currencies": "usd"}
    short = (await read(client, "/simple/price", **query))["bitcoin"]["usd"]
    full = (await read(client, "/simple/price", precision="full", **query))["bitcoin"]["usd"]
    three = (await read(client, "/simple/price", precision=3, **query))["bitcoin"]["usd"]
    assert isinstance(short, int)
    assert (round(full), round(full, 3)) == (short, three)
    assert full != three


async def test_a_symbol_means_its_largest_coin_unless_all_are_asked_for(client: httpx.AsyncClient) -> None:
    query = {"symbols": "usdc", "vs_currencies": "usd"}
    assert list(await read(client, "/simple/price", **query)) == ["usd-coin"]
    assert len(await read(client, "/simple/price", include_tokens="all", **query)) > 3


async def test_the_list_holds_the_well_known_coins_and_a_long_tail(client: httpx.AsyncClient) -> None:
    coins = await read(client, "/coins/list")
    by_id = {coin["id"]: (coin["symbol"], coin["name"]) for coin in coins}
    assert DEFAULT_COINS.items() <= by_id.items()
    assert 16_500 < len(by_id) == len(coins) < 18_000
    assert all(list(coin) == ["id", "symbol", "name"] for coin in coins)


async def test_delisted_coins_are_in_the_paid_list_only(client: httpx.AsyncClient) -> None:
    headers = {"x-cg-pro-api-key": "CG-pro"}
    url = "http://simulator/coingecko-pro/api/v3/coins/list?status=inactive"
    gone = (await client.get(url, headers=headers)).json()
    active = {coin["id"] for coin in await read(client, "/coins/list")}
    assert gone
    assert not active & {coin["id"] for coin in gone}
    assert (await client.get(f"/coins/{gone[0]['id']}")).status_code == 404


async def test_a_page_of_markets_has_100_rows_unless_told_also_with_ids(client: httpx.AsyncClient) -> None:
    ids = [coin["id"] for coin in (await read(client, "/coins/list"))[:130]]
    assert len(await read(client, "/coins/markets", vs_currency="usd")) == 100
    assert len(await read(client, "/coins/markets", vs_currency="usd", ids=",".join(ids))) == 100
    assert len(await read(client, "/coins/markets", vs_currency="usd", ids=",".join(ids), per_page=250)) == 130
    assert len(await read(client, "/coins/markets", vs_currency="usd", per_page=999)) == 250


async def test_pages_follow_each_other_and_end_with_an_empty_one(client: httpx.AsyncClient) -> None:
    first = await read(client, "/coins/markets", vs_currency="usd", per_page=5)
    second = await read(client, "/coins/markets", vs_currency="usd", per_page=5, page=2)
    assert [row["market_cap_rank"] for row in first + second] == list(range(1, 11))
    caps = [row["market_cap"] for row in first + second]
    assert caps == sorted(caps, reverse=True)
    assert await read(client, "/coins/markets", vs_currency="usd", per_page=250, page=99) == []


async def test_the_tail_of_the_markets_has_nulls(client: httpx.AsyncClient) -> None:
    (last,) = await read(client, "/coins/markets", vs_currency="usd", per_page=1, page=16_000)
    assert list(last) == MARKET_FIELDS
    assert last["market_cap_rank"] is last["market_cap"] is last["circulating_supply"] is last["ath"] is None


@pytest.mark.parametrize(("order", "reverse"), [("id_asc", False), ("id_desc", True)])
async def test_markets_can_be_ordered(client: httpx.AsyncClient, order: str, reverse: bool) -> None:
    rows = await read(client, "/coins/markets", vs_currency="eur", order=order, per_page=20)
    ids = [row["id"] for row in rows]
    assert ids == sorted(ids, reverse=reverse)


async def test_a_market_row_has_the_fields_of_the_real_one(client: httpx.AsyncClient) -> None:
    asked = {"sparkline": "true", "price_change_percentage": "1h,7d"}
    (row,) = await read(client, "/coins/markets", vs_currency="usd", ids="bitcoin", **asked)
    extra = ["price_change_percentage_1h_in_currency", "price_change_percentage_7d_in_currency"]
    assert list(row) == [*MARKET_FIELDS, "sparkline_in_7d", *extra]
    assert row["atl"] < row["low_24h"] <= row["current_price"] <= row["high_24h"] < row["ath"]
    assert {type(row["current_price"]), type(row["circulating_supply"])} == {int, float}
    assert len(row["sparkline_in_7d"]["price"]) == 168


async def test_a_coins_page_has_figures_in_every_currency(client: httpx.AsyncClient) -> None:
    codes = await read(client, "/simple/supported_vs_currencies")
    page = await read(client, "/coins/bitcoin", localization="false", tickers="false")
    assert len(codes) == 63
    assert list(page["market_data"]["current_price"]) == codes
    assert page["market_data"]["current_price"]["btc"] == 1
    assert page["genesis_date"] == "2009-01-03"
    assert page["links"]["homepage"][0] == "http://www.bitcoin.org"
    assert page["image"].keys() == {"thumb", "small", "large"}
    assert "\r\n" in page["description"]["en"]
    assert "tickers" not in page


async def test_exchange_rates_are_per_bitcoin(client: httpx.AsyncClient) -> None:
    rates = (await read(client, "/exchange_rates"))["rates"]
    assert rates["btc"] == {"name": "Bitcoin", "unit": "BTC", "value": 1.0, "type": "crypto"}
    assert rates["sats"]["value"] == pytest.approx(1e8)
    price = await read(client, "/simple/price", ids="bitcoin", vs_currencies="eur", precision=3)
    assert rates["eur"]["value"] == price["bitcoin"]["eur"]
    assert rates["xau"]["type"] == "commodity"


async def test_ping_answers(client: httpx.AsyncClient) -> None:
    assert await read(client, "/ping") == {"gecko_says": "(V3) To the Moon!"}
