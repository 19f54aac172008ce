"""Coinbase Advanced Trade: signatures, wallets page by page, fills that explain them, and the errors of each."""

from base64 import b64decode
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from simulator.app import create_simulator
from simulator.coinbase_keys import KEYS, ApiKey
from simulator.coinbase_ledger import Ledger
from simulator.coinbase_users import OPENED, users_of
from simulator.currencies import CURRENCIES
from simulator.market import Market
from simulator.settings import SimulatorSettings

NOW = 1_795_003_215  # 2026-11-18 12:00:15 UTC
DAY_S = 86_400
HOST, API = "simulator:8001", "/coinbase/api/v3/brokerage"
FILLS = "/orders/historical/fills"
EVERYDAY = KEYS["everyday"]
COINS = {"BTC": "bitcoin", "ETH": "ethereum", "SOL": "solana", "ADA": "cardano"}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = create_simulator(SimulatorSettings(coinbase_key_burst=1000), lambda: NOW)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{HOST}") as client:
        yield client


def token(path: str, key: ApiKey = EVERYDAY, kid: str | None = None, **claims: Any) -> str:
    told = {"sub": key.name, "iss": "cdp", "nbf": NOW, "exp": NOW + 120, "uri": f"GET {HOST}{API}{path}"} | claims
    pair: Any = key.secret
    if key.algorithm == "EdDSA":
        pair = Ed25519PrivateKey.from_private_bytes(b64decode(key.secret)[:32])
    return jwt.encode(told, pair, key.algorithm, headers={"kid": kid or key.name, "nonce": "00"})


async def ask(client: httpx.AsyncClient, path: str, key: ApiKey = EVERYDAY, **query: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {token(path, key)}"}
    return await client.get(f"{API}{path}", params=query, headers=headers)


async def data(client: httpx.AsyncClient, path: str, key: ApiKey = EVERYDAY, **query: Any) -> dict[str, Any]:
    answer = await ask(client, path, key, **query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def pages(client: httpx.AsyncClient, path: str, key: ApiKey, **query: Any) -> list[dict[str, Any]]:
    """Until there is no cursor."""
    found = [await data(client, path, key, **query)]
    while found[-1]["cursor"]:
        found.append(await data(client, path, key, **query, cursor=found[-1]["cursor"]))
    return found


async def arm(client: httpx.AsyncClient, kind: str, **fields: Any) -> None:
    answer = await client.post("/_control/faults", json={"provider": "coinbase", "kind": kind, **fields})
    assert answer.status_code == 200, answer.text


async def told(client: httpx.AsyncClient, user: str) -> dict[str, Any]:
    wallets: dict[str, Any] = (await client.get("/_control/wallets")).json()
    return dict(wallets["coinbase"][user])


def amount(text: str) -> Decimal:
    return Decimal(text or "0")


def totals(accounts: list[dict[str, Any]]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for account in accounts:
        found[account["currency"]] += amount(account["available_balance"]["value"]) + amount(account["hold"]["value"])
    return {code: quantity for code, quantity in found.items() if quantity}


def changes(fill: dict[str, Any]) -> Iterator[tuple[str, Decimal]]:
    price, size, fee = (Decimal(fill[name]) for name in ("price", "size", "commission"))
    base, quote = fill["product_id"].split("-")
    quantity, value = (size / price, size) if fill["size_in_quote"] else (size, price * size)
    sign = 1 if fill["side"] == "BUY" else -1
    yield base, sign * quantity
    yield quote, -sign * value - fee


@pytest.mark.parametrize("label", ["everyday", "everyday-ed25519", "large", "trader", "mover"])
async def test_a_right_signature_opens_the_wallets(client: httpx.AsyncClient, label: str) -> None:
    assert (await data(client, "/accounts", KEYS[label]))["accounts"]


WRONG: dict[str, dict[str, Any]] = {
    "another path": {"uri": f"GET {HOST}{API}/portfolios"},
    "another method": {"uri": f"POST {HOST}{API}/accounts"},
    "another host": {"uri": f"GET api.coinbase.com{API}/accounts"},
    "host without its port": {"uri": f"GET simulator{API}/accounts"},
    "the query in it": {"uri": f"GET {HOST}{API}/accounts?limit=250"},
    "another issuer": {"iss": "somebody"},
    "another subject": {"sub": "somebody"},
    "over": {"nbf": NOW - 121, "exp": NOW - 1},
    "not begun": {"nbf": NOW + 1, "exp": NOW + 100},
    "too long": {"exp": NOW + 121},
    "no end": {"exp": "soon"},
    "another key's name": {"kid": KEYS["large"].name},
    "another key's pair": {"kid": KEYS["large"].name, "sub": KEYS["large"].name},
    "nobody's name": {"kid": "organizations/o/apiKeys/k"},
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_signature_is_unauthorized_in_plain_text(client: httpx.AsyncClient, wrong: str) -> None:
    headers = {"authorization": f"Bearer {token('/accounts', **WRONG[wrong])}"}
    answer = await client.get(f"{API}/accounts", params={"limit": 250}, headers=headers)
    assert (answer.status_code, answer.headers["content-type"], answer.text) == (401, "text/plain", "Unauthorized\n")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer not.a.token", "Basic {}", "{}"])
async def test_without_a_token_nothing_is_told(client: httpx.AsyncClient, header: str) -> None:
    headers = {"authorization": header.format(token("/accounts"))}
    assert (await client.get(f"{API}/accounts", headers=headers)).status_code == 401


async def test_a_revoked_key_is_unauthorized(client: httpx.AsyncClient) -> None:
    assert (await ask(client, "/accounts", KEYS["revoked"])).status_code == 401


async def test_a_key_that_may_not_view_sees_its_rights_only(client: httpx.AsyncClient) -> None:
    refused = await ask(client, "/accounts", KEYS["blind"])
    words = "Missing required scopes"
    assert refused.status_code == 403
    assert refused.json() == {"error": "PERMISSION_DENIED", "error_details": words, "message": words}
    assert (await data(client, "/key_permissions", KEYS["blind"]))["can_view"] is False


@pytest.mark.parametrize(
    ("label", "rights"), [("everyday", []), ("trader", ["can_trade"]), ("mover", ["can_transfer"])]
)
async def test_a_key_tells_what_it_may_do(client: httpx.AsyncClient, label: str, rights: list[str]) -> None:
    told = await data(client, "/key_permissions", KEYS[label])
    assert [name for name, right in told.items() if right is True] == ["can_view", *rights]
    portfolios = (await data(client, "/portfolios", KEYS[label]))["portfolios"]
    assert [portfolio["uuid"] for portfolio in portfolios] == [told["portfolio_uuid"]]


async def test_accounts_come_49_at_a_time_unless_told_and_250_at_most(client: httpx.AsyncClient) -> None:
    large = KEYS["large"]
    for query, first in (({}, 49), ({"limit": 100}, 100), ({"limit": 250}, 250), ({"limit": 1000}, 250)):
        found = await pages(client, "/accounts", large, **query)
        rows = [row for page in found for row in page["accounts"]]
        assert len(found[0]["accounts"]) == found[0]["size"] == first
        assert [page["has_next"] for page in found] == [True] * (len(found) - 1) + [False]
        assert len({row["uuid"] for row in rows}) == len(rows) > 300


async def test_wallets_hold_what_deposits_and_fills_make(client: httpx.AsyncClient) -> None:
    for label in ("everyday", "large"):
        accounts = [row for page in await pages(client, "/accounts", KEYS[label]) for row in page["accounts"]]
        fills = [row for page in await pages(client, FILLS, KEYS[label]) for row in page["fills"]]
        truth = await told(client, label)
        made: dict[str, Decimal] = defaultdict(Decimal)
        for deposit in truth["deposits"]:
            made[deposit["currency"]] += Decimal(deposit["quantity"])
        for fill in fills:
            for code, change in changes(fill):
                made[code] += change
        assert len(fills) == truth["fills"]
        assert totals(accounts) == {code: Decimal(quantity) for code, quantity in truth["balances"].items()} == made
        assert min(made.values()) > 0


async def test_wallets_are_of_every_sort(client: httpx.AsyncClient) -> None:
    accounts = (await data(client, "/accounts", limit=250))["accounts"]
    assert {row["type"] for row in accounts} == {"ACCOUNT_TYPE_FIAT", "ACCOUNT_TYPE_CRYPTO", "ACCOUNT_TYPE_VAULT"}
    assert [row["currency"] for row in accounts].count("BTC") == 2  # one is a vault
    assert any(amount(row["hold"]["value"]) for row in accounts)
    assert {"", "0"} <= {row["available_balance"]["value"] for row in accounts}
    assert {row["deleted_at"] for row in accounts} == {None}


async def test_one_account_can_be_asked_for(client: httpx.AsyncClient) -> None:
    row = (await data(client, "/accounts"))["accounts"][2]
    assert await data(client, f"/accounts/{row['uuid']}") == {"account": row}
    assert (await ask(client, f"/accounts/{row['uuid']}", KEYS["large"])).json()["error"] == "NOT_FOUND"


async def test_fills_come_newest_first_and_none_is_lost_between_pages(client: httpx.AsyncClient) -> None:
    rows = [row for page in await pages(client, FILLS, EVERYDAY, limit=70) for row in page["fills"]]
    times = [row["trade_time"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert len({row["trade_id"] for row in rows}) == len({row["entry_id"] for row in rows}) == len(rows) > 250
    assert len({row["order_id"] for row in rows}) < len(rows)
    assert {row["size_in_quote"] for row in rows} == {True, False}
    assert {row["side"] for row in rows} == {"BUY", "SELL"}
    assert len((await data(client, FILLS))["fills"]) == 100


async def test_fills_are_at_the_market_s_price(client: httpx.AsyncClient) -> None:
    market = Market(SimulatorSettings())
    for fill in (await data(client, FILLS))["fills"]:
        base, quote = fill["product_id"].split("-")
        second = int(datetime.fromisoformat(fill["trade_time"]).timestamp())
        price = market.quote(market.coins[COINS[base]], CURRENCIES[quote.lower()], second)
        assert price
        assert float(fill["price"]) == pytest.approx(price.price, rel=1e-3)


async def test_fills_can_be_chosen(client: httpx.AsyncClient) -> None:
    rows = (await data(client, FILLS))["fills"]
    order, since = rows[3]["order_id"], rows[30]["sequence_timestamp"]
    chosen = {
        "order_ids": [row for row in rows if row["order_id"] == order],
        "trade_ids": rows[3:4],
        "start_sequence_timestamp": rows[:31],
    }
    for name, value in (("order_ids", order), ("trade_ids", rows[3]["trade_id"]), ("start_sequence_timestamp", since)):
        assert (await data(client, FILLS, **{name: value}))["fills"] == chosen[name]
    older = (await data(client, FILLS, end_sequence_timestamp=since))["fills"]
    assert older[:70] == rows[30:]
    of_two = (await data(client, FILLS, product_ids=["BTC-EUR", "ADA-USD"]))["fills"]
    assert {row["product_id"] for row in of_two} == {"BTC-EUR", "ADA-USD"}


def test_what_has_happened_stays_whenever_it_is_asked_for() -> None:
    market = Market(SimulatorSettings())
    user = users_of(market)["everyday"]
    stepwise, at_once = Ledger(user, market, 1), Ledger(user, market, 1)
    between_fills = [fill.at_ms / 1000 for fill in at_once.fills(NOW)[::20]]
    for now in sorted([*range(OPENED - DAY_S, NOW, 50 * DAY_S), *between_fills]):
        assert stepwise.fills(now) == [fill for fill in at_once.fills(NOW) if fill.at_ms <= now * 1000]
        assert stepwise.balances(now) == at_once.balances(now)
    assert stepwise.balances(OPENED - 1) == {}
    assert Ledger(user, market, 2).fills(NOW) != at_once.fills(NOW)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/accounts", {"limit": 0}),
        ("/accounts", {"limit": "many"}),
        ("/accounts", {"cursor": "x"}),
        (FILLS, {"cursor": "-1"}),
        (FILLS, {"start_sequence_timestamp": "yesterday"}),
    ],
)
async def test_a_wrong_argument_is_named(client: httpx.AsyncClient, path: str, query: dict[str, Any]) -> None:
    answer = await ask(client, path, **query)
    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_ARGUMENT")
    assert next(iter(query)) in answer.json()["message"]


async def test_too_many_requests_of_one_key_are_refused(client: httpx.AsyncClient) -> None:
    app = create_simulator(SimulatorSettings(coinbase_key_burst=3), lambda: NOW)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{HOST}") as hurried:
        answers = [await ask(hurried, "/accounts", limit=1) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[-1].json()["errors"][0]["id"] == "rate_limit_exceeded"
        assert (await ask(hurried, "/accounts", KEYS["large"])).status_code == 200


async def test_a_rate_limit_may_say_nothing_at_all(client: httpx.AsyncClient) -> None:
    await arm(client, "429-empty")
    answer = await ask(client, "/accounts")
    assert (answer.status_code, answer.content, "retry-after" in answer.headers) == (429, b"", False)


async def test_a_key_can_be_refused_from_some_answer_on(client: httpx.AsyncClient) -> None:
    await arm(client, "401", after=2, count=1)
    answers = [await ask(client, "/accounts") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 401, 200]
    wrong = {"provider": "coinbase", "kind": "401", "after": 0.5}
    assert (await client.post("/_control/faults", json=wrong)).status_code == 400


@pytest.mark.parametrize("path", ["/accounts", FILLS])
async def test_a_cursor_that_repeats_leads_to_the_same_page_for_ever(client: httpx.AsyncClient, path: str) -> None:
    first = await data(client, path, KEYS["large"], limit=100)
    await arm(client, "cursor-repeats")
    again = [await data(client, path, KEYS["large"], limit=100, cursor=first["cursor"]) for _ in range(2)]
    assert again[0] == again[1]
    assert again[0]["cursor"] == first["cursor"]
    assert (await client.get("/_control/log")).json()[-1]["damaged"] == 1


async def test_a_cursor_that_repeats_hides_the_end_too(client: httpx.AsyncClient) -> None:
    await arm(client, "cursor-repeats")
    last = await data(client, "/accounts", KEYS["large"], limit=250, cursor="250")
    assert (last["has_next"], last["cursor"]) == (True, "250")


async def test_a_page_can_lose_its_accounts_and_still_have_a_next_one(client: httpx.AsyncClient) -> None:
    await arm(client, "empty", count=1)
    page = await data(client, "/accounts", KEYS["large"])
    assert (page["accounts"], page["has_next"], page["cursor"]) == ([], True, "49")


async def test_accounts_can_vanish(client: httpx.AsyncClient) -> None:
    whole = (await data(client, "/accounts", KEYS["large"]))["accounts"]
    await arm(client, "gap", arg=0.2)
    left = (await data(client, "/accounts", KEYS["large"]))["accounts"]
    assert 0 < len(left) < len(whole)
    assert [row for row in whole if row in left] == left


@pytest.mark.parametrize(("kind", "value"), [("null", None), ("zero", 0), ("string-number", " USD"), ("negative", "-")])
async def test_amounts_can_be_damaged(client: httpx.AsyncClient, kind: str, value: Any) -> None:
    await arm(client, kind)
    damaged = (await data(client, "/accounts"))["accounts"][0]["available_balance"]["value"]
    assert value in damaged if isinstance(damaged, str) else damaged == value


async def test_the_log_names_no_key_and_the_provider_has_no_prices(client: httpx.AsyncClient) -> None:
    await ask(client, "/accounts", limit=1)
    await client.get(f"{API}/accounts")
    log = await client.get("/_control/log")
    assert [entry["key"] for entry in log.json()] == ["signed", "unknown"]
    assert EVERYDAY.name not in log.text
    assert (await client.get("/_control/truth?provider=coinbase")).status_code == 400
    correction = {"provider": "coinbase", "kind": "correction"}
    assert (await client.post("/_control/faults", json=correction)).status_code == 400


async def test_the_keys_can_be_had_from_the_simulator(client: httpx.AsyncClient) -> None:
    keys = (await client.get("/_control/wallets")).json()["keys"]
    assert keys["everyday"]["secret"].startswith("-----BEGIN EC PRIVATE KEY-----")
    assert {label: (key["name"], key["secret"]) for label, key in keys.items()} == {
        label: (key.name, key.secret) for label, key in KEYS.items()
    }
