"""Esplora's client: the confirmed history of an address, and what each transaction changed there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.accounts.esplora import BitcoinBalance, BitcoinTransaction, Esplora
from ingest.accounts.pages import Page, every_page
from ingest.errors import FatalProviderError, Kind, ProviderError, RetryableProviderError

Said = Callable[[httpx.Request], httpx.Response]
NOW = datetime(2026, 11, 20, 19, 37, 12, tzinfo=UTC)
OURS, THEIRS = "3DPC3AqsW6eRS8J3bfwL3iS7zBSPyBYYEz", "3PhEFGZSE4JhMa8JPoX5rf9gUZnsDwCcJt"
BLOCK_TIME = 1_704_315_886


@asynccontextmanager
async def saying(said: Said) -> AsyncIterator[Esplora]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(said), base_url="http://esplora/api") as client:
        yield Esplora(client, lambda: NOW)


def answering(payload: Any, status: int = 200) -> Said:
    """JSON, unless the payload is text, which goes out as it is."""
    if isinstance(payload, str):
        return lambda _: httpx.Response(status, text=payload, headers={"content-type": "text/plain"})
    return lambda _: httpx.Response(status, json=payload)


def transaction(
    vin: list[tuple[str | None, int]], vout: list[tuple[str | None, int]], txid: str = "98316dcb", **status: Any
) -> dict[str, Any]:
    """As Esplora writes it: without the address where a script has none."""
    return {
        "txid": txid,
        "version": 2,
        "vin": [{"txid": "97b4ecfe", "vout": 11, "prevout": _output(*one), "is_coinbase": False} for one in vin],
        "vout": [_output(*one) for one in vout],
        "fee": 40834,
        "status": {"confirmed": True, "block_height": 824205, "block_time": BLOCK_TIME} | status,
    }


def _output(address: str | None, value: int) -> dict[str, Any]:
    if address is None:
        return {"scriptpubkey": "6a", "scriptpubkey_type": "op_return", "value": value}
    return {"scriptpubkey": "a9", "scriptpubkey_address": address, "scriptpubkey_type": "p2sh", "value": value}


async def change(payload: dict[str, Any]) -> int:
    async with saying(answering([payload])) as esplora:
        [row] = (await esplora.history(OURS, None)).rows
    return row.change_sats


async def refusal(said: Said) -> ProviderError:
    async with saying(said) as esplora:
        with pytest.raises(ProviderError) as caught:
            await esplora.history(OURS, None)
    return caught.value


async def test_a_transaction_has_the_time_of_its_block_and_what_it_changed() -> None:
    captured = transaction([(THEIRS, 634_426)], [("bc1p85ra9kv", 546), (OURS, 593_046)])
    async with saying(answering([captured])) as esplora:
        page = await esplora.history(OURS, None)
    assert page == Page(
        [BitcoinTransaction("98316dcb", datetime(2024, 1, 3, 21, 4, 46, tzinfo=UTC), 593_046)], "98316dcb"
    )


async def test_what_is_spent_is_gone_and_the_change_comes_back_the_fee_is_within() -> None:
    assert await change(transaction([(OURS, 100_000), (OURS, 50_000)], [(THEIRS, 60_000), (OURS, 89_000)])) == -61_000


async def test_a_payment_to_oneself_costs_the_fee_alone() -> None:
    assert await change(transaction([(OURS, 100_000)], [(OURS, 99_000)])) == -1_000


async def test_a_reward_comes_out_of_nothing() -> None:
    reward = transaction([], [(OURS, 625_000_000), (None, 0)])
    reward["vin"] = [{"txid": "0" * 64, "vout": 2**32 - 1, "prevout": None, "is_coinbase": True}]
    assert await change(reward) == 625_000_000


@given(
    st.lists(st.tuples(st.sampled_from([OURS, THEIRS, None]), st.integers(0, 10**15)), max_size=6),
    st.lists(st.tuples(st.sampled_from([OURS, THEIRS, None]), st.integers(0, 10**15)), max_size=6),
)
async def test_the_change_is_what_came_less_what_went(
    vin: list[tuple[str | None, int]], vout: list[tuple[str | None, int]]
) -> None:
    came = sum(value for address, value in vout if address == OURS)
    went = sum(value for address, value in vin if address == OURS)
    assert await change(transaction(vin, vout)) == came - went


async def test_what_is_not_in_a_block_does_not_count() -> None:
    pending = transaction([], [(OURS, 1)], txid="pending")
    pending["status"] = {"confirmed": False}
    async with saying(answering([pending, transaction([], [(OURS, 2)])])) as esplora:
        assert [row.txid for row in (await esplora.history(OURS, None)).rows] == ["98316dcb"]


async def test_the_balance_is_what_the_confirmed_transactions_left() -> None:
    stats = {"funded_txo_count": 34, "funded_txo_sum": 140_798_450_548, "spent_txo_count": 1, "tx_count": 35}
    payload = {
        "address": OURS,
        "chain_stats": stats | {"spent_txo_sum": 798_450_548},
        "mempool_stats": stats | {"spent_txo_sum": 1},
    }
    async with saying(answering(payload)) as esplora:
        assert await esplora.balance(OURS) == BitcoinBalance(140_000_000_000, 35)


class Chain:
    """An Esplora with so many transactions, the newest first, which counts what it was asked."""

    def __init__(self, count: int, *, deaf: bool = False) -> None:
        self._rows = [transaction([], [(OURS, 1)], txid=f"tx{number}") for number in range(count)]
        self._deaf = deaf
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        last = request.url.path.partition("/chain/")[2]
        places = [i + 1 for i, row in enumerate(self._rows) if row["txid"] == last and not self._deaf]
        start = places[0] if places else 0
        return httpx.Response(200, json=self._rows[start : start + 25])


async def read_all(chain: Chain, start: str | None = None) -> list[str]:
    async with saying(chain) as esplora:
        pages = every_page(lambda last: esplora.history(OURS, last), lambda row: row.txid, start)
        return [row.txid async for page in pages for row in page.rows]


@pytest.mark.parametrize("count", [0, 1, 25, 26, 60])
async def test_every_page_of_a_history_is_read(count: int) -> None:
    chain = Chain(count)
    assert await read_all(chain) == [f"tx{number}" for number in range(count)]
    assert chain.asked[0] == f"/api/address/{OURS}/txs/chain"


async def test_a_history_goes_on_after_the_last_transaction_that_was_read() -> None:
    assert await read_all(Chain(60), start="tx29") == [f"tx{number}" for number in range(30, 60)]


async def test_a_server_that_always_gives_the_first_page_is_left_with_an_error() -> None:
    """As Esplora does for a txid that it does not know."""
    chain = Chain(60, deaf=True)
    with pytest.raises(FatalProviderError, match="round in circles"):
        await read_all(chain)
    assert len(chain.asked) == 2


NOTICE = {"error": "Too Many Requests", "message": "Blockstream Explorer API NOTICE: Your request rate exceeds the …"}
REFUSALS = [
    (answering("Invalid Bitcoin address", 400), Kind.BAD_REQUEST, None),
    (answering("base58 error", 400), Kind.BAD_REQUEST, None),
    (answering("Too many history entries", 400), Kind.PLAN, None),
    (answering('endpoint does not exist "/foo"', 404), Kind.NOT_FOUND, None),
    (answering(NOTICE, 429), Kind.RATE_LIMITED, 900),
    (answering("", 403), Kind.BLOCKED, 900),
    (answering("", 301), Kind.DRIFT, None),
    (answering("<html>Welcome", 200), Kind.DRIFT, None),
    (answering({"txs": []}, 200), Kind.DRIFT, None),
    (answering("upstream request timeout", 503), Kind.TRANSIENT, None),
    (answering("", 504), Kind.TRANSIENT, None),
]


@pytest.mark.parametrize(("said", "kind", "wait"), REFUSALS)
async def test_refusals_are_told_apart_before_anything_is_read(said: Said, kind: Kind, wait: float | None) -> None:
    error = await refusal(said)
    assert (error.kind, error.retry_after) == (kind, wait)
    assert isinstance(error, RetryableProviderError) == (kind in (Kind.RATE_LIMITED, Kind.TRANSIENT))


async def test_the_words_of_a_refusal_reach_the_reader() -> None:
    assert (await refusal(answering("base58 error", 400))).message == "Esplora refused the request: base58 error"


@pytest.mark.parametrize(
    "broken",
    [
        transaction([], [(OURS, -1)]),
        transaction([], [(OURS, 21_000_000 * 10**8 + 1)]),
        transaction([], [], block_time=None),
        transaction([], [], block_time=0),
        {"txid": "98316dcb"},
    ],
)
async def test_a_transaction_of_another_form_is_drift_and_never_guessed_at(broken: dict[str, Any]) -> None:
    error = await refusal(answering([broken]))
    assert error.kind is Kind.DRIFT


async def test_json_that_was_cut_off_is_worth_another_try() -> None:
    text = json.dumps([transaction([], [(OURS, 1)])])[:-20]
    error = await refusal(lambda _: httpx.Response(200, text=text, headers={"content-type": "application/json"}))
    assert error.kind is Kind.TRANSIENT
