"""Coinbase's transaction export in the forms that it has had, as rows of cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

_FIRST = ["Timestamp", "Transaction Type", "Asset", "Quantity Transacted"]
_PREAMBLE = "You can use this transaction report to inform your likely tax obligations.\r\n\r\n"
_WHO = "Transactions\r\nUser,Alice,00000000-0000-0000-0000-000000000000\r\n"


def write(*rows: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def dates_only(*rows: Sequence[str]) -> str:
    """Until 2019: days, and one amount."""
    amounts = ["USD Spot Price at Transaction", "USD Amount Transacted (Inclusive of Coinbase Fees)"]
    return _WHO + write([*_FIRST, *amounts, "Address", "Notes"], *rows)


def currency_in_header(*rows: Sequence[str]) -> str:
    """Until 2021."""
    amounts = ["EUR Spot Price at Transaction", "EUR Subtotal", "EUR Total (inclusive of fees)", "EUR Fees"]
    return _PREAMBLE + _WHO + write([*_FIRST, *amounts, "Notes"], *rows)


def spot_price(*rows: Sequence[str], spread: bool = True) -> str:
    """Until 2023, with the spread from 2022 on."""
    fees = ["Total (inclusive of fees and/or spread)", "Fees and/or Spread"]
    fees = fees if spread else ["Total (inclusive of fees)", "Fees"]
    header = [*_FIRST, "Spot Price Currency", "Spot Price at Transaction", "Subtotal", *fees, "Notes"]
    return _PREAMBLE + write(header, *rows)


def signed(*rows: Sequence[str]) -> str:
    """Since 2024."""
    amounts = ["Price Currency", "Price at Transaction", "Subtotal", "Total (inclusive of fees and/or spread)"]
    return "\r\n" + _WHO + write(["ID", *_FIRST, *amounts, "Fees and/or Spread", "Notes"], *rows)


def _row(id_: str, day: str, rest: str, notes: str = "") -> list[str]:
    """One of `signed`; the rest with spaces between."""
    kind, *cells = rest.rsplit(maxsplit=7)
    return [id_, f"{day} 09:00:00 UTC", kind, *cells, notes]


SIGNED = signed(
    _row("i1", "2025-01-14", "Buy BTC 0.01 EUR €90000.00 €900.00 €914.90 €14.90", "Bought 0.01 BTC for € 914.90 EUR"),
    _row("i2", "2025-01-15", "Deposit EUR 1000 EUR €1.00 €1000.00 €1000.00 €0.00", "Deposit"),
    _row(
        "i3",
        "2025-02-05",
        "Advanced Trade Buy SOL 2 EUR €1,000.00 €2,000.00 €2,012.00 €12.00",
        "Bought 2 SOL for 2012 EUR on SOL-EUR at 1000 EUR/SOL",
    ),
    _row(
        "i4",
        "2025-02-06",
        "Advanced Trade Sell SOL -1 USD $190.00 -$190.00 -$189.00 $1.00",
        "Sold 1 SOL for 189.1 USDC on SOL-USDC at 190.1 USDC/SOL",
    ),
    _row("i5", "2025-03-05", "Convert ETH -1 EUR €3000.00 €2970.00 €3000.00 €30.00", "Converted 1 ETH to 0.03 BTC"),
    _row("i6", "2025-03-06", "Send BTC -0.01 EUR €88000 -€880 -€880 €0.00", "Sent 0.01 BTC to bc1q"),
    _row("i7", "2025-03-07", "Staking Income SOL 0.001 EUR €150.00 €0.15 €0.15 €0.00"),
    _row("i8", "2025-03-08", "Retail Staking Transfer SOL -1 EUR €150.00 €150 €150 €0.00"),
    _row("i9", "2025-03-09", "Mystery Payout BTC 1 EUR €1 €1 €1 €0.00"),
)
