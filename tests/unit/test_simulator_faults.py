"""Armed faults: what they do to an answer, how often, and that the truth stays the truth."""

import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from simulator.app import create_simulator
from simulator.settings import SimulatorSettings

NOW = 1_795_003_215
NOON = NOW - 15
DAY_S = 86_400
API = "/coingecko/api/v3"
CHART = f"{API}/coins/bitcoin/market_chart?vs_currency=usd&days=10"
ROWS = 241  # ten days of hours and the pair of now
DAMAGED = 25  # every tenth of them


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = create_simulator(SimulatorSettings(public_per_minute=1000), lambda: NOW)
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


@pytest.mark.parametrize("kind", ["null", "negative", "missing", "string-number", "renamed", "empty", "gap"])
@pytest.mark.parametrize("path", ["/coins/bitcoin", "/ping", "/exchange_rates", "/coins/list"])
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
    (listed,) = (await client.get("/_control/faults")).json()
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


async def test_no_fault_touches_the_control_routes_or_the_truth(client: httpx.AsyncClient) -> None:
    query = f"coin=bitcoin&currency=usd&granularity=HOURLY&from={NOON - DAY_S}&to={NOON}"
    truth = (await client.get(f"/_control/truth?{query}")).json()
    for kind in ("null", "500", "timeout"):
        await arm(client, kind)
    assert (await client.get(f"/_control/truth?{query}")).json() == truth
    assert len(truth) == 24
    assert (await client.delete("/_control/faults")).json() == []
    assert (await client.get(f"{API}/ping")).status_code == 200
