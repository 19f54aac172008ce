"""Esplora: histories of Bitcoin addresses page by page, sums that agree with them, and errors in plain text."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from simulator.app import create_simulator
from simulator.bitcoin_addresses import parsed
from simulator.bitcoin_chain import OPENED, Chain
from simulator.bitcoin_wallets import WALLETS
from simulator.settings import SimulatorSettings

NOW = 1_795_003_215
DAY_S = 86_400
API = "/esplora/api"
BUSY, SAVINGS, WAITING = (WALLETS[label].address for label in ("busy", "savings", "waiting"))
STRANGERS = {
    "p2pkh": "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "p2sh": "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
    "p2wpkh": "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    "p2wpkh in capitals": "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
    "p2wsh": "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3",
    "p2tr": "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    "p2a": "bc1pfeessrawgf",
}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = create_simulator(SimulatorSettings(), lambda: NOW)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator") as client:
        yield client


async def data(client: httpx.AsyncClient, path: str) -> Any:
    answer = await client.get(f"{API}{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def history(client: httpx.AsyncClient, address: str) -> list[list[dict[str, Any]]]:
    """All pages up to the empty one."""
    pages = [await data(client, f"/address/{address}/txs/chain")]
    while pages[-1]:
        pages.append(await data(client, f"/address/{address}/txs/chain/{pages[-1][-1]['txid']}"))
    return pages


def value(output: dict[str, Any] | None, address: str) -> int:
    return output["value"] if output and output.get("scriptpubkey_address") == address else 0


def delta(transaction: dict[str, Any], address: str) -> int:
    came_in = sum(value(output, address) for output in transaction["vout"])
    return came_in - sum(value(spent["prevout"], address) for spent in transaction["vin"])


def balance(stats: dict[str, int]) -> int:
    return stats["funded_txo_sum"] - stats["spent_txo_sum"]


async def arm(client: httpx.AsyncClient, kind: str, **fields: Any) -> None:
    answer = await client.post("/_control/faults", json={"provider": "esplora", "kind": kind, **fields})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("address", [BUSY, SAVINGS, WAITING])
async def test_the_history_explains_the_balance(client: httpx.AsyncClient, address: str) -> None:
    known = [one for page in await history(client, address) for one in page]
    told = await data(client, f"/address/{address}")
    held = sum(delta(one, address) for one in known)
    assert balance(told["chain_stats"]) == held > 0
    assert told["chain_stats"]["tx_count"] == len(known)
    waiting = await data(client, f"/address/{address}/txs/mempool")
    unspent = await data(client, f"/address/{address}/utxo")
    pending = sum(delta(one, address) for one in waiting)
    assert balance(told["mempool_stats"]) == pending
    assert sum(one["value"] for one in unspent) == held + pending
    truth = {wallet["address"]: wallet for wallet in (await client.get("/_control/wallets")).json()["bitcoin"].values()}
    assert truth[address] == {"address": address, "satoshis": held, "transactions": len(known)}


async def test_the_confirmed_come_25_a_page_newest_first_until_a_page_is_empty(client: httpx.AsyncClient) -> None:
    pages = await history(client, BUSY)
    known = [one for page in pages for one in page]
    assert [len(page) for page in pages[:-2]] == [25] * (len(pages) - 2)
    assert len(pages) > 4
    assert pages[-1] == []
    assert len({one["txid"] for one in known}) == len(known)
    times = [one["status"]["block_time"] for one in known]
    assert times == sorted(times, reverse=True)
    assert NOW - 25 * DAY_S < times[0] <= NOW
    assert OPENED <= times[-1] < OPENED + 25 * DAY_S


async def test_an_unknown_last_one_gives_the_first_page(client: httpx.AsyncClient) -> None:
    first = await data(client, f"/address/{BUSY}/txs/chain")
    assert await data(client, f"/address/{BUSY}/txs/chain/{'0' * 64}") == first
    of_another = (await data(client, f"/address/{WAITING}/txs/chain"))[0]["txid"]
    assert await data(client, f"/address/{BUSY}/txs/chain/{of_another}") == first


async def test_what_is_not_confirmed_has_no_block_and_comes_before_the_rest(client: httpx.AsyncClient) -> None:
    waiting = await data(client, f"/address/{WAITING}/txs/mempool")
    assert [one["status"] for one in waiting] == [{"confirmed": False}] * len(waiting)
    confirmed = await data(client, f"/address/{WAITING}/txs/chain")
    assert await data(client, f"/address/{WAITING}/txs") == [*waiting, *confirmed]


def test_something_is_always_waiting_and_is_confirmed_later() -> None:
    script = WALLETS["waiting"].script
    chain = Chain(1)
    for now in range(OPENED + 20 * DAY_S, NOW, 7 * DAY_S):
        waiting = {one.txid for one in chain.waiting(script, now)}
        assert waiting
        assert not waiting & {one.txid for one in chain.confirmed(script, now)}
        assert waiting <= {one.txid for one in chain.confirmed(script, now + 17 * DAY_S)}


def test_what_has_happened_stays_whenever_it_is_asked_for() -> None:
    script, at_once = WALLETS["busy"].script, Chain(1)
    stepwise, last = Chain(1), at_once.confirmed(script, NOW)
    for now in range(OPENED - DAY_S, NOW, 50 * DAY_S):
        assert stepwise.confirmed(script, now) == [one for one in last if one.block_time <= now]
    assert Chain(2).confirmed(script, NOW) != last


async def test_nothing_is_spent_twice_or_before_it_came(client: httpx.AsyncClient) -> None:
    known = [one for page in await history(client, BUSY) for one in page][::-1]
    places = {one["txid"]: place for place, one in enumerate(known)}
    own = [(place, spent) for place, one in enumerate(known) for spent in one["vin"] if value(spent["prevout"], BUSY)]
    assert len({(spent["txid"], spent["vout"]) for _, spent in own}) == len(own) > 10
    assert all(places[spent["txid"]] < place for place, spent in own)
    assert all(spent["prevout"] == known[places[spent["txid"]]]["vout"][spent["vout"]] for _, spent in own)


async def test_the_fee_is_what_the_outputs_lack(client: httpx.AsyncClient) -> None:
    for one in (one for page in await history(client, BUSY) for one in page):
        spent = [spent["prevout"]["value"] for spent in one["vin"] if spent["prevout"]]
        assert one["fee"] == (sum(spent) - sum(output["value"] for output in one["vout"]) if spent else 0)
        assert one["fee"] > 0 or one["vin"][0]["is_coinbase"]


async def test_histories_have_the_odd_ones_too(client: httpx.AsyncClient) -> None:
    known = [one for page in await history(client, BUSY) for one in page]
    assert any(spent["prevout"] is None for one in known for spent in one["vin"])  # newly mined
    assert any("scriptpubkey_address" not in output for one in known for output in one["vout"])  # a note
    assert any(sum(value(output, BUSY) > 0 for output in one["vout"]) == 2 for one in known)


async def test_one_wallet_pays_another_in_one_transaction(client: httpx.AsyncClient) -> None:
    out = {one["txid"]: delta(one, SAVINGS) for page in await history(client, SAVINGS) for one in page}
    into = {one["txid"]: delta(one, BUSY) for page in await history(client, BUSY) for one in page}
    shared = out.keys() & into.keys()
    assert len(shared) > 1
    assert all(0 < into[txid] < -out[txid] for txid in shared)  # the fee is in between


@pytest.mark.parametrize("kind", STRANGERS)
async def test_an_address_that_was_never_used_is_all_zeros(client: httpx.AsyncClient, kind: str) -> None:
    address = STRANGERS[kind]
    told = await data(client, f"/address/{address}")
    assert told.pop("address") == address
    assert told.keys() == {"chain_stats", "mempool_stats"}
    assert {number for stats in told.values() for number in stats.values()} == {0}
    for path in ("txs", "txs/chain", "txs/mempool", "utxo"):
        assert await data(client, f"/address/{address}/{path}") == []


async def test_the_unused_wallet_is_one_of_them(client: httpx.AsyncClient) -> None:
    assert balance((await data(client, f"/address/{WALLETS['unused'].address}"))["chain_stats"]) == 0


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("nonsense", "Invalid Bitcoin address"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "Invalid Bitcoin address"),
        ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd", "Invalid Bitcoin address"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh", "Invalid Bitcoin address"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kV8f3t4", "Invalid Bitcoin address"),
        ("mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", "Address on invalid network"),
        ("tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "Address on invalid network"),
    ],
)
@pytest.mark.parametrize("path", ["", "/txs/chain", "/utxo"])
async def test_what_is_no_address_is_refused_in_plain_text(
    client: httpx.AsyncClient, address: str, words: str, path: str
) -> None:
    answer = await client.get(f"{API}/address/{address}{path}")
    assert (answer.status_code, answer.headers["content-type"], answer.text) == (400, "text/plain", words)


@pytest.mark.parametrize("label", WALLETS)
def test_the_wallets_addresses_are_real_ones_of_their_kind(label: str) -> None:
    wallet = WALLETS[label]
    assert parsed(wallet.address) == wallet.script


async def test_the_height_is_a_bare_number_that_no_block_is_above(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{API}/blocks/tip/height")
    assert answer.headers["content-type"].startswith("text/plain")
    assert int(answer.text) >= (await data(client, f"/address/{BUSY}/txs/chain"))[0]["status"]["block_height"]


async def test_an_unknown_page_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{API}/foo")
    assert (answer.status_code, answer.text) == (404, 'endpoint does not exist "/foo"')


async def test_700_an_hour_are_answered_and_then_json_says_no_without_saying_how_long() -> None:
    now = NOW
    app = create_simulator(SimulatorSettings(esplora_per_hour=3), lambda: now)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator") as client:
        answers = [await client.get(f"{API}/blocks/tip/height") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[-1].json()["error"] == "Too Many Requests"
        assert "retry-after" not in answers[-1].headers
        now += 3600
        assert (await client.get(f"{API}/blocks/tip/height")).status_code == 200
    assert SimulatorSettings().esplora_per_hour == 700


async def test_a_history_can_begin_anew_on_every_page(client: httpx.AsyncClient) -> None:
    first = await data(client, f"/address/{BUSY}/txs/chain")
    sums = await data(client, f"/address/{BUSY}")
    await arm(client, "first-page")
    assert await data(client, f"/address/{BUSY}/txs/chain/{first[-1]['txid']}") == first
    assert await data(client, f"/address/{BUSY}") == sums


async def test_rows_can_be_lost_or_come_twice(client: httpx.AsyncClient) -> None:
    whole = await data(client, f"/address/{BUSY}/txs/chain")
    await arm(client, "partial-page", count=1)
    assert await data(client, f"/address/{BUSY}/txs/chain") == whole[:12]
    await arm(client, "dup", count=1)
    assert len(await data(client, f"/address/{BUSY}/txs/chain")) == 28
    await arm(client, "renamed", count=1)
    assert "value" not in (await data(client, f"/address/{BUSY}/txs/chain"))[0]["vout"][0]
    await arm(client, "null", count=1)
    assert (await data(client, f"/address/{BUSY}/utxo"))[0]["value"] >= 0  # there is no price in it
