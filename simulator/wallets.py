"""`/_control/wallets`: what every simulated account and address holds, and the keys that open them."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.bitcoin_chain import Chain
from simulator.bitcoin_payloads import stats
from simulator.bitcoin_wallets import WALLETS, BitcoinWallet
from simulator.coinbase_keys import KEYS, ApiKey
from simulator.coinbase_ledger import Ledger
from simulator.instants import rfc3339


def wallets_route(ledgers: Mapping[str, Ledger], chain: Chain, clock: Callable[[], float]) -> Route:
    async def respond(_: Request) -> Response:
        now = clock()
        told = {
            "coinbase": {name: _user(ledger, now) for name, ledger in ledgers.items()},
            "keys": {label: _key(key) for label, key in KEYS.items()},
            "bitcoin": {label: _wallet(wallet, chain, now) for label, wallet in WALLETS.items()},
        }
        return Response(orjson.dumps(told), media_type="application/json")

    return Route("/wallets", respond)


def _user(ledger: Ledger, now: float) -> dict[str, Any]:
    """`deposits` are what no endpoint of Advanced Trade lists: with the fills they make the balances."""
    deposits = [
        {"at": rfc3339(deposit.at), "currency": deposit.code, "quantity": f"{deposit.quantity:f}"}
        for deposit in ledger.deposits(now)
    ]
    balances = {code: f"{quantity:f}" for code, quantity in ledger.balances(now).items()}
    return {"balances": balances, "fills": len(ledger.fills(now)), "deposits": deposits}


def _key(key: ApiKey) -> dict[str, Any]:
    rights = {"can_view": key.can_view, "can_trade": key.can_trade, "can_transfer": key.can_transfer}
    told = {"user": key.user, "name": key.name, "algorithm": key.algorithm, "secret": key.secret}
    return {**told, **rights, "revoked": key.revoked}


def _wallet(wallet: BitcoinWallet, chain: Chain, now: float) -> dict[str, Any]:
    """Confirmed only; in satoshis."""
    sums = stats(wallet.script, chain.confirmed(wallet.script, now))
    balance = sums["funded_txo_sum"] - sums["spent_txo_sum"]
    return {"address": wallet.address, "satoshis": balance, "transactions": sums["tx_count"]}
