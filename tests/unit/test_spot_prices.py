"""What counts as a price in CoinGecko's `/simple/price`, and how many coins fit in one address."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.buckets import Sample
from ingest.providers.coingecko import CoinGecko
from ingest.providers.coingecko_spot import MAX_IDS_LENGTH, group_ids, read_spot
from tests.world import NOW

STAMP = int(NOW.timestamp()) - 30
AT = datetime.fromtimestamp(STAMP, UTC)


@given(st.lists(st.text(min_size=1, max_size=100), max_size=300))
def test_groups_hold_every_coin_once_in_order_and_as_many_as_fit(coins: list[str]) -> None:
    groups = list(group_ids(coins))

    assert [coin for group in groups for coin in group] == coins
    lengths = [sum(len(str(httpx.QueryParams({"": f"{coin},"}))) - 1 for coin in group) for group in groups]
    assert all(length <= MAX_IDS_LENGTH or len(group) == 1 for group, length in zip(groups, lengths, strict=True))
    for (group, length), following in zip(zip(groups, lengths, strict=True), groups[1:], strict=False):
        assert length + len(str(httpx.QueryParams({"": f"{following[0]},"}))) - 1 > MAX_IDS_LENGTH, group


async def test_an_address_stays_below_6000_characters() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={})

    base = "https://pro-api.coingecko.com/api/v3"
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url=base) as client:
        for group in group_ids([f"a-coin-with-a-long-name-{number}" for number in range(400)]):
            await CoinGecko(client, None).fetch_spot(group, ["usd", "eur", "gbp", "btc"], NOW)
    assert len(asked) == 3
    assert max(map(len, asked)) < 6_000


def test_a_price_comes_with_cap_and_volume_under_the_stamp_of_the_coin() -> None:
    quotes = {"usd": 7, "usd_market_cap": 0, "usd_24h_vol": 1.5, "eur": 6.5, "last_updated_at": STAMP}
    spot = read_spot({"bitcoin": quotes}, ["bitcoin"], ["usd", "eur"], NOW)
    assert spot.samples == {
        ("bitcoin", "usd"): Sample(AT, 7.0, 0.0, 1.5),
        ("bitcoin", "eur"): Sample(AT, 6.5, None, None),
    }
    assert spot.rejected == 0


@pytest.mark.parametrize(
    "quotes",
    [
        {},
        {"usd": None, "last_updated_at": STAMP},
        {"usd": 0, "last_updated_at": STAMP},
        {"usd": -1.0, "last_updated_at": STAMP},
        {"usd": float("nan"), "last_updated_at": STAMP},
        {"usd": "7", "last_updated_at": STAMP},
        {"usd": 1e41, "last_updated_at": STAMP},
        {"usd": 1e-41, "last_updated_at": STAMP},
        {"usd": True, "last_updated_at": STAMP},
        {"usd": 7.0},
        {"usd": 7.0, "last_updated_at": None},
        {"usd": 7.0, "last_updated_at": -5},
        {"usd": 7.0, "last_updated_at": int((NOW + timedelta(minutes=6)).timestamp())},
        {"usd": 7.0, "last_updated_at": 1e300},
    ],
)
def test_a_price_that_fails_a_check_is_counted_and_left_out(quotes: dict[str, Any]) -> None:
    spot = read_spot(
        {"bitcoin": quotes, "solana": {"usd": 2.0, "last_updated_at": STAMP}}, ["bitcoin", "solana"], ["usd"], NOW
    )
    assert list(spot.samples) == [("solana", "usd")]
    assert spot.rejected == 1


@pytest.mark.parametrize("value", [None, -1, float("inf"), "1", 1e41])
def test_a_cap_or_volume_that_fails_a_check_is_unknown(value: Any) -> None:
    quotes = {"usd": 7.0, "usd_market_cap": value, "usd_24h_vol": value, "last_updated_at": STAMP}
    spot = read_spot({"bitcoin": quotes}, ["bitcoin"], ["usd"], NOW)
    assert spot.samples == {("bitcoin", "usd"): Sample(AT, 7.0, None, None)}
