"""Armed faults: what they do to an answer, how often, and that the truth stays the truth."""

import gzip
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from simulator.app import create_simulator
from simulator.damage import DAMAGES
from simulator.settings import SimulatorSettings

NOW = 1_795_003_215
NOON = NOW - 15
DAY_S = 86_400
API = "/coingecko/api/v3"
CHART = f"{API}/coins/bitcoin/market_chart?vs_currency=usd&days=10"
ROWS = 241  # ten days of hours and the pair of now
DAMAGED = 25  # every tenth of them
WITHOUT_PRICES = ["/coins/bitcoin", "/ping", "/exchange_rates", "/coins/list", "/simple/supported_vs_currencies"]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    plenty = SimulatorSettings(public_per_minute=1000, coinbase_burst=1000, coinpaprika_per_second=1000)
    app = create_simulator(plenty, lambda: NOW)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator") as client:
        yield client


async def arm(client: httpx.AsyncClient, kind: str, **fields: Any) -> None:
    fault = {"provider": "coingecko", "kind": kind, **fields}
    answer = await client.post("/_control/faults", json=fault)
    assert answer.status_code == 200, answer.text


async def chart(client: httpx.AsyncClient) -> dict[str, list[list[Any]]]:
    answer = await client.get(CHART)
    assert answer.status_code == 200
    body: dict[str, list[list[Any]]] = answer.json()
    return body


async def prices(client: httpx.AsyncClient) -> list[list[Any]]:
    return (await chart(client))["prices"]


@pytest.mark.parametrize(
    ("kind", "is_damaged"),
    [
        ("null", lambda row: row[1] is None),
        ("nan", lambda row: row[1] != row[1]),
        ("zero", lambda row: row[1] == 0),
        ("negative", lambda row: row[1] < 0),
        ("string-number", lambda row: isinstance(row[1], str) and row[1].endswith(" USD")),
        ("missing", lambda row: len(row) == 1),
    ],
)
async def test_every_tenth_price_is_damaged_and_no_other(client: httpx.AsyncClient, kind: str, is_damaged: Any) -> None:
    whole = await prices(client)
    await arm(client, kind)

    rows = await prices(client)

    assert [index for index, row in enumerate(rows) if is_damaged(row)] == list(range(0, ROWS, 10))
    assert [row for index, row in enumerate(rows) if index % 10] == [
        row for index, row in enumerate(whole) if index % 10
    ]
    assert (await client.get("/_control/log")).json()[-1]["damaged"] == DAMAGED


async def test_nan_is_sent_as_the_bare_word(client: httpx.AsyncClient) -> None:
    await arm(client, "nan")
    assert ",NaN]" in (await client.get(CHART)).text


async def test_a_gap_drops_the_same_rows_of_all_three_arrays_every_time(client: httpx.AsyncClient) -> None:
    await arm(client, "gap", arg=0.3)
    first, second = await chart(client), await chart(client)
    assert first == second
    stamps = [[stamp for stamp, _ in rows] for rows in first.values()]
    assert stamps[0] == stamps[1] == stamps[2]
    assert 0.5 * ROWS < len(stamps[0]) < 0.9 * ROWS


async def test_some_market_caps_are_null(client: httpx.AsyncClient) -> None:
    await arm(client, "null-caps", arg=0.2)
    caps = [cap for _, cap in (await chart(client))["market_caps"]]
    assert 20 < caps.count(None) < 80


async def test_an_empty_answer_keeps_its_shape(client: httpx.AsyncClient) -> None:
    await arm(client, "empty")
    assert await chart(client) == {"prices": [], "market_caps": [], "total_volumes": []}
    assert (await client.get(f"{API}/simple/price?ids=bitcoin&vs_currencies=usd")).json() == {}
    assert (await client.get(f"{API}/coins/markets?vs_currency=usd")).json() == []


async def test_half_a_page_is_its_first_half(client: httpx.AsyncClient) -> None:
    whole = await prices(client)
    await arm(client, "partial-page")
    assert await prices(client) == whole[: ROWS // 2]


async def test_rows_come_twice(client: httpx.AsyncClient) -> None:
    whole = await prices(client)
    await arm(client, "dup")
    rows = await prices(client)
    assert len(rows) == ROWS + DAMAGED
    assert dict(rows) == dict(whole)


async def test_rows_come_in_another_order_the_same_in_all_arrays(client: httpx.AsyncClient) -> None:
    whole = await prices(client)
    await arm(client, "reorder")
    shuffled = await chart(client)
    assert shuffled["prices"] != whole
    assert sorted(shuffled["prices"]) == whole
    assert [row[0] for row in shuffled["prices"]] == [row[0] for row in shuffled["total_volumes"]]


async def test_a_sample_lies_in_the_future(client: httpx.AsyncClient) -> None:
    await arm(client, "future", arg=7200)
    assert (await prices(client))[-1][0] == (NOW + 7200) * 1000


async def test_the_hour_after_the_clocks_went_back_is_stamped_as_the_one_before(client: httpx.AsyncClient) -> None:
    whole = await prices(client)
    change = NOON - 3 * DAY_S
    await arm(client, "dst", arg=change)

    rows = await prices(client)

    moved = [(before, after) for before, after in zip(whole, rows, strict=True) if before != after]
    assert [(before[0] - after[0], before[1] == after[1]) for before, after in moved] == [(3_600_000, True)]
    assert moved[0][0][0] // 3_600_000 * 3600 == change
    assert (await client.get("/_control/log")).json()[-1]["damaged"] == 1


async def test_the_clocks_last_went_back_at_one_in_utc_of_the_last_sunday_in_october(client: httpx.AsyncClient) -> None:
    await arm(client, "dst")
    answer = await client.get(f"{API}/coins/bitcoin/market_chart?vs_currency=usd&days=40")
    hours = [stamp // 3_600_000 * 3600 for stamp, _ in answer.json()["prices"]]
    twice = [hour for hour in set(hours) if hours.count(hour) > 1]
    assert [datetime.fromtimestamp(hour, UTC).isoformat() for hour in twice] == ["2026-10-25T00:00:00+00:00"]


async def test_market_caps_can_be_fewer_than_prices(client: httpx.AsyncClient) -> None:
    await arm(client, "short-array", arg=3)
    body = await chart(client)
    assert (len(body["prices"]), len(body["market_caps"])) == (ROWS, ROWS - 3)


async def test_a_field_is_renamed_in_every_kind_of_answer(client: httpx.AsyncClient) -> None:
    await arm(client, "renamed")
    assert list(await chart(client)) == ["market_caps", "total_volumes", "price"]
    quote = (await client.get(f"{API}/simple/price?ids=bitcoin&vs_currencies=usd")).json()
    assert list(quote["bitcoin"]) == ["usd_price"]
    rows = (await client.get(f"{API}/coins/markets?vs_currency=usd")).json()
    assert not any("current_price" in row for row in rows)


@pytest.mark.parametrize("kind", sorted(DAMAGES))
@pytest.mark.parametrize("path", WITHOUT_PRICES)
async def test_answers_without_prices_survive_every_damage(client: httpx.AsyncClient, kind: str, path: str) -> None:
    await arm(client, kind)
    assert (await client.get(f"{API}{path}")).status_code == 200


async def test_a_truncated_answer_has_the_length_it_promises(client: httpx.AsyncClient) -> None:
    whole = await client.get(CHART)
    await arm(client, "truncated")
    half = await client.get(CHART)
    assert half.content == whole.content[: len(whole.content) // 2]
    assert half.headers["content-length"] == str(len(half.content))


async def test_broken_gzip_cannot_be_read(client: httpx.AsyncClient) -> None:
    await arm(client, "gzip-bad")
    with pytest.raises(httpx.DecodingError):
        await client.get(CHART)
    async with client.stream("GET", CHART) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert raw.startswith(gzip.compress(b"")[:3])


@pytest.mark.parametrize("kind", ["slow", "timeout", "drip"])
async def test_a_late_answer_is_the_right_one(client: httpx.AsyncClient, kind: str) -> None:
    whole = await client.get(CHART)
    await arm(client, kind, arg=0.01)
    late = await client.get(CHART)
    assert late.content == whole.content


async def test_a_huge_answer_is_valid_json_of_that_size(client: httpx.AsyncClient) -> None:
    await arm(client, "huge", arg=2)
    answer = await client.get(CHART)
    assert 2 * 1024**2 < len(answer.content) < 2.2 * 1024**2
    assert "content-length" not in answer.headers
    assert answer.json().keys() == {"prices", "market_caps", "total_volumes"}


async def test_a_redirect_leads_back_to_itself_without_the_query(client: httpx.AsyncClient) -> None:
    await arm(client, "redirect-loop")
    answer = await client.get(f"{API}/ping?x_cg_demo_api_key=CG-demo")
    assert answer.status_code == 302
    assert answer.headers["location"] == f"{API}/ping"


async def test_a_fault_meets_as_many_answers_as_told(client: httpx.AsyncClient) -> None:
    await arm(client, "500", count=2)
    statuses = [(await client.get(f"{API}/ping")).status_code for _ in range(4)]
    assert statuses == [500, 500, 200, 200]
    (listed,) = (await client.get("/_control/faults")).json()["armed"]
    assert (listed["kind"], listed["count"], listed["fired"]) == ("500", 0, 2)


async def test_several_armed_faults_take_turns_and_a_cleared_run_repeats(client: httpx.AsyncClient) -> None:
    async def run() -> list[int]:
        await client.delete("/_control/faults")
        await arm(client, "500", probability=0.3)
        await arm(client, "429", probability=0.3)
        return [(await client.get(f"{API}/ping")).status_code for _ in range(60)]

    first = await run()

    assert {status: first.count(status) > 5 for status in set(first)} == {200: True, 429: True, 500: True}
    assert await run() == first


async def test_a_silent_correction_changes_the_past_for_the_answers_and_for_the_truth(
    client: httpx.AsyncClient,
) -> None:
    truth_url = f"/_control/truth?coin=bitcoin&currency=usd&granularity=HOURLY&from={NOON - 9 * DAY_S}&to={NOON}"
    old, before = (await client.get(truth_url)).json(), await chart(client)

    await arm(client, "correction", probability=0.25)

    new, after = (await client.get(truth_url)).json(), await chart(client)
    corrected = [row[0] for row, other in zip(old, new, strict=True) if row[1] != other[1]]
    assert 30 < len(corrected) < 80
    assert all(row[1] < other[1] <= row[1] * 1.01 for row, other in zip(old, new, strict=True) if row[1] != other[1])
    assert [stamp for stamp, _ in after["prices"]] == [stamp for stamp, _ in before["prices"]]
    assert after["prices"][-1] == before["prices"][-1]
    assert after["total_volumes"] == before["total_volumes"]
    found = {stamp // 3_600_000 * 3600: price for stamp, price in after["prices"]}
    assert all(found[hour] == price for hour, price, _, _ in new)
    assert (await client.get("/_control/log")).json()[-1]["fault"] is None


async def test_a_correction_outlasts_the_faults_and_a_second_one_is_another(client: httpx.AsyncClient) -> None:
    seen = [await prices(client)]
    for _ in range(2):
        await arm(client, "correction", probability=0.3)
        await client.delete("/_control/faults")
        seen.append(await prices(client))
    assert seen[0] != seen[1] != seen[2] != seen[0]


async def test_no_fault_touches_the_control_routes_or_the_truth(client: httpx.AsyncClient) -> None:
    query = f"coin=bitcoin&currency=usd&granularity=HOURLY&from={NOON - DAY_S}&to={NOON}"
    truth = (await client.get(f"/_control/truth?{query}")).json()
    for kind in ("null", "500", "timeout"):
        await arm(client, kind)
    assert (await client.get(f"/_control/truth?{query}")).json() == truth
    assert len(truth) == 24
    assert (await client.delete("/_control/faults")).json()["armed"] == []
    assert (await client.get(f"{API}/ping")).status_code == 200


COINBASE = "/coinbase-exchange/products/BTC-USD/candles?granularity=3600"
PAPRIKA = "/coinpaprika/v1/tickers/btc-bitcoin/historical?interval=1d&start=2026-01-01"
OTHERS = [("coinbase-exchange", COINBASE, 3, 350), ("coinpaprika", PAPRIKA, "price", 322)]


@pytest.mark.parametrize(("provider", "path", "price", "count"), OTHERS)
async def test_the_other_providers_rows_are_damaged_in_the_same_way(
    client: httpx.AsyncClient, provider: str, path: str, price: Any, count: int
) -> None:
    async def rows(kind: str, **fields: Any) -> list[Any]:
        await client.delete("/_control/faults")
        await client.post("/_control/faults", json={"provider": provider, "kind": kind, **fields})
        found: list[Any] = (await client.get(path)).json()
        return found

    whole: list[Any] = (await client.get(path)).json()
    assert len(whole) == count
    assert [row[price] for row in await rows("null")].count(None) == -(-count // 10)
    assert sum(row[price] <= 0 for row in await rows("negative")) == -(-count // 10)
    assert sum(len(row) < len(whole[0]) for row in await rows("missing")) == -(-count // 10)
    assert len(await rows("dup")) == count + -(-count // 10)
    assert len(await rows("partial-page")) == count // 2
    assert 0 < len(await rows("gap")) < count
    assert await rows("empty") == []
    assert len(await rows("future")) == count + 1
    assert all(isinstance(row, dict) and price not in row for row in await rows("renamed"))
    assert sorted(map(str, await rows("reorder"))) == sorted(map(str, whole))
    assert await rows("correction", probability=0.9) != whole
    assert (await client.get("/_control/log")).json()[-1]["provider"] == provider


async def test_a_newest_candle_of_the_future_comes_first(client: httpx.AsyncClient) -> None:
    await client.post("/_control/faults", json={"provider": "coinbase-exchange", "kind": "future", "arg": 7200})
    assert (await client.get(COINBASE)).json()[0][0] == NOW + 7200


async def test_a_fault_meets_its_own_provider_only(client: httpx.AsyncClient) -> None:
    await client.post("/_control/faults", json={"provider": "coinpaprika", "kind": "503"})
    statuses = [(await client.get(path)).status_code for path in (PAPRIKA, COINBASE, CHART)]
    assert statuses == [503, 200, 200]


@pytest.mark.parametrize(
    ("provider", "path", "kind", "status", "body"),
    [
        ("coinbase-exchange", COINBASE, "429", 429, '{"message":"Public rate limit exceeded"}'),
        ("coinbase-exchange", COINBASE, "404", 404, '{"message":"NotFound"}'),
        ("coinpaprika", PAPRIKA, "429", 429, '{"error":"too many requests"}'),
        ("coinpaprika", PAPRIKA, "404", 404, '{"error":"id not found"}'),
    ],
)
async def test_an_armed_error_is_in_its_providers_words(
    client: httpx.AsyncClient, provider: str, path: str, kind: str, status: int, body: str
) -> None:
    await client.post("/_control/faults", json={"provider": provider, "kind": kind})
    answer = await client.get(path)
    assert (answer.status_code, answer.text) == (status, body)
    assert answer.headers.get("retry-after") == ("7" if status == 429 else None)


async def test_one_providers_correction_is_not_anothers(client: httpx.AsyncClient) -> None:
    whole, others = await prices(client), [(await client.get(path)).text for path in (PAPRIKA, COINBASE)]
    await arm(client, "correction", probability=0.5)
    assert await prices(client) != whole
    assert [(await client.get(path)).text for path in (PAPRIKA, COINBASE)] == others
