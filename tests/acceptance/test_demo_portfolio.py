"""What `pricegraph demo` shows of portfolios: the real process, with its worker and the simulated sources."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.demo import ask, demo, folder_for_all, note_of, wait_until
from tests.programs import Program

pytestmark = pytest.mark.slow

# Those that the simulated accounts hold.
SMALL = {
    "PRICEGRAPH_COINS": "bitcoin,ethereum,solana,cardano,dogecoin",
    "PRICEGRAPH_CURRENCIES": "usd,eur",
    "PRICEGRAPH_HISTORY_DAYS": "8",
}
MADE = "made the portfolios 'Demo' and 'Demo savings plan'"
SYNCED = "{ portfolios { accounts { __typename status lastSyncedAt } } }"
WORTH = """
{ portfolios {
  name
  valuation { complete total { amount } unpriced { quantity } incompleteAccounts { label } }
  history(from: "now-8d", interval: HOUR_4) { at complete }
} }
"""
RECONCILIATION = """
{ portfolios { accounts { label reconciliation { coin { symbol } currency { code } reported difference } } } }
"""
ALL = "{ portfolios { id name accounts { id label createdAt } transactions(first: 1) { totalCount } } }"
LINKED = "{ portfolios { transactions(kinds: [TRANSFER_OUT]) { nodes { transfer { kind account { label } } } } } }"


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Program, Path]]:
    with folder_for_all() as folder, demo(folder, **SMALL) as started:
        started.wait_for("refresh: succeeded")
        wait_until(lambda: synced(folder))
        yield started, folder


def read(folder: Path, query: str) -> Any:
    return ask(folder, query, Authorization=f"Bearer {note_of(folder)['token']}")


def synced(folder: Path) -> bool:
    accounts = [one for portfolio in read(folder, SYNCED)["portfolios"] for one in portfolio["accounts"]]
    sources = [one for one in accounts if one["__typename"] != "ManualAccount"]
    return bool(sources) and all(one["status"] == "OK" and one["lastSyncedAt"] for one in sources)


def test_its_portfolios_have_an_account_of_each_kind_and_are_worth_something_at_every_instant(
    running: tuple[Program, Path],
) -> None:
    started, folder = running

    everything, by_hand = read(folder, WORTH)["portfolios"]
    kinds = [one["__typename"] for one in read(folder, SYNCED)["portfolios"][0]["accounts"]]

    assert MADE in started.output
    assert kinds == ["CoinbaseAccount", "BitcoinAccount", "ManualAccount"]
    for portfolio in (everything, by_hand):
        now = portfolio["valuation"]
        assert (now["complete"], now["unpriced"], now["incompleteAccounts"]) == (True, [], [])
        assert Decimal(now["total"]["amount"]) > 10_000
        assert len(portfolio["history"]) >= 48
        assert all(point["complete"] for point in portfolio["history"])


def test_what_does_not_reconcile_is_what_coinbase_does_not_list(running: tuple[Program, Path]) -> None:
    _, folder = running
    wallets = httpx.get(f"{note_of(folder)['simulator']}/_control/wallets").json()["coinbase"]["everyday"]
    deposits: dict[str, Decimal] = {}
    for one in wallets["deposits"]:
        deposits[one["currency"]] = deposits.get(one["currency"], Decimal()) + Decimal(one["quantity"])

    exchange, address, by_hand = read(folder, RECONCILIATION)["portfolios"][0]["accounts"]

    assert differences(exchange) == deposits
    assert differences(address) == {}
    assert [row["coin"]["symbol"] for row in address["reconciliation"]] == ["btc"]
    assert by_hand["reconciliation"] == []


def differences(account: dict[str, Any]) -> dict[str, Decimal]:
    """By code; those that are nothing are left out."""
    found = {
        (row["coin"]["symbol"] if row["coin"] else row["currency"]["code"]).upper(): Decimal(row["difference"])
        for row in account["reconciliation"]
    }
    return {code: difference for code, difference in found.items() if difference}


def test_what_moved_to_the_savings_address_is_known_to_be_one_transfer(running: tuple[Program, Path]) -> None:
    _, folder = running

    everything, by_hand = read(folder, LINKED)["portfolios"]

    assert everything["transactions"]["nodes"] == [{"transfer": {"kind": "DEPOSIT", "account": {"label": "Savings"}}}]
    assert by_hand["transactions"]["nodes"] == []


def test_a_second_start_finds_what_was_left_and_the_key_that_opens_it() -> None:
    with folder_for_all() as folder:
        with demo(folder, **SMALL) as first:
            first.wait_for(MADE)
            wait_until(lambda: synced(folder))
            removed = read(folder, ALL)["portfolios"][0]["accounts"][1]["id"]
            read(folder, f'mutation {{ removeAccount(id: "{removed}") {{ ids errors {{ code }} }} }}')
            left = read(folder, ALL)
            key = (folder / "encryption-key").read_text()

        with demo(folder, **SMALL) as second:
            second.wait_for("refresh: succeeded")
            again = read(folder, "mutation { syncAccounts(waitSeconds: 30) { runs { status error { message } } } }")

            assert MADE not in second.output
            assert read(folder, ALL) == left
        assert again["syncAccounts"]["runs"] == [{"status": "SUCCEEDED", "error": None}]
        assert (folder / "encryption-key").read_text() == key
        assert (folder / "encryption-key").stat().st_mode & 0o777 == 0o600
        assert key not in first.output + second.output
