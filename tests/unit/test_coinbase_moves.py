"""A fill of Coinbase as transactions: what was traded, and the money for it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.transactions import Kind
from ingest.accounts.coinbase_wire import CoinbaseFill
from ingest.syncs.coinbase import moves_of

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
amounts = st.integers(1, 10**27).map(lambda number: Decimal(number).scaleb(-18))


def fill(side: Literal["BUY", "SELL"], cost: Decimal, commission: Decimal) -> CoinbaseFill:
    return CoinbaseFill("7", AT, side, "BTC", "USD", Decimal("0.5"), cost * 2, cost, commission)


@pytest.mark.parametrize(
    ("side", "kind", "paid"), [("BUY", Kind.WITHDRAWAL, "30300.5"), ("SELL", Kind.DEPOSIT, "29699.5")]
)
def test_a_fill_is_a_trade_and_its_money_with_the_commission(
    side: Literal["BUY", "SELL"], kind: Kind, paid: str
) -> None:
    trade, cash = moves_of(fill(side, Decimal(30_000), Decimal("300.5")))
    assert trade == ("BTC", Kind(side), AT, Decimal("0.5"), "fill:7", Decimal(60_000), Decimal("300.5"), "USD")
    assert cash == ("USD", kind, AT, Decimal(paid), "fill:7:cash", None, None, None)


def test_a_commission_above_the_proceeds_is_paid() -> None:
    _, cash = moves_of(fill("SELL", Decimal(1), Decimal(3)))
    assert (cash.kind, cash.quantity) == (Kind.WITHDRAWAL, Decimal(2))


def test_proceeds_that_the_commission_eats_up_bring_no_money() -> None:
    assert len(list(moves_of(fill("SELL", Decimal(3), Decimal(3))))) == 1


@given(st.sampled_from(["BUY", "SELL"]), amounts, amounts)
def test_money_is_exact_however_long_the_amounts_are(
    side: Literal["BUY", "SELL"], cost: Decimal, commission: Decimal
) -> None:
    whole = int(cost.scaleb(18)) * (-1 if side == "BUY" else 1) - int(commission.scaleb(18))
    cash = list(moves_of(fill(side, cost, commission)))[1:]
    signed = sum(int(move.quantity.scaleb(18)) * (1 if move.kind is Kind.DEPOSIT else -1) for move in cash)
    assert signed == whole
