"""Transactions from a file into a manual account: what is new is added, and every row is accounted for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from db.coins import CoinRow
from db.currencies import CurrencyRow
from db.pool import Connection
from db.transactions import add_transactions, read_known_ids
from db.transfers import match_transfers
from resolvers.asset_words import Asset, resolve_words
from resolvers.changes import change
from resolvers.context import Context
from resolvers.csv_import.identity import with_ids
from resolvers.csv_import.rows import AssetWord, Row
from resolvers.errors import ApiError, Code
from resolvers.ids import decode_id
from resolvers.private import WRITE
from resolvers.transaction_drafts import Draft, make_draft, open_account, with_assets

# So that no statement takes long, nor what is written into it.
_BATCH = 1_000


class RowOutcome(StrEnum):
    NEW = "NEW"
    DUPLICATE = "DUPLICATE"
    REJECTED = "REJECTED"
    IGNORED = "IGNORED"


@dataclass(frozen=True, slots=True)
class ImportOrder:
    """`read` makes rows of the text. Nothing is stored unless `apply`."""

    account: str
    csv: str
    read: Callable[[str], Iterable[Row]]
    apply: bool


class Checked(NamedTuple):
    """A row, and for each of its legs what would be stored, and of what."""

    row: Row
    drafts: Sequence[Draft] = ()
    assets: Sequence[Asset] = ()


class ImportedRow(NamedTuple):
    outcome: RowOutcome
    checked: Checked


@dataclass(frozen=True, slots=True)
class ImportResult:
    """Every row, in the file's order; `transactions` counts those that are new: a row may make two."""

    rows: Sequence[ImportedRow]
    counts: Counter[RowOutcome]
    transactions: int
    applied: bool
    currencies: dict[int, CurrencyRow]


async def resolve_import(context: Context, make_order: Callable[[], ImportOrder]) -> ImportResult | ApiError:
    """`make_order` may refuse, once it is known that the caller may import at all."""
    return await change(context, _import(context, make_order), "input")


async def _import(context: Context, make_order: Callable[[], ImportOrder]) -> ImportResult:
    owner = context.private(WRITE).owner
    order = make_order()
    account_id = decode_id("Account", order.account)
    async with context.database.transaction() as connection:
        await open_account(connection, owner, account_id)
    # What takes seconds for a large file is done in threads, so that others are served meanwhile.
    rows, words = await asyncio.to_thread(_read, context, order)
    assets = await resolve_words(context, account_id, words)
    known = await context.known_currencies()
    checked, drafts = await asyncio.to_thread(_check_all, rows, assets, known, context.now)
    async with context.database.transaction() as connection:
        if order.apply:
            fresh = await _add(connection, owner, account_id, drafts, context.now)
        else:
            fresh = await _compare(connection, owner, account_id, drafts)
    judged, counts = await asyncio.to_thread(_judge, checked, fresh)
    return ImportResult(judged, counts, sum(fresh), order.apply, {row.id: row for row in known})


def _read(context: Context, order: ImportOrder) -> tuple[list[Row], set[AssetWord]]:
    """The rows, and what they call coins and money."""
    limits = context.settings.limits
    if not context.charge_file(len(order.csv.encode())):
        raise _too_large(f"{limits.max_import_bytes:,} bytes")
    rows: list[Row] = []
    for row in with_ids(order.read(order.csv)):
        if len(rows) == limits.max_import_rows:
            raise _too_large(f"{limits.max_import_rows:,} rows")
        rows.append(row)
    return rows, {leg.asset for row in rows for leg in row.legs}


def _too_large(limit: str) -> ApiError:
    text = f"the file has more than {limit}; import it in parts: what they share is added once"
    return ApiError(Code.COST_EXCEEDED, text, field=["csv"])


def _check_all(
    rows: Sequence[Row], assets: dict[AssetWord, Asset | ApiError], known: Sequence[CurrencyRow], now: datetime
) -> tuple[list[Checked], list[Draft]]:
    """Each row, and the drafts of all of them."""
    checked = [_check(row, assets, known, now) for row in rows]
    return checked, [draft for one in checked for draft in one.drafts]


def _check(row: Row, assets: dict[AssetWord, Asset | ApiError], known: Sequence[CurrencyRow], now: datetime) -> Checked:
    meant: list[Asset] = []
    drafts: list[Draft] = []
    try:
        for leg in row.legs:
            asset = assets[leg.asset]
            if isinstance(asset, ApiError):
                return _rejected(row, asset)
            coin, money = (asset, None) if isinstance(asset, CoinRow) else (None, asset)
            drafts.append(make_draft(leg.wording, coin, money, known, now))
            meant.append(asset)
    except ApiError as error:
        return _rejected(row, error)
    return Checked(row, drafts, meant)


def _rejected(row: Row, error: ApiError) -> Checked:
    return Checked(replace(row, legs=(), remark=error.message))


async def _add(
    connection: Connection, owner: str, account_id: int, drafts: Sequence[Draft], now: datetime
) -> list[bool]:
    """Whether each one was new."""
    portfolio_id = await open_account(connection, owner, account_id)
    ids: list[int | None] = []
    for first in range(0, len(drafts), _BATCH):
        batch = await with_assets(connection, drafts[first : first + _BATCH])
        ids += await add_transactions(connection, account_id, batch, now)
    await match_transfers(connection, portfolio_id)
    return [id_ is not None for id_ in ids]


async def _compare(connection: Connection, owner: str, account_id: int, drafts: Sequence[Draft]) -> list[bool]:
    """Whether each one would be new."""
    ids = [draft.new.external_id or "" for draft in drafts]
    seen: set[str] = set()
    for first in range(0, len(ids), _BATCH):
        seen |= await read_known_ids(connection, owner, account_id, ids[first : first + _BATCH])
    fresh = []
    for id_ in ids:
        fresh.append(id_ not in seen)
        seen.add(id_)
    return fresh


def _judge(checked: Sequence[Checked], fresh: Iterable[bool]) -> tuple[list[ImportedRow], Counter[RowOutcome]]:
    """What became of each row, and how many had which outcome. `fresh` has an answer for each draft, in order."""
    answers = iter(fresh)
    rows = []
    for one in checked:
        new = [next(answers) for _ in one.drafts]
        if one.drafts:
            outcome = RowOutcome.NEW if any(new) else RowOutcome.DUPLICATE
        else:
            outcome = RowOutcome.IGNORED if one.row.ignored else RowOutcome.REJECTED
        rows.append(ImportedRow(outcome, one))
    return rows, Counter(row.outcome for row in rows)
