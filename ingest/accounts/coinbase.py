"""Coinbase Advanced Trade: what a key may see of one portfolio.

https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/introduction

Its fills are the trades; deposits, withdrawals and rewards it does not list.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import httpx
import msgspec

from ingest.accounts.answers import decode, is_json, rate_limited, refuse
from ingest.accounts.coinbase_signature import Signature
from ingest.accounts.coinbase_wire import (
    AccountsAnswer,
    CoinbaseBalance,
    CoinbaseFill,
    FillsAnswer,
    Permissions,
    WireFill,
    to_balance,
    to_fill,
)
from ingest.accounts.pages import Page
from ingest.errors import FatalProviderError, Kind, ProviderError, RetryableProviderError
from ingest.http import Answer, get

URL = "https://api.coinbase.com/api/v3/brokerage"
_NAME = "Coinbase"
T = TypeVar("T")
# The most of each; for fills no most is documented, only the default.
_ACCOUNTS_A_PAGE = 250
_FILLS_A_PAGE = 100
# A 429 comes without Retry-After, and its limits (30 a second, 10,000 an hour) are published for a sister API only.
_RATE_LIMIT_SECONDS = 60.0


class _Refusal(msgspec.Struct):
    """`{"error", "message", "error_details"}`, or `{"errors": [{"id", "message"}]}` of the rate limit."""

    error: str = ""
    message: str = ""
    error_details: str = ""
    errors: list[dict[str, str]] = []


def make_client(url: str | None, key_name: str, private_key: str, now: Callable[[], datetime]) -> httpx.AsyncClient:
    """For one key; it signs for the host of the address that it calls. Raises ValueError for a key that is none."""
    return httpx.AsyncClient(
        base_url=url or URL,
        auth=Signature(key_name, private_key, now),
        headers={"accept": "application/json", "user-agent": "pricegraph"},
        timeout=httpx.Timeout(10, connect=5),
    )


class Coinbase:
    """Answers, decoded and checked, one page a call: `every_page` follows them. Pacing and retries are the caller's."""

    def __init__(self, client: httpx.AsyncClient, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now

    async def check_key(self) -> None:
        """Refuse a key that can do more than look, or less."""
        can = await self._get("/key_permissions", {}, Permissions)
        if can.can_trade or can.can_transfer:
            more = " and ".join(word for word, may in (("trade", can.can_trade), ("transfer", can.can_transfer)) if may)
            raise FatalProviderError(
                Kind.AUTH, f"this Coinbase key may {more}; give one that may only view, and delete this one"
            )
        if not can.can_view:
            raise _no_view()

    async def accounts(self, cursor: str | None) -> Page[CoinbaseBalance]:
        """Up to 250 wallets, empty ones too; each balance is what is available and what is on hold."""
        answer = await self._get("/accounts", _query(_ACCOUNTS_A_PAGE, cursor), AccountsAnswer)
        if answer.has_next and not answer.cursor:
            raise FatalProviderError(Kind.DRIFT, "Coinbase said that more accounts follow, but not where")
        if not answer.accounts and (cursor or answer.has_next):
            # Taken as it is, it would make what somebody holds disappear.
            raise RetryableProviderError(Kind.TRANSIENT, "Coinbase left out a page of its accounts")
        try:
            rows = [to_balance(account) for account in answer.accounts]
        except ValueError as error:
            raise FatalProviderError(Kind.DRIFT, f"Coinbase's balances cannot be read: {error}") from error
        return Page(rows, answer.cursor if answer.has_next else None)

    async def fills(self, cursor: str | None, since: datetime | None = None) -> Page[CoinbaseFill]:
        """Up to 100 trades, newest first; with `since` those from then on. A page may be empty and others follow."""
        query = _query(_FILLS_A_PAGE, cursor)
        if since is not None:
            query["start_sequence_timestamp"] = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        answer = await self._get("/orders/historical/fills", query, FillsAnswer)
        rows: list[CoinbaseFill] = []
        unread: list[str] = []
        for fill in answer.fills:
            _read_fill(fill, rows, unread)
        return Page(rows, answer.cursor or None, unread)

    async def _get(self, path: str, query: dict[str, str | int], type_: type[T]) -> T:
        answer = await get(self._client, path, query)
        if error := _classify(answer, self._now()):
            raise error
        return decode(_NAME, answer, type_)


def _query(limit: int, cursor: str | None) -> dict[str, str | int]:
    return {"limit": limit} | ({"cursor": cursor} if cursor else {})


def _read_fill(fill: WireFill, rows: list[CoinbaseFill], unread: list[str]) -> None:
    try:
        rows.append(to_fill(fill))
    except ValueError as error:
        unread.append(f"fill {fill.trade_id[:60]}: {error}")


def _classify(answer: Answer, now: datetime) -> ProviderError | None:
    """What the answer refuses, or None when it is data. 401 is plain text, and a 429 may be empty."""
    said = _read_refusal(answer)
    if answer.status == 200 and not (said.error or said.errors):
        return None
    if answer.status == 429 or any(error.get("id") == "rate_limit_exceeded" for error in said.errors):
        return rate_limited(_NAME, answer, _RATE_LIMIT_SECONDS, now)
    if answer.status == 401:
        return FatalProviderError(
            Kind.AUTH,
            "Coinbase refused the key: it is wrong, was revoked, or the clock of this machine is off; "
            "check the clock, or give a new key",
        )
    if said.error == "PERMISSION_DENIED":
        return _no_view()
    return refuse(_NAME, answer, said.error_details or said.message or said.error, _RATE_LIMIT_SECONDS, now)


def _no_view() -> FatalProviderError:
    return FatalProviderError(Kind.AUTH, "this Coinbase key may not view accounts; give one with the View permission")


def _read_refusal(answer: Answer) -> _Refusal:
    """Empty for an answer that is none of Coinbase's refusals."""
    if not is_json(answer):
        return _Refusal()
    try:
        return msgspec.json.decode(answer.body, type=_Refusal)
    except (msgspec.DecodeError, RecursionError):
        return _Refusal()
