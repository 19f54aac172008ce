"""The transactions that the demo's owner has entered by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from db.transactions import Kind
from pricegraph.demo_trades import find_transfer, list_trades
from simulator.bitcoin_chain import Chain
from simulator.bitcoin_wallets import WALLETS
from simulator.currencies import CURRENCIES
from simulator.market import Market
from simulator.settings import SimulatorSettings

SETTINGS = SimulatorSettings()
MARKET, CHAIN = Market(SETTINGS), Chain(SETTINGS.seed)
TODAY = datetime(2026, 11, 20, tzinfo=UTC)
SIGNS = {Kind.BUY: 1, Kind.REWARD: 1, Kind.SELL: -1, Kind.TRANSFER_OUT: -1}
days = st.dates(date(2025, 6, 1), date(2032, 12, 31)).map(
    lambda day: datetime(day.year, day.month, day.day, tzinfo=UTC)
)


def test_they_are_about_thirty_over_two_years_and_always_the_same() -> None:
    trades = list_trades(MARKET, TODAY)

    assert len(trades) == 29
    assert trades == list_trades(Market(SETTINGS), TODAY)
    assert trades[0].at < TODAY - timedelta(days=690)
    assert {trade.kind for trade in trades} == {Kind.BUY, Kind.SELL, Kind.REWARD}


def test_their_prices_are_those_of_the_simulated_market() -> None:
    for trade in list_trades(MARKET, TODAY):
        quote = MARKET.quote(MARKET.coins[trade.coin], CURRENCIES["usd"], int(trade.at.timestamp()))

        assert quote is not None
        assert trade.price == round(Decimal(quote.price), 2)


def test_one_of_them_pays_the_savings_address_in_a_transaction_that_is_known_there() -> None:
    transfer = find_transfer(list_trades(MARKET, TODAY), CHAIN, TODAY)

    assert transfer is not None
    script = WALLETS["savings"].script
    [received] = [one for one in CHAIN.confirmed(script, TODAY.timestamp()) if one.txid == transfer.id]
    satoshis = sum(value for _, value in received.received(script))
    assert transfer.quantity == Decimal(satoshis + received.fee) / 10**8
    assert (transfer.kind, transfer.coin) == (Kind.TRANSFER_OUT, "bitcoin")


@given(days)
def test_whenever_the_demo_is_made_nothing_is_sold_before_it_was_bought(today: datetime) -> None:
    trades = list_trades(MARKET, today)
    transfer = find_transfer(trades, CHAIN, today)
    entered = sorted([*trades, transfer] if transfer else trades, key=lambda trade: trade.at)

    held: dict[str, Decimal] = {}
    for trade in entered:
        held[trade.coin] = held.get(trade.coin, Decimal()) + SIGNS[trade.kind] * trade.quantity
        assert held[trade.coin] >= 0
    assert entered[-1].at < today
    assert len({trade.id for trade in entered}) == len(entered)
