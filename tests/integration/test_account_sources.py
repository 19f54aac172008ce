"""The clients of account sources against the simulated ones, over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ingest.accounts import coinbase, esplora
from ingest.accounts.coinbase import Coinbase
from ingest.accounts.coinbase_wire import CoinbaseBalance, CoinbaseFill, total_by_code
from ingest.accounts.esplora import BitcoinTransaction, Esplora
from ingest.accounts.pages import every_page
from ingest.errors import FatalProviderError, Kind, ProviderError, RetryableProviderError
from pricegraph.commands import address
from pricegraph.serve import listen, serving
from simulator.app import create_simulator
from simulator.settings import SimulatorSettings
from tests.world import FakeClock

pytestmark = pytest.mark.slow  # together; each starts a simulator of its own


@dataclass(frozen=True)
class Sources:
    """A simulator and what it says of its wallets."""

    url: str
    clock: FakeClock
    control: httpx.AsyncClient
    wallets: dict[str, Any]

    @asynccontextmanager
    async def coinbase(self, label: str, clock: FakeClock | None = None) -> AsyncIterator[Coinbase]:
        """With the key of that label."""
        key, now = self.wallets["keys"][label], (clock or self.clock).now
        url = f"{self.url}/coinbase/api/v3/brokerage"
        async with coinbase.make_client(url, key["name"], key["secret"], now) as client:
            yield Coinbase(client, now)

    @asynccontextmanager
    async def esplora(self) -> AsyncIterator[Esplora]:
        async with esplora.make_client(f"{self.url}/esplora/api") as client:
            yield Esplora(client, self.clock.now)

    async def arm(self, provider: str, kind: str) -> None:
        """This fault and no other, from now on."""
        await self.control.delete("/_control/faults")
        answer = await self.control.post("/_control/faults", json={"provider": provider, "kind": kind})
        assert answer.is_success, answer.text

    async def requests(self, path: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = (await self.control.get("/_control/log")).json()
        return [row for row in rows if path in row["path"]]


@pytest.fixture
async def sources() -> AsyncIterator[Sources]:
    clock = FakeClock()
    listener = listen("127.0.0.1", 0)
    simulator = create_simulator(SimulatorSettings(coinbase_key_burst=10_000), clock.timestamp)
    async with (
        serving(simulator, listener),
        httpx.AsyncClient(base_url=address(listener), verify=False) as control,  # certificates are slow to read
    ):
        yield Sources(address(listener), clock, control, (await control.get("/_control/wallets")).json())


def held(quantities: Mapping[str, Decimal | str]) -> dict[str, Decimal]:
    return {code: number for code, quantity in quantities.items() if (number := Decimal(quantity))}


async def read_balances(client: Coinbase) -> list[CoinbaseBalance]:
    pages = every_page(client.accounts, lambda row: row.wallet_id)
    return [row async for page in pages for row in page.rows]


async def read_fills(client: Coinbase) -> list[CoinbaseFill]:
    pages = [page async for page in every_page(client.fills, lambda row: row.trade_id)]
    assert not [words for page in pages for words in page.unread]
    return [row for page in pages for row in page.rows]


async def read_history(client: Esplora, address: str) -> list[BitcoinTransaction]:
    pages = every_page(lambda last: client.history(address, last), lambda row: row.txid)
    return [row async for page in pages for row in page.rows]


@pytest.mark.parametrize(("label", "least", "pages"), [("everyday-ed25519", 10, 1), ("large", 300, 2)])
async def test_every_wallet_of_every_page_is_counted(sources: Sources, label: str, least: int, pages: int) -> None:
    """Available and on hold, in vaults too; with either kind of key."""
    truth = sources.wallets["coinbase"][sources.wallets["keys"][label]["user"]]["balances"]

    async with sources.coinbase(label) as client:
        await client.check_key()
        wallets = await read_balances(client)

    assert held(total_by_code(wallets)) == held(truth)
    assert len(wallets) > least
    assert len(await sources.requests("/accounts")) == pages


@pytest.mark.parametrize("label", ["everyday", "large"])
async def test_fills_and_deposits_explain_the_balances_to_the_last_digit(sources: Sources, label: str) -> None:
    user = sources.wallets["coinbase"][label]
    async with sources.coinbase(label) as client:
        fills = await read_fills(client)

    changes = [(deposit["currency"], Decimal(deposit["quantity"])) for deposit in user["deposits"]]
    for fill in fills:
        sign = 1 if fill.side == "BUY" else -1
        changes += [(fill.base, sign * fill.quantity), (fill.quote, -sign * fill.cost), (fill.quote, -fill.commission)]
    assert held(total_by_code(CoinbaseBalance("", *change) for change in changes)) == held(user["balances"])
    assert len(fills) == user["fills"]
    assert [fill.at for fill in fills] == sorted((fill.at for fill in fills), reverse=True)


async def test_fills_from_an_instant_on_are_the_newest_ones(sources: Sources) -> None:
    async with sources.coinbase("everyday") as client:
        fills = await read_fills(client)
        page = await client.fills(None, since=fills[4].at)
    assert page.rows == fills[:5]


WRONG_KEYS = {
    "revoked": "wrong, was revoked, or the clock",
    "blind": "may not view",
    "trader": "may trade",
    "mover": "may transfer",
}


async def test_a_key_that_is_not_right_is_refused_in_words(sources: Sources) -> None:
    for label, words in WRONG_KEYS.items():
        async with sources.coinbase(label) as client:
            with pytest.raises(FatalProviderError, match=words) as caught:
                await client.check_key()
        assert caught.value.kind is Kind.AUTH


async def test_a_clock_that_is_off_is_named_among_the_causes(sources: Sources) -> None:
    late = FakeClock(sources.clock.now().replace(year=2027))
    async with sources.coinbase("everyday", late) as client:
        with pytest.raises(FatalProviderError, match="the clock of this machine is off"):
            await client.accounts(None)


async def test_a_cursor_that_repeats_is_an_error_and_not_the_end(sources: Sources) -> None:
    await sources.arm("coinbase", "cursor-repeats")
    async with sources.coinbase("large") as client:
        for read in (read_balances, read_fills):
            with pytest.raises(FatalProviderError, match="round in circles"):
                await read(client)


FAULTS = [
    ("401", Kind.AUTH, None),
    ("403", Kind.AUTH, None),
    ("404", Kind.NOT_FOUND, None),
    ("429", Kind.RATE_LIMITED, 8),
    ("429-date", Kind.RATE_LIMITED, 8),
    ("429-noheader", Kind.RATE_LIMITED, 60),
    ("429-empty", Kind.RATE_LIMITED, 60),
    ("throttled", Kind.RATE_LIMITED, 60),
    ("500", Kind.TRANSIENT, None),
    ("502html", Kind.TRANSIENT, None),
    ("503", Kind.TRANSIENT, None),
    ("html403", Kind.BLOCKED, 900),
    ("html200", Kind.DRIFT, None),
    ("redirect-loop", Kind.DRIFT, None),
    ("truncated", Kind.TRANSIENT, None),
    ("gzip-bad", Kind.TRANSIENT, None),
    ("reset", Kind.TRANSIENT, None),
]


async def test_faults_of_coinbase_are_told_apart(sources: Sources) -> None:
    async with sources.coinbase("everyday") as client:
        for fault, kind, wait in FAULTS:
            await sources.arm("coinbase", fault)
            with pytest.raises(ProviderError) as caught:
                await client.accounts(None)
            assert caught.value.kind is kind, fault
            assert caught.value.retry_after == (wait and pytest.approx(wait, abs=1.5)), fault


async def test_the_history_of_an_address_explains_its_balance(sources: Sources) -> None:
    """Confirmed transactions only, on both sides."""
    async with sources.esplora() as client:
        for wallet in sources.wallets["bitcoin"].values():
            history = await read_history(client, wallet["address"])
            balance = await client.balance(wallet["address"])

            assert (balance.sats, balance.transactions) == (wallet["satoshis"], wallet["transactions"])
            assert sum(row.change_sats for row in history) == balance.sats
            assert len({row.txid for row in history}) == balance.transactions
            assert [row.at for row in history] == sorted((row.at for row in history), reverse=True)


async def test_a_long_history_takes_several_pages_and_the_empty_one(sources: Sources) -> None:
    wallet = sources.wallets["bitcoin"]["busy"]
    async with sources.esplora() as client:
        await read_history(client, wallet["address"])
    assert len(await sources.requests("/txs/chain")) == -(-wallet["transactions"] // 25) + 1 > 3


async def test_a_history_that_begins_again_is_an_error(sources: Sources) -> None:
    await sources.arm("esplora", "first-page")
    async with sources.esplora() as client:
        with pytest.raises(FatalProviderError, match="round in circles"):
            await read_history(client, sources.wallets["bitcoin"]["busy"]["address"])


async def test_the_rate_limit_is_met_before_its_json_is_read(sources: Sources) -> None:
    await sources.arm("esplora", "429-noheader")
    async with sources.esplora() as client:
        with pytest.raises(RetryableProviderError) as caught:
            await client.balance(sources.wallets["bitcoin"]["savings"]["address"])
    assert (caught.value.kind, caught.value.retry_after) == (Kind.RATE_LIMITED, 900)


async def test_an_address_that_is_none_is_refused_with_the_words_of_the_server(sources: Sources) -> None:
    async with sources.esplora() as client:
        with pytest.raises(FatalProviderError, match="Esplora refused the request: Invalid Bitcoin address"):
            await client.balance("nonsense")
