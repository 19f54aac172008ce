"""What belongs to the caller: every statement asks for the owner, and reads the primary.

Loaded together: for any number of portfolios or accounts in an answer one statement of each kind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from strawberry.dataloader import DataLoader

from db.accounts import AccountRow, UnknownAsset, read_accounts, read_unknown_assets
from db.assets import AssetRow, read_assets
from db.currencies import CurrencyRow, list_known_currencies
from db.holdings import HeldAsset, list_assets
from db.pool import Database
from db.portfolios import PortfolioRow, read_portfolios
from db.reconciliation import ReconciliationRow, read_reconciliations
from db.syncs import SyncRow, list_syncs, read_syncs
from db.transactions import (
    Place,
    TransactionFilter,
    TransactionRow,
    count_transactions,
    list_transactions,
    read_transactions,
)

READ, WRITE = "PORTFOLIO_READ", "PORTFOLIO_WRITE"


@dataclass(frozen=True, slots=True)
class TransactionKey:
    """Transactions of one portfolio: those that match, at most `limit`, only those behind `after`."""

    portfolio_id: int
    where: TransactionFilter
    limit: int
    after: Place | None


@dataclass(frozen=True, slots=True)
class SyncKey:
    """The newest runs of one account."""

    account_id: int
    limit: int


class PrivateData:
    """By ids; None for what the owner does not have."""

    def __init__(self, database: Database, owner: str) -> None:
        self.owner = owner
        self._database = database

    @cached_property
    def portfolios(self) -> DataLoader[int, PortfolioRow | None]:
        return DataLoader(load_fn=self._load_portfolios)

    @cached_property
    def accounts(self) -> DataLoader[int, AccountRow | None]:
        return DataLoader(load_fn=self._load_accounts)

    @cached_property
    def accounts_of(self) -> DataLoader[int, list[AccountRow]]:
        """By portfolio."""
        return DataLoader(load_fn=self._load_accounts_of)

    @cached_property
    def assets(self) -> DataLoader[int, AssetRow]:
        return DataLoader(load_fn=self._load_assets)

    @cached_property
    def assets_of(self) -> DataLoader[int, list[HeldAsset]]:
        """Everything that was ever held, by portfolio."""
        return DataLoader(load_fn=self._load_assets_of)

    @cached_property
    def currencies(self) -> DataLoader[int, CurrencyRow]:
        return DataLoader(load_fn=self._load_currencies)

    @cached_property
    def unknown_assets(self) -> DataLoader[int, list[UnknownAsset]]:
        """By account."""
        return DataLoader(load_fn=self._load_unknown_assets)

    @cached_property
    def reconciliations(self) -> DataLoader[int, list[ReconciliationRow]]:
        """By account."""
        return DataLoader(load_fn=self._load_reconciliations)

    @cached_property
    def syncs(self) -> DataLoader[int, SyncRow | None]:
        return DataLoader(load_fn=self._load_syncs)

    @cached_property
    def syncs_of(self) -> DataLoader[SyncKey, list[SyncRow]]:
        return DataLoader(load_fn=self._load_syncs_of)

    @cached_property
    def transactions(self) -> DataLoader[int, TransactionRow | None]:
        return DataLoader(load_fn=self._load_transactions)

    @cached_property
    def transactions_of(self) -> DataLoader[TransactionKey, list[TransactionRow]]:
        return DataLoader(load_fn=self._load_transactions_of)

    @cached_property
    def transaction_counts(self) -> DataLoader[TransactionKey, int]:
        return DataLoader(load_fn=self._count_transactions)

    async def _load_portfolios(self, ids: list[int]) -> Sequence[PortfolioRow | None]:
        async with self._database.connection() as connection:
            found = {row.id: row for row in await read_portfolios(connection, self.owner, ids)}
        return [found.get(id_) for id_ in ids]

    async def _load_accounts(self, ids: list[int]) -> Sequence[AccountRow | None]:
        async with self._database.connection() as connection:
            found = {row.id: row for row in await read_accounts(connection, self.owner, ids=ids)}
        return [found.get(id_) for id_ in ids]

    async def _load_accounts_of(self, portfolio_ids: list[int]) -> Sequence[list[AccountRow]]:
        found: dict[int, list[AccountRow]] = defaultdict(list)
        async with self._database.connection() as connection:
            for row in await read_accounts(connection, self.owner, portfolio_ids=portfolio_ids):
                found[row.portfolio_id].append(row)
                self.accounts.prime(row.id, row)
        return [found[id_] for id_ in portfolio_ids]

    async def _load_assets(self, ids: list[int]) -> Sequence[AssetRow]:
        async with self._database.connection() as connection:
            found = await read_assets(connection, ids)
        return [found[id_] for id_ in ids]

    async def _load_assets_of(self, portfolio_ids: list[int]) -> Sequence[list[HeldAsset]]:
        async with self._database.connection() as connection:
            return [await list_assets(connection, self.owner, id_) for id_ in portfolio_ids]

    async def _load_currencies(self, ids: list[int]) -> Sequence[CurrencyRow]:
        async with self._database.connection() as connection:
            found = {row.id: row for row in await list_known_currencies(connection)}
        self.currencies.prime_many(found)
        return [found[id_] for id_ in ids]

    async def _load_unknown_assets(self, account_ids: list[int]) -> Sequence[list[UnknownAsset]]:
        async with self._database.connection() as connection:
            found = await read_unknown_assets(connection, self.owner, account_ids)
        return [found[id_] for id_ in account_ids]

    async def _load_reconciliations(self, account_ids: list[int]) -> Sequence[list[ReconciliationRow]]:
        async with self._database.connection() as connection:
            found = await read_reconciliations(connection, self.owner, account_ids)
        return [found[id_] for id_ in account_ids]

    async def _load_syncs(self, ids: list[int]) -> Sequence[SyncRow | None]:
        async with self._database.connection() as connection:
            found = await read_syncs(connection, self.owner, ids)
        return [found.get(id_) for id_ in ids]

    async def _load_syncs_of(self, keys: list[SyncKey]) -> Sequence[list[SyncRow]]:
        groups: dict[int, list[int]] = defaultdict(list)
        for key in keys:
            groups[key.limit].append(key.account_id)
        found: dict[SyncKey, list[SyncRow]] = {}
        async with self._database.connection() as connection:
            for limit, accounts in groups.items():
                rows = await list_syncs(connection, self.owner, accounts, limit)
                found |= {SyncKey(account, limit): rows[account] for account in accounts}
        return [found[key] for key in keys]

    async def _load_transactions(self, ids: list[int]) -> Sequence[TransactionRow | None]:
        async with self._database.connection() as connection:
            found = await read_transactions(connection, self.owner, ids)
        return [found.get(id_) for id_ in ids]

    async def _load_transactions_of(self, keys: list[TransactionKey]) -> Sequence[list[TransactionRow]]:
        found: dict[TransactionKey, list[TransactionRow]] = {}
        async with self._database.connection() as connection:
            for one, portfolios in _grouped(keys).items():
                asked = (self.owner, portfolios, one.where, one.limit, one.after)
                rows = await list_transactions(connection, *asked)
                found |= {replace(one, portfolio_id=id_): rows[id_] for id_ in portfolios}
        return [found[key] for key in keys]

    async def _count_transactions(self, keys: list[TransactionKey]) -> Sequence[int]:
        found: dict[TransactionKey, int] = {}
        async with self._database.connection() as connection:
            for one, portfolios in _grouped(keys).items():
                counts = await count_transactions(connection, self.owner, portfolios, one.where)
                found |= {replace(one, portfolio_id=id_): counts[id_] for id_ in portfolios}
        return [found[key] for key in keys]


def _grouped(keys: Sequence[TransactionKey]) -> dict[TransactionKey, list[int]]:
    """The portfolios of which the same is asked, by a key without a portfolio."""
    groups: dict[TransactionKey, list[int]] = defaultdict(list)
    for key in keys:
        groups[replace(key, portfolio_id=0)].append(key.portfolio_id)
    return groups
