"""Esplora: the confirmed history and balance of one bitcoin address.

https://github.com/Blockstream/esplora/blob/master/API.md; mempool.space offers the same. Blockstream answers 700
requests an hour and address without a contract (its notice of July 2025).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Meta

from ingest.accounts.answers import decode, is_json, refuse
from ingest.accounts.pages import Page
from ingest.errors import FatalProviderError, Kind, ProviderError
from ingest.http import Answer, get

URL = "https://blockstream.info/api"
SATS_PER_BITCOIN = 100_000_000
_NAME = "Esplora"
T = TypeVar("T")
# A 429 does not say how long. The limit is one of an hour, so a minute's wait would cost calls and gain nothing.
_RATE_LIMIT_SECONDS = 900.0
# No more can exist; of a busy exchange's address that much may have come and gone many times.
_Sats = Annotated[int, Meta(ge=0, le=21_000_000 * SATS_PER_BITCOIN)]
_Sum = Annotated[int, Meta(ge=0)]
# Between the first block and the year 2100.
_Seconds = Annotated[int, Meta(ge=1_231_006_505, le=4_102_444_800)]


class _Output(msgspec.Struct):
    """Some scripts have no address, such as those that only hold data."""

    value: _Sats
    scriptpubkey_address: str | None = None


class _Input(msgspec.Struct):
    """`prevout` is what is spent; null where a block's reward comes out of nothing."""

    prevout: _Output | None


class _Status(msgspec.Struct):
    confirmed: bool
    block_time: _Seconds | None = None


class _Transaction(msgspec.Struct):
    txid: str
    vin: list[_Input]
    vout: list[_Output]
    status: _Status


class _Stats(msgspec.Struct):
    funded_txo_sum: _Sum
    spent_txo_sum: _Sum
    tx_count: _Sum


class _Address(msgspec.Struct):
    chain_stats: _Stats


@dataclass(frozen=True, slots=True)
class BitcoinBalance:
    """What the confirmed transactions of an address left there, and how many they are."""

    sats: int
    transactions: int


@dataclass(frozen=True, slots=True)
class BitcoinTransaction:
    """`change_sats` is what the address gained or lost by it, the network fee included; zero is possible.

    `at` is the time of its block.
    """

    txid: str
    at: datetime
    change_sats: int


def make_client(url: str | None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url or URL,
        headers={"accept": "application/json", "user-agent": "pricegraph"},
        timeout=httpx.Timeout(10, connect=5),
    )


class Esplora:
    """Answers, decoded and checked, one page a call: `every_page` follows them. Pacing and retries are the caller's."""

    def __init__(self, client: httpx.AsyncClient, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now

    async def balance(self, address: str) -> BitcoinBalance:
        stats = (await self._get(f"/address/{quote(address, safe='')}", _Address)).chain_stats
        return BitcoinBalance(stats.funded_txo_sum - stats.spent_txo_sum, stats.tx_count)

    async def history(self, address: str, last_txid: str | None) -> Page[BitcoinTransaction]:
        """Up to 25 confirmed transactions, newest first, from the one after `last_txid`; the last page is empty.

        To a txid that it does not know, as after a block was given up, Esplora answers the first page.
        """
        path = f"/address/{quote(address, safe='')}/txs/chain"
        if last_txid is not None:
            path += f"/{quote(last_txid, safe='')}"
        found = await self._get(path, list[_Transaction])
        rows = [_read(transaction, address) for transaction in found if transaction.status.confirmed]
        return Page(rows, found[-1].txid if found else None)

    async def _get(self, path: str, type_: type[T]) -> T:
        answer = await get(self._client, path, {})
        if error := _classify(answer, self._now()):
            raise error
        return decode(_NAME, answer, type_)


def _read(transaction: _Transaction, address: str) -> BitcoinTransaction:
    if transaction.status.block_time is None:
        raise FatalProviderError(Kind.DRIFT, "Esplora's schema changed: a confirmed transaction has no time")
    came = sum(out.value for out in transaction.vout if out.scriptpubkey_address == address)
    spent = [one.prevout for one in transaction.vin if one.prevout is not None]
    went = sum(out.value for out in spent if out.scriptpubkey_address == address)
    return BitcoinTransaction(transaction.txid, datetime.fromtimestamp(transaction.status.block_time, UTC), came - went)


def _classify(answer: Answer, now: datetime) -> ProviderError | None:
    """What the answer refuses, or None when it is data. Refusals are plain text, that of the rate limit is JSON."""
    if answer.status == 200:
        return None
    said = None if is_json(answer) else answer.body[:1000].decode(errors="replace").strip()
    if answer.status == 400 and said and "too many" in said.lower():
        return FatalProviderError(
            Kind.PLAN, "this address has a longer history than the server gives; set ESPLORA_URL to another server"
        )
    return refuse(_NAME, answer, said, _RATE_LIMIT_SECONDS, now)
