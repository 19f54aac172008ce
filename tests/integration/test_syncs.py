"""Syncs of accounts against the simulated sources: everything once, nothing lost, and never half a report."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from db.transfers import unlink_transfer
from simulator.bitcoin_wallets import WALLETS
from simulator.coinbase_keys import KEYS
from tests.wallets import OWNER, Wallets, open_wallets
from tests.world import World

pytestmark = [pytest.mark.slow, pytest.mark.one_store]
# Of a sync that has little to catch up with: what the key may do, and one page of fills.
BEFORE_ACCOUNTS = 2


@pytest.fixture
async def wallets(world: World) -> Wallets:
    return await open_wallets(world)


async def bitcoin_truth(wallets: Wallets, label: str) -> tuple[Decimal, int]:
    """In bitcoins, and how many transactions made that."""
    found = (await wallets.truth())["bitcoin"][label]
    return Decimal(found["satoshis"]) / 100_000_000, found["transactions"]


async def test_a_coinbase_account_ends_up_with_its_balances_and_two_transactions_a_fill(wallets: Wallets) -> None:
    account = await wallets.add_coinbase("everyday")

    run = await wallets.sync(account)

    assert (run.status, run.error_message) == ("SUCCEEDED", None)
    assert await wallets.holdings(account) == await wallets.coinbase_truth("everyday")
    fills = (await wallets.truth())["coinbase"]["everyday"]["fills"]
    assert await wallets.transactions(account) == run.transactions_new == 2 * fills
    row = await wallets.account(account)
    assert (row.status, row.problem, row.last_synced_at) == ("OK", None, wallets.world.clock.now())


async def test_a_second_sync_adds_nothing(wallets: Wallets) -> None:
    account, address = await wallets.add_coinbase("everyday"), await wallets.add_bitcoin("busy")
    await wallets.request(account, address)
    await wallets.work()
    reports = await wallets.reports(account), await wallets.reports(address)

    wallets.world.clock.advance(timedelta(minutes=1))
    again = [await wallets.sync(account), await wallets.sync(address)]

    assert [(run.status, run.transactions_new) for run in again] == [("SUCCEEDED", 0)] * 2
    assert (await wallets.reports(account), await wallets.reports(address)) == reports


async def test_what_happens_later_is_read_without_the_whole_history_and_adds_reports(wallets: Wallets) -> None:
    account, address = await wallets.add_coinbase("everyday"), await wallets.add_bitcoin("busy")
    first = [await wallets.sync(account), await wallets.sync(address)]
    reports = await wallets.reports(account)

    wallets.world.clock.advance(timedelta(days=40))
    later = [await wallets.sync(account), await wallets.sync(address)]

    assert all(run.transactions_new > 0 for run in later)
    assert all(run.requests < before.requests for run, before in zip(later, first, strict=True))
    assert await wallets.holdings(account) == await wallets.coinbase_truth("everyday")
    fills = (await wallets.truth())["coinbase"]["everyday"]["fills"]
    assert await wallets.transactions(account) == 2 * fills
    assert set(reports) < set(await wallets.reports(account))
    _, count = await bitcoin_truth(wallets, "busy")
    assert await wallets.transactions(address) == count


@pytest.mark.parametrize("label", WALLETS)
async def test_an_address_ends_up_with_its_balance_and_the_transactions_that_made_it(
    wallets: Wallets, label: str
) -> None:
    account = await wallets.add_bitcoin(label)

    run = await wallets.sync(account)

    balance, count = await bitcoin_truth(wallets, label)
    assert run.status == "SUCCEEDED"
    assert (await wallets.holdings(account)).get("BTC", Decimal()) == balance
    assert await wallets.transactions(account) == run.transactions_new == count
    total = await wallets.world.scalar(
        "select coalesce(sum(change), 0) from transactions where account_id = %s", account
    )
    assert total == balance


async def test_300_wallets_are_all_read_and_an_unknown_code_is_said(wallets: Wallets) -> None:
    await wallets.world.know()
    account = await wallets.add_coinbase("large")

    run = await wallets.sync(account)

    truth = await wallets.coinbase_truth("large")
    unknown = await wallets.world.scalar(
        "select array_agg(code order by code) from unknown_assets where account_id = %s", account
    )
    assert "XYZQ" in unknown
    assert await wallets.holdings(account) == {code: value for code, value in truth.items() if code not in unknown}
    row = await wallets.account(account)
    assert (run.status, run.error_code, row.status) == ("PARTIAL", "DATA_INCOMPLETE", "INCOMPLETE")
    assert "XYZQ" in (row.problem or "")
    assert len(await wallets.world.simulator.requests("/accounts")) == 2


async def test_a_code_that_becomes_known_brings_its_whole_history(wallets: Wallets) -> None:
    account = await wallets.add_coinbase("everyday")
    await wallets.world.execute("update coins set symbol = 'hidden' where slug = 'cardano'")
    before = await wallets.sync(account)
    assert "ADA" in (before.error_message or "")

    await wallets.world.execute("update coins set symbol = 'ada' where slug = 'cardano'")
    after = await wallets.sync(account)

    assert (after.status, (await wallets.account(account)).status) == ("SUCCEEDED", "OK")
    fills = (await wallets.truth())["coinbase"]["everyday"]["fills"]
    assert await wallets.transactions(account) == 2 * fills
    assert await wallets.holdings(account) == await wallets.coinbase_truth("everyday")


async def test_another_coin_of_the_same_symbol_takes_nothing_away(wallets: Wallets) -> None:
    account = await wallets.add_coinbase("everyday")
    await wallets.sync(account)

    await wallets.world.execute(
        "insert into coins (slug, symbol, name, tracked, rank) values ('twin', 'BTC', 'Twin', true, 1)"
    )
    run = await wallets.sync(account)

    assert run.status == "SUCCEEDED"
    assert await wallets.holdings(account) == await wallets.coinbase_truth("everyday")


async def test_of_two_coins_with_one_symbol_neither_is_guessed(wallets: Wallets) -> None:
    await wallets.world.execute("insert into coins (slug, symbol, name, tracked) values ('twin', 'BTC', 'Twin', true)")
    account = await wallets.add_coinbase("everyday")

    run = await wallets.sync(account)

    assert run.status == "PARTIAL"
    assert "BTC" not in await wallets.holdings(account)
    assert "BTC" in (run.error_message or "")


async def test_asking_twice_joins_the_run_that_is_open(wallets: Wallets) -> None:
    account = await wallets.add_bitcoin("savings")
    first = await wallets.request(account)
    assert await wallets.request(account) == first
    assert await wallets.world.scalar("select count(*) from procrastinate_jobs") == 1

    await wallets.work()
    assert (await wallets.request(account))[account] > first[account]


async def test_manual_accounts_and_those_of_others_have_no_sync(wallets: Wallets) -> None:
    manual, address = await wallets.add_manual("Paper"), await wallets.add_bitcoin("savings")
    await wallets.world.execute("update portfolios set owner = 'bob'")
    assert await wallets.request(manual, address) == {}


@pytest.mark.parametrize(("label", "words"), [("revoked", "refused the key"), ("trader", "may trade")])
async def test_a_key_that_is_refused_is_said_in_words(wallets: Wallets, label: str, words: str) -> None:
    account = await wallets.add_coinbase(label)

    run = await wallets.sync(account)

    row = await wallets.account(account)
    assert (run.status, row.status, row.last_synced_at) == ("FAILED", "AUTH_FAILED", None)
    assert words in (row.problem or "")
    assert KEYS[label].secret not in f"{row} {run}"
    assert await wallets.reports(account) == []


async def test_a_key_revoked_in_the_middle_loses_nothing(wallets: Wallets) -> None:
    account = await wallets.add_coinbase("everyday")
    await wallets.sync(account)
    reports, stored = await wallets.reports(account), await wallets.transactions(account)
    wallets.world.clock.advance(timedelta(days=40))

    await wallets.world.simulator.fault("401", provider="coinbase", after=BEFORE_ACCOUNTS)
    run = await wallets.sync(account)

    assert (run.status, (await wallets.account(account)).status) == ("FAILED", "AUTH_FAILED")
    assert await wallets.reports(account) == reports
    assert await wallets.transactions(account) > stored

    await wallets.world.simulator.heal()
    assert (await wallets.sync(account)).status == "SUCCEEDED"
    assert (await wallets.account(account)).status == "OK"
    assert await wallets.holdings(account) == await wallets.coinbase_truth("everyday")


async def test_without_the_key_of_keys_the_account_says_what_to_set(wallets: Wallets) -> None:
    account = await wallets.add_coinbase("everyday")
    wallets.vault = wallets.vault.from_keys(wallets.vault.new_key())
    run = await wallets.sync(account)
    assert (run.status, (await wallets.account(account)).status) == ("FAILED", "ERROR")
    assert "PRICEGRAPH_ENCRYPTION_KEY" in (run.error_message or "")


@pytest.mark.parametrize(
    ("source", "kind"), [("coinbase", "429"), ("coinbase", "429-empty"), ("esplora", "429-noheader")]
)
async def test_a_rate_limit_is_waited_for(wallets: Wallets, source: str, kind: str) -> None:
    account = await (wallets.add_coinbase("everyday") if source == "coinbase" else wallets.add_bitcoin("busy"))
    run = (await wallets.request(account))[account]
    await wallets.world.execute("update procrastinate_jobs set status = 'doing'")
    await wallets.world.simulator.fault(kind, provider=source, arg=120)

    await wallets.syncer.run_sync(run)

    waiting = await wallets.run(run)
    assert (waiting.status, waiting.error_code) == ("WAITING_RATE_LIMIT", "PROVIDER_RATE_LIMITED")
    assert waiting.resumes_at
    assert waiting.resumes_at > wallets.world.clock.now()
    assert (await wallets.account(account)).status == "OK"
    assert (
        await wallets.world.scalar("select scheduled_at from procrastinate_jobs where status = 'todo'")
        == waiting.resumes_at
    )

    await wallets.world.simulator.heal()
    await wallets.work()
    assert (await wallets.run(run)).status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("source", "label", "kind"), [("coinbase", "large", "cursor-repeats"), ("esplora", "busy", "first-page")]
)
async def test_a_list_that_goes_round_in_circles_changes_no_balance(
    wallets: Wallets, source: str, label: str, kind: str
) -> None:
    account = await (wallets.add_coinbase(label) if source == "coinbase" else wallets.add_bitcoin(label))
    await wallets.sync(account)
    reports, synced = await wallets.reports(account), (await wallets.account(account)).last_synced_at
    wallets.world.clock.advance(timedelta(days=400))
    await wallets.world.simulator.fault(kind, provider=source)

    run = await wallets.sync(account)

    row = await wallets.account(account)
    assert (run.status, row.status, row.last_synced_at) == ("FAILED", "ERROR", synced)
    assert "circles" in (row.problem or "")
    assert await wallets.reports(account) == reports

    await wallets.world.simulator.heal()
    assert (await wallets.sync(account)).status in ("SUCCEEDED", "PARTIAL")
    if source == "esplora":
        balance, count = await bitcoin_truth(wallets, label)
        assert (await wallets.holdings(account), await wallets.transactions(account)) == ({"BTC": balance}, count)


@pytest.mark.parametrize("label", ["everyday", "large"])
async def test_a_list_of_wallets_that_comes_empty_makes_no_holding_disappear(wallets: Wallets, label: str) -> None:
    account = await wallets.add_coinbase(label)
    await wallets.sync(account)
    reports = await wallets.reports(account)
    await wallets.world.simulator.fault("empty", provider="coinbase", after=BEFORE_ACCOUNTS)

    run = await wallets.sync(account)

    assert (run.status, (await wallets.account(account)).status) == ("FAILED", "ERROR")
    assert await wallets.reports(account) == reports


async def test_a_wallet_that_is_missing_from_the_list_is_looked_for_once_more(wallets: Wallets) -> None:
    account = await wallets.add_coinbase("everyday")
    await wallets.sync(account)
    await wallets.world.simulator.fault("partial-page", provider="coinbase", after=BEFORE_ACCOUNTS, count=1)

    run = await wallets.sync(account)

    assert run.status == "SUCCEEDED"
    assert await wallets.holdings(account) == await wallets.coinbase_truth("everyday")


async def test_a_source_that_is_down_is_asked_again_and_then_given_up_in_words(wallets: Wallets) -> None:
    account = await wallets.add_bitcoin("savings")
    await wallets.world.simulator.fault("503", provider="esplora")
    run = await wallets.sync(account)
    assert (run.status, run.error_code) == ("FAILED", "PROVIDER_ERROR")
    assert (await wallets.account(account)).status == "ERROR"


async def test_what_is_sold_out_and_not_reported_any_more_is_reported_as_nothing(wallets: Wallets) -> None:
    account = await wallets.add_coinbase("everyday")
    await wallets.sync(account)
    coin = await wallets.world.scalar(
        "insert into assets (coin_id) select id from coins where slug = 'tron' returning id"
    )
    taken = wallets.world.clock.now()
    await wallets.world.execute("insert into balances values (%s, %s, %s, 5)", account, coin, taken)
    wallets.world.clock.advance(timedelta(seconds=1))

    await wallets.sync(account)

    reports = [row for row in await wallets.reports(account) if row[0] == "TRX"]
    assert [quantity for *_, quantity in reports] == [5, 0]


async def read_pairs(wallets: Wallets) -> list[tuple[Decimal, Decimal]]:
    """What left and what came in."""
    query = (
        "select o.quantity, i.quantity from transfers x "
        "join transactions o on o.id = x.outgoing_id join transactions i on i.id = x.incoming_id"
    )
    async with wallets.world.database.connection() as connection:
        return [(row[0], row[1]) for row in await (await connection.execute(query)).fetchall()]


async def test_payments_between_two_addresses_of_a_portfolio_are_transfers(wallets: Wallets) -> None:
    for label in ("savings", "busy"):
        await wallets.sync(await wallets.add_bitcoin(label))

    pairs = await read_pairs(wallets)

    shared = await wallets.world.scalar(
        "select count(*) from (select external_id from transactions group by 1 having count(*) = 2) twice"
    )
    assert 0 < len(pairs) == shared
    assert all(received < sent <= received * Decimal("1.1") for sent, received in pairs)

    one = await wallets.world.scalar("select min(incoming_id) from transfers")
    async with wallets.world.database.transaction() as connection:
        assert await unlink_transfer(connection, OWNER, one)
    await wallets.sync(await wallets.add_bitcoin("unused"))
    assert len(await read_pairs(wallets)) == shared - 1
