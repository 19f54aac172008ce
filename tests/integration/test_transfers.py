"""Internal transfers: found where there is no doubt, made and taken apart by hand, and never across owners."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from db.transactions import Kind, NewTransaction, add_transactions
from db.transfers import Link, link_transfer, match_transfers, unlink_transfer
from tests.wallets import OWNER, Wallets, open_wallets
from tests.world import NOW, World

pytestmark = [pytest.mark.slow, pytest.mark.one_store]

HOUR = timedelta(hours=1)
TXID = "ab" * 32


@dataclass
class Ledger:
    """Three accounts of a portfolio, the last one a bitcoin address, and two assets."""

    wallets: Wallets
    accounts: tuple[int, int, int]
    assets: tuple[int, int]

    async def add(
        self, place: int, kind: Kind, quantity: str, at: datetime = NOW, id_: str | None = None, asset: int = 0
    ) -> int:
        row = NewTransaction(self.assets[asset], kind, at, Decimal(quantity), None, None, None, None, id_)
        async with self.wallets.world.database.transaction() as connection:
            (added,) = await add_transactions(connection, self.accounts[place], [row], NOW)
        assert added is not None
        return added

    async def match(self) -> list[tuple[int, int]]:
        """All pairs there are afterwards."""
        async with self.wallets.world.database.transaction() as connection:
            await match_transfers(connection, self.wallets.portfolio)
            rows = await (
                await connection.execute("select outgoing_id, incoming_id from transfers order by 1")
            ).fetchall()
        return [(row[0], row[1]) for row in rows]

    async def link(self, outgoing: int, incoming: int, owner: str = OWNER) -> Link:
        async with self.wallets.world.database.transaction() as connection:
            return await link_transfer(connection, owner, outgoing, incoming)

    async def unlink(self, transaction: int, owner: str = OWNER) -> bool:
        async with self.wallets.world.database.transaction() as connection:
            return await unlink_transfer(connection, owner, transaction)


@pytest.fixture
async def ledger(world: World) -> Ledger:
    wallets = await open_wallets(world)
    accounts = await wallets.add_manual("One"), await wallets.add_manual("Two"), await wallets.add_bitcoin("savings")
    query = "insert into assets (coin_id) select id from coins where slug = %s returning id"
    assets = await world.scalar(query, "bitcoin"), await world.scalar(query, "ethereum")
    return Ledger(wallets, accounts, assets)


async def test_what_leaves_one_account_and_reaches_another_within_a_day_is_a_transfer(ledger: Ledger) -> None:
    sent = await ledger.add(0, Kind.WITHDRAWAL, "1")
    got = await ledger.add(2, Kind.DEPOSIT, "0.99", NOW + 24 * HOUR, TXID)
    late = await ledger.add(0, Kind.TRANSFER_OUT, "5", asset=1)
    in_ = await ledger.add(1, Kind.TRANSFER_IN, "5", NOW + HOUR, asset=1)
    assert await ledger.match() == [(sent, got), (late, in_)]
    assert await ledger.match() == [(sent, got), (late, in_)]


@pytest.mark.parametrize(
    ("kind", "quantity", "after", "place", "asset"),
    [
        (Kind.DEPOSIT, "0.9899", HOUR, 1, 0),  # more than a hundredth is missing
        (Kind.DEPOSIT, "1.0001", HOUR, 1, 0),  # more than was sent
        (Kind.DEPOSIT, "1", 24 * HOUR + timedelta(seconds=1), 1, 0),  # too late
        (Kind.DEPOSIT, "1", -timedelta(seconds=1), 1, 0),  # before it was sent
        (Kind.DEPOSIT, "1", HOUR, 0, 0),  # the same account
        (Kind.DEPOSIT, "1", HOUR, 1, 1),  # another asset
        (Kind.BUY, "1", HOUR, 1, 0),
        (Kind.REWARD, "1", HOUR, 1, 0),
    ],
)
async def test_what_only_looks_like_a_transfer_is_none(
    ledger: Ledger, kind: Kind, quantity: str, after: timedelta, place: int, asset: int
) -> None:
    await ledger.add(0, Kind.WITHDRAWAL, "1")
    await ledger.add(place, kind, quantity, NOW + after, asset=asset)
    assert await ledger.match() == []


@pytest.mark.parametrize("twin", [Kind.WITHDRAWAL, Kind.DEPOSIT])
async def test_of_two_possible_partners_neither_is_guessed(ledger: Ledger, twin: Kind) -> None:
    await ledger.add(0, Kind.WITHDRAWAL, "1")
    await ledger.add(1, Kind.DEPOSIT, "0.999", NOW + HOUR)
    await ledger.add(2, twin, "0.995" if twin is Kind.DEPOSIT else "1", NOW + HOUR / 2)
    assert await ledger.match() == []


async def test_the_network_s_own_id_tells_whatever_else_there_is(ledger: Ledger) -> None:
    sent = await ledger.add(0, Kind.WITHDRAWAL, "1", id_=TXID)
    got = await ledger.add(2, Kind.DEPOSIT, "0.95", NOW - 2 * HOUR, TXID)
    await ledger.add(1, Kind.DEPOSIT, "1", NOW + HOUR)
    assert await ledger.match() == [(sent, got)]


async def test_a_payment_that_pays_somebody_else_as_well_is_no_transfer(ledger: Ledger) -> None:
    await ledger.add(0, Kind.WITHDRAWAL, "1", id_=TXID)
    await ledger.add(2, Kind.DEPOSIT, "0.5", NOW, TXID)
    assert await ledger.match() == []


async def test_two_addresses_make_no_transfer_without_the_same_network_id(ledger: Ledger) -> None:
    other = await ledger.wallets.add_bitcoin("busy")
    ledger.accounts = (other, *ledger.accounts[1:])
    await ledger.add(0, Kind.WITHDRAWAL, "1", id_="cd" * 32)
    await ledger.add(2, Kind.DEPOSIT, "1", NOW + HOUR, TXID)
    assert await ledger.match() == []


async def test_the_money_of_a_trade_is_no_transfer(ledger: Ledger) -> None:
    await ledger.add(0, Kind.WITHDRAWAL, "100", id_="fill:1:cash")
    await ledger.add(1, Kind.DEPOSIT, "100", NOW + HOUR, "fill:2:cash")
    assert await ledger.match() == []


async def test_a_pair_that_was_taken_apart_stays_apart_until_it_is_made_by_hand(ledger: Ledger) -> None:
    sent, got = await ledger.add(0, Kind.WITHDRAWAL, "1"), await ledger.add(1, Kind.DEPOSIT, "1", NOW + HOUR)
    pair = [(sent, got)]
    assert await ledger.match() == pair

    assert await ledger.unlink(got)
    assert not await ledger.unlink(got)
    assert await ledger.match() == []

    assert await ledger.link(sent, got) is Link.LINKED
    assert await ledger.unlink(sent)
    assert await ledger.link(sent, got) is Link.LINKED
    assert await ledger.match() == pair


async def test_a_partner_that_was_refused_stands_in_nobody_s_way(ledger: Ledger) -> None:
    sent, wrong = await ledger.add(0, Kind.WITHDRAWAL, "1"), await ledger.add(1, Kind.DEPOSIT, "1", NOW + HOUR)
    assert await ledger.match() == [(sent, wrong)]
    await ledger.unlink(sent)

    right = await ledger.add(2, Kind.DEPOSIT, "0.999", NOW + 2 * HOUR, TXID)

    assert await ledger.match() == [(sent, right)]


async def test_by_hand_any_amounts_and_times_are_paired_but_only_what_can_be_one(ledger: Ledger) -> None:
    sent, got = await ledger.add(0, Kind.WITHDRAWAL, "1"), await ledger.add(1, Kind.DEPOSIT, "7", NOW - 90 * HOUR)
    more = await ledger.add(1, Kind.DEPOSIT, "1", NOW + HOUR)
    other = await ledger.add(1, Kind.DEPOSIT, "1", NOW + HOUR, asset=1)
    same = await ledger.add(0, Kind.DEPOSIT, "1", NOW + HOUR)

    assert await ledger.link(sent, sent) is Link.NO_PAIR
    assert await ledger.link(got, sent) is Link.NO_PAIR
    assert await ledger.link(sent, other) is Link.NO_PAIR
    assert await ledger.link(sent, same) is Link.NO_PAIR
    assert await ledger.link(sent, 999) is Link.UNKNOWN
    assert await ledger.link(sent, got) is Link.LINKED
    assert await ledger.link(sent, more) is Link.TAKEN


async def test_somebody_else_s_transactions_do_not_exist(ledger: Ledger) -> None:
    sent, got = await ledger.add(0, Kind.WITHDRAWAL, "1"), await ledger.add(1, Kind.DEPOSIT, "1", NOW + HOUR)
    assert await ledger.link(sent, got, owner="bob") is Link.UNKNOWN
    assert await ledger.link(sent, got) is Link.LINKED
    assert not await ledger.unlink(sent, owner="bob")


async def test_ten_thousand_transactions_of_each_side_are_matched_in_one_statement(ledger: Ledger) -> None:
    """Twelve years of two movements a day, each with a partner of its own amount."""
    await ledger.wallets.world.execute(
        "insert into transactions (account_id, asset_id, kind, at, quantity, created_at) "
        "select case when side = 0 then %s else %s end, %s, case when side = 0 then 'WITHDRAWAL' else 'DEPOSIT' end, "
        "%s - n * interval '10 hours' + side * interval '1 hour', 1000 + 100 * (n %% 7), now() "
        "from generate_series(1, 10000) n, generate_series(0, 1) side",
        ledger.accounts[0],
        ledger.accounts[1],
        ledger.assets[0],
        NOW,
    )
    assert len(await ledger.match()) == 10_000
