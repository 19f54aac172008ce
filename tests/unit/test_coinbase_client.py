"""Coinbase's client: what it asks for, and what it makes of the answers."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from functools import cache
from traceback import format_exception
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from ingest.accounts.amounts import divided, times
from ingest.accounts.coinbase import Coinbase, make_client
from ingest.accounts.coinbase_wire import CoinbaseBalance, CoinbaseFill, total_by_code
from ingest.accounts.pages import Page
from ingest.errors import FatalProviderError, Kind, ProviderError, RetryableProviderError

Said = Callable[[httpx.Request], httpx.Response]
NOW = datetime(2026, 11, 20, 19, 37, 12, 345_678, tzinfo=UTC)
NAME = "organizations/o/apiKeys/k"
KEY = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    .decode()
)


@cache
def real_client() -> httpx.AsyncClient:
    """That of a sync; made once, for reading the certificates takes long."""
    return make_client(None, NAME, KEY, lambda: NOW)


@asynccontextmanager
async def saying(said: Said) -> AsyncIterator[Coinbase]:
    """Such a client, with a Coinbase that says this at the other end."""
    real, transport = real_client(), httpx.MockTransport(said)
    async with httpx.AsyncClient(
        transport=transport, base_url=real.base_url, auth=real.auth, headers=real.headers
    ) as client:
        yield Coinbase(client, lambda: NOW)


def answering(payload: Any, status: int = 200, **headers: str) -> Said:
    """JSON, unless the payload is text, which goes out as it is."""
    text = payload if isinstance(payload, str) else json.dumps(payload)
    kind = "text/plain; charset=utf-8" if isinstance(payload, str) else "application/json; charset=utf-8"
    return lambda _: httpx.Response(status, text=text, headers={"content-type": kind} | headers)


def sending(json_text: str) -> Said:
    """JSON that is none."""
    return lambda _: httpx.Response(200, text=json_text, headers={"content-type": "application/json"})


def wallet(code: str = "BTC", available: str = "1.23", hold: str = "0", uuid: str = "8bfc20d7") -> dict[str, Any]:
    """As in the reference of List Accounts, with fields that nobody reads."""
    return {
        "uuid": uuid,
        "name": f"{code} Wallet",
        "currency": code,
        "available_balance": {"value": available, "currency": code},
        "default": False,
        "deleted_at": None,
        "type": "ACCOUNT_TYPE_CRYPTO",
        "ready": True,
        "hold": {"value": hold, "currency": code},
        "platform": "ACCOUNT_PLATFORM_CONSUMER",
    }


def listing(*wallets: dict[str, Any], has_next: bool = False, cursor: str = "") -> dict[str, Any]:
    return {"accounts": wallets, "has_next": has_next, "cursor": cursor, "size": len(wallets)}


def fill(**changed: Any) -> dict[str, Any]:
    """As in the reference of List Fills."""
    row = {
        "entry_id": "22222-2222222-22222222",
        "trade_id": "1111-11111-111111",
        "order_id": "0000-000000-000000",
        "trade_time": "2021-05-31T09:59:59.123456789Z",
        "trade_type": "FILL",
        "price": "10000.00",
        "size": "0.001",
        "commission": "1.25",
        "product_id": "BTC-USD",
        "sequence_timestamp": "2021-05-31T09:58:59.000Z",
        "liquidity_indicator": "UNKNOWN_LIQUIDITY_INDICATOR",
        "size_in_quote": False,
        "user_id": "3333-333333-3333333",
        "side": "BUY",
        "retail_portfolio_id": "",
    }
    return row | changed


async def read_accounts(payload: Any, cursor: str | None = None) -> Page[CoinbaseBalance]:
    async with saying(answering(payload)) as coinbase:
        return await coinbase.accounts(cursor)


async def read_fills(*fills: dict[str, Any], cursor: str = "") -> Page[CoinbaseFill]:
    async with saying(answering({"fills": fills, "cursor": cursor})) as coinbase:
        return await coinbase.fills(None)


async def refusal(said: Said) -> ProviderError:
    async with saying(said) as coinbase:
        with pytest.raises(ProviderError) as caught:
            await coinbase.accounts(None)
    return caught.value


@pytest.mark.parametrize(
    ("available", "hold", "total"),
    [
        ("1.23", "1.23", "2.46"),
        ("", "", "0"),
        ("", "0.5", "0.5"),
        ("0", "0", "0"),
        ("12345678901234567890.000000000000000001", "0.000000000000000001", "12345678901234567890.000000000000000002"),
        ("-3.50", "0", "-3.50"),
        ("4.7e-05", "0", "0.000047"),
    ],
)
async def test_a_balance_is_what_is_available_and_what_is_on_hold(available: str, hold: str, total: str) -> None:
    [balance] = (await read_accounts(listing(wallet(available=available, hold=hold)))).rows
    assert (balance.code, balance.quantity) == ("BTC", Decimal(total))


@given(st.lists(st.decimals(0, 10**15, places=18, allow_nan=False), max_size=10))
def test_wallets_of_one_code_add_up_exactly(quantities: list[Decimal]) -> None:
    totals = total_by_code(CoinbaseBalance(str(i), "BTC", quantity) for i, quantity in enumerate(quantities))

    assert Fraction(totals.get("BTC", Decimal())) == sum(Fraction(quantity) for quantity in quantities)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "12.3 USD", "1e30", "--1"])
async def test_a_balance_that_is_none_makes_the_whole_report_worthless(value: str) -> None:
    with pytest.raises(FatalProviderError, match="cannot be read") as caught:
        await read_accounts(listing(wallet(), wallet(available=value)))
    assert caught.value.kind is Kind.DRIFT


async def test_a_wallet_with_two_currencies_is_not_added_up() -> None:
    mixed = wallet() | {"hold": {"value": "1", "currency": "ETH"}}
    with pytest.raises(FatalProviderError, match="holds another currency"):
        await read_accounts(listing(mixed))


async def test_pages_are_asked_for_by_cursor_and_as_large_as_they_come() -> None:
    asked: list[httpx.Request] = []

    def said(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answering(listing(wallet(), has_next="cursor" not in request.url.params, cursor="789100"))(request)

    async with saying(said) as coinbase:
        first = await coinbase.accounts(None)
        second = await coinbase.accounts(first.next_cursor)

    assert (first.next_cursor, second.next_cursor) == ("789100", None)
    assert [dict(request.url.params) for request in asked] == [
        {"limit": "250"},
        {"limit": "250", "cursor": "789100"},
    ]
    assert {str(request.url.copy_with(query=None)) for request in asked} == {
        "https://api.coinbase.com/api/v3/brokerage/accounts"
    }


async def test_more_accounts_without_a_cursor_are_an_error_not_the_end() -> None:
    with pytest.raises(FatalProviderError, match="more accounts follow, but not where"):
        await read_accounts(listing(wallet(), has_next=True))


@pytest.mark.parametrize(
    ("cursor", "page"), [("2", listing()), (None, listing(has_next=True, cursor="2"))], ids=["later", "first"]
)
async def test_a_page_that_lost_its_accounts_is_asked_for_again(cursor: str | None, page: dict[str, Any]) -> None:
    with pytest.raises(RetryableProviderError, match="left out a page"):
        await read_accounts(page, cursor)


async def test_who_has_no_wallet_at_all_has_an_empty_list() -> None:
    assert await read_accounts(listing()) == Page([], None)


async def test_a_fill_is_a_trade_with_its_cost_and_commission_in_the_quote_currency() -> None:
    page = await read_fills(fill(), cursor="789100")

    assert page.next_cursor == "789100"
    assert page.rows == [
        CoinbaseFill(
            trade_id="1111-11111-111111",
            at=datetime(2021, 5, 31, 9, 59, 59, 123_457, tzinfo=UTC),
            side="BUY",
            base="BTC",
            quote="USD",
            quantity=Decimal("0.001"),
            price=Decimal("10000"),
            cost=Decimal("10"),
            commission=Decimal("1.25"),
        )
    ]


async def test_a_size_in_the_quote_currency_is_the_cost() -> None:
    """As captured of a purchase for an amount of USDT: the commission is 0.6 % of the size."""
    captured = fill(
        price="21220.64",
        size="0.0046830664333996",
        commission="0.0000280983986004",
        product_id="BTC-USDT",
        size_in_quote=True,
    )
    [trade] = (await read_fills(captured)).rows
    assert trade.cost == Decimal("0.0046830664333996")
    assert trade.quantity == Decimal("0.000000220684504963")  # to 18 decimals
    assert (trade.base, trade.quote) == ("BTC", "USDT")


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_what_was_bought_for_an_amount_comes_back_from_it(price: int, size: int) -> None:
    """Prices in cents, sizes in satoshis."""
    a, b = Decimal(price).scaleb(-2), Decimal(size).scaleb(-8)
    assert divided(times(a, b), a) == b


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"trade_type": "REVERSAL"}, "it is a reversal, not a trade"),
        ({"product_id": "BIT-31OCT25-CDE"}, "no pair of two assets"),
        ({"product_id": "BTC"}, "no pair of two assets"),
        ({"side": "UNKNOWN_ORDER_SIDE"}, "neither BUY nor SELL"),
        ({"price": "0"}, "above zero"),
        ({"size": "-1"}, "above zero"),
        ({"commission": "-0.01"}, "not below"),
        ({"price": "NaN"}, "no amount"),
        ({"size": "12.3 USD"}, "no amount"),
        ({"price": "1e19", "size": "1e19"}, "too large"),
        ({"price": "1e-18", "size": "1e-18"}, "too small"),
        ({"trade_time": "2021-05-31T09:59:59"}, "no zone"),
    ],
)
async def test_a_fill_that_makes_no_sense_is_left_out_and_said(changed: dict[str, Any], words: str) -> None:
    page = await read_fills(fill(), fill(trade_id="odd", **changed))

    assert len(page.rows) == 1
    [said] = page.unread
    assert said.startswith("fill odd: ")
    assert words in said


async def test_fills_can_be_asked_for_from_an_instant_on() -> None:
    asked: list[httpx.Request] = []

    def said(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answering({"fills": [], "cursor": ""})(request)

    async with saying(said) as coinbase:
        assert await coinbase.fills("789100", since=NOW.astimezone(timezone(timedelta(hours=2)))) == Page([], None, [])

    assert dict(asked[0].url.params) == {
        "limit": "100",
        "cursor": "789100",
        "start_sequence_timestamp": "2026-11-20T19:37:12.345678Z",
    }


PERMISSIONS = {"can_view": True, "can_trade": False, "can_transfer": False, "portfolio_uuid": "b87a2d3f"}


async def test_a_key_that_may_only_view_is_right() -> None:
    async with saying(answering(PERMISSIONS)) as coinbase:
        await coinbase.check_key()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"can_trade": True}, "may trade;"),
        ({"can_transfer": True}, "may transfer;"),
        ({"can_trade": True, "can_transfer": True}, "may trade and transfer;"),
        ({"can_view": False}, "may not view"),
    ],
)
async def test_a_key_that_may_more_or_less_is_refused(changed: dict[str, bool], words: str) -> None:
    async with saying(answering(PERMISSIONS | changed)) as coinbase:
        with pytest.raises(FatalProviderError, match=words) as caught:
            await coinbase.check_key()
    assert (caught.value.kind, caught.value.retry_after) == (Kind.AUTH, None)


LIMIT = {"errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]}
REFUSALS = [
    (answering("Unauthorized\n", 401), Kind.AUTH, None),
    (answering({"error": "PERMISSION_DENIED", "message": "Missing required scopes"}, 403), Kind.AUTH, None),
    (answering("<html>Access denied", 403), Kind.BLOCKED, 900),
    (answering({"error": "NOT_FOUND", "message": "account not found"}, 404), Kind.NOT_FOUND, None),
    (answering({"error": "INVALID_ARGUMENT", "error_details": "cursor", "message": ""}, 400), Kind.BAD_REQUEST, None),
    (answering(LIMIT, 429), Kind.RATE_LIMITED, 60),
    (answering("", 429), Kind.RATE_LIMITED, 60),
    (answering("Throttled", 429), Kind.RATE_LIMITED, 60),
    (answering(LIMIT, 429, **{"retry-after": "7"}), Kind.RATE_LIMITED, 8),
    (answering(LIMIT, 200), Kind.RATE_LIMITED, 60),
    (answering("", 302, location="https://elsewhere.test/"), Kind.DRIFT, None),
    (answering("<html>Just a moment...", 200), Kind.DRIFT, None),
    (answering({"wallets": []}, 200), Kind.DRIFT, None),
    (answering({"error": "Internal Server Error"}, 500), Kind.TRANSIENT, None),
    (answering("<html>Bad gateway", 502), Kind.TRANSIENT, None),
    (answering("", 503), Kind.TRANSIENT, None),
]


@pytest.mark.parametrize(("said", "kind", "wait"), REFUSALS)
async def test_refusals_are_told_apart_by_status_and_body(said: Said, kind: Kind, wait: float | None) -> None:
    """Only what is true of every account has a wait, for a wait holds back all of them."""
    error = await refusal(said)
    assert (error.kind, error.retry_after) == (kind, wait)
    assert isinstance(error, RetryableProviderError) == (kind in (Kind.RATE_LIMITED, Kind.TRANSIENT))


async def test_json_that_was_cut_off_is_worth_another_try() -> None:
    for text in ('{"accounts": [{"uuid": "8bf', '{"accounts": NaN}'):
        error = await refusal(sending(text))
        assert error.kind is Kind.TRANSIENT


async def test_what_coinbase_says_reaches_the_reader_but_not_without_end() -> None:
    error = await refusal(answering({"error": "INVALID_ARGUMENT", "error_details": "x" * 9999}, 400))
    assert "refused the request: xxx" in error.message
    assert len(error.message) < 300


async def test_neither_key_nor_token_is_in_an_error_or_a_log(caplog: pytest.LogCaptureFixture) -> None:
    tokens: list[str] = []

    def cut(request: httpx.Request) -> httpx.Response:
        tokens.append(request.headers["authorization"].removeprefix("Bearer "))
        raise httpx.ReadError("cut", request=request)

    def refused(request: httpx.Request) -> httpx.Response:
        tokens.append(request.headers["authorization"].removeprefix("Bearer "))
        return httpx.Response(401, text="Unauthorized\n")

    with caplog.at_level(logging.DEBUG):
        errors = [await refusal(cut), await refusal(refused)]

    everything = caplog.text + "".join(repr(error) + "".join(format_exception(error)) for error in errors)
    secrets = [*tokens, *(line for line in KEY.splitlines() if not line.startswith("-"))]
    assert len(tokens) == 2
    for secret in secrets:
        for piece in (secret[i : i + 20] for i in range(40 if secret in tokens else 0, len(secret) - 20, 20)):
            assert piece not in everything
