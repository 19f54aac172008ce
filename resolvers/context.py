"""What one request carries: who asks, when, and the loaders that answer many fields with one statement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from typing import cast

from strawberry.dataloader import DataLoader

from db.coins import CoinRow
from db.companions import ALONE, Accompanied, Companions, read_by_slug
from db.currencies import CurrencyRow, is_stored, list_known_currencies
from db.issues import Evidence, read_evidence
from db.pool import Connection, Database
from db.profiles import About, read_about
from db.revisions import RevisionRow
from db.runs import RunTotals, TaskRow, read_totals
from db.secrets import Vault
from resolvers.blocks import BlockCache
from resolvers.coins import resolve_coins_by_slug
from resolvers.coverage import CoverageKey, CoverageView
from resolvers.errors import ApiError, Code
from resolvers.history_reading import Loaded, Wish
from resolvers.latest import KnownLatest, LatestKey, LatestView, load_latest
from resolvers.limits import Limits
from resolvers.loaders import forget_loaders
from resolvers.private import READ, PrivateData
from resolvers.quotes import Quote, choose_quote, find_currency
from resolvers.revisions import RevisionKey, RevisionLoader
from resolvers.runs import TaskKey, TaskLoader
from resolvers.series_loader import SeriesLoader

# Statements about portfolios that a request runs at a time; a pool has ten connections unless told.
_LONG_READS = 2


@dataclass(frozen=True)
class ApiSettings:
    """What the API needs to know; built by the entry points. Without a `vault` no key of an account can be kept."""

    version: str
    history_days: int = 90
    limits: Limits = field(default_factory=Limits)
    vault: Vault | None = None


@dataclass(frozen=True)
class Caller:
    """Who asks: the name of the token, what it may do, and whose portfolios it is for."""

    name: str
    scopes: frozenset[str]
    owner: str


@dataclass(frozen=True)
class Outcome:
    """What a mutation did, for clients that read the HTTP status only."""

    exit_code: int | None
    error: ApiError | None


@dataclass
class Context:
    """One request. `now` is the same for every field, so that ranges fit together.

    `reads` is where market data is read: a replica, if there is one, which may lag by seconds. `database` is the
    primary: for changes, and for runs, tasks and budgets, whose state has to be the present one. A mutation reads
    everything from it. `day_before`: latest prices may be asked for their change over a day.
    `explained`: somebody may ask why something is missing.
    """

    database: Database
    reads: Database
    settings: ApiSettings
    now: datetime
    request_id: str
    operation_name: str | None = None
    caller: Caller | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    wait_deadline: float | None = None
    blocks: BlockCache = field(default_factory=lambda: BlockCache(0))
    day_before: bool = True
    explained: bool = True

    def __post_init__(self) -> None:
        self._known_currencies: asyncio.Task[list[CurrencyRow]] | None = None
        self._stored_currencies: list[CurrencyRow] | None = None
        self._private: PrivateData | None = None
        self._points = 0
        self._values = 0
        self._file_bytes = 0

    @property
    def history(self) -> DataLoader[Wish, Loaded]:
        return cast("DataLoader[Wish, Loaded]", self._series)

    @property
    def coverage(self) -> DataLoader[CoverageKey, CoverageView]:
        return cast("DataLoader[CoverageKey, CoverageView]", self._series)

    @cached_property
    def _series(self) -> DataLoader[Wish | CoverageKey, Loaded | CoverageView]:
        """One loader, so that what is asked for alongside is read alongside."""
        return DataLoader(load_fn=SeriesLoader(self.reads, self.blocks, self.now, explained=self.explained).load)

    @cached_property
    def _turns(self) -> asyncio.Semaphore:
        return asyncio.Semaphore(_LONG_READS)

    @cached_property
    def latest(self) -> DataLoader[LatestKey, LatestView | ApiError | None]:
        return DataLoader(load_fn=partial(load_latest, self))

    @cached_property
    def known_latest(self) -> KnownLatest:
        return KnownLatest()

    @cached_property
    def about(self) -> DataLoader[int, About]:
        return DataLoader(load_fn=self._load_about)

    @cached_property
    def run_totals(self) -> DataLoader[int, RunTotals]:
        return DataLoader(load_fn=self._load_totals)

    @cached_property
    def tasks(self) -> DataLoader[TaskKey, list[TaskRow]]:
        return DataLoader(load_fn=TaskLoader(self.database).load)

    @cached_property
    def task_counts(self) -> DataLoader[TaskKey, int]:
        return DataLoader(load_fn=TaskLoader(self.database).count)

    @cached_property
    def revisions(self) -> DataLoader[RevisionKey, list[RevisionRow]]:
        return DataLoader(load_fn=RevisionLoader(self.reads).load)

    @cached_property
    def revision_counts(self) -> DataLoader[RevisionKey, int]:
        return DataLoader(load_fn=RevisionLoader(self.reads).count)

    @cached_property
    def issue_evidence(self) -> DataLoader[int, list[Evidence]]:
        return DataLoader(load_fn=self._load_evidence)

    @cached_property
    def coin_by_slug(self) -> DataLoader[str, CoinRow]:
        """NOT_FOUND, with the slugs that were perhaps meant."""
        return DataLoader(load_fn=partial(resolve_coins_by_slug, self, argument="coin"))

    async def coins(self, slugs: Sequence[str], companions: Companions = ALONE) -> dict[str, CoinRow]:
        """The coins that exist, by slug. What comes along need not be read any more: the stored currencies, too."""
        async with self.reads.connection() as connection:
            found = await read_by_slug(connection, slugs, companions)
        coins = {coin.slug: coin for coin in map(CoinRow._make, found.coins)}
        self.learn([coin.id for coin in coins.values()], found, companions)
        return coins

    def learn(self, coin_ids: Sequence[int], found: Accompanied, companions: Companions) -> None:
        """Keep what came along with coins."""
        self._stored_currencies = found.currencies
        for currency in found.currencies:
            if currency.tracked and currency.code in companions.latest_in:
                self.known_latest.learn(coin_ids, currency.id, found.latest)

    async def known_currencies(self) -> list[CurrencyRow]:
        """Every currency there is; read once a request."""
        if self._known_currencies is None:
            self._known_currencies = asyncio.ensure_future(self._load_currencies())
        return await self._known_currencies

    async def currencies(self) -> list[CurrencyRow]:
        """The currencies that prices are stored in, be it for one coin only."""
        if self._stored_currencies is None:
            self._stored_currencies = [row for row in await self.known_currencies() if is_stored(row)]
        return self._stored_currencies

    async def currency(self, code: str, argument: str = "currency") -> CurrencyRow:
        """NOT_FOUND for a code that nobody knows."""
        stored = next((row for row in await self.currencies() if row.code == code.lower()), None)
        return stored or find_currency(code, await self.known_currencies(), argument)

    async def quote(self, coin_id: int, code: str) -> Quote:
        """Where the coin's prices in that currency come from; FX_UNAVAILABLE when they come from nowhere."""
        return choose_quote(coin_id, await self.currency(code), await self.currencies())

    def charge(self, points: int) -> None:
        """Count points that are about to be read; COST_EXCEEDED once the whole request asks for too many."""
        self._points += points
        limit = self.settings.limits.max_points_per_query
        if self._points > limit:
            raise ApiError(
                Code.COST_EXCEEDED,
                f"{self._points:,} points are more than the {limit:,} that fit in one request; "
                "ask for fewer coins, a shorter range or DAY_1",
            )

    def charge_values(self, values: int) -> None:
        """Count values that are about to be written, each alias anew: a long answer keeps others waiting."""
        self._values += values
        limit = self.settings.limits.max_values_per_query
        if self._values > limit:
            raise ApiError(
                Code.COST_EXCEEDED,
                f"the fields of all points are more than the {limit:,} values that fit in one answer; "
                "ask for fewer points or fewer of their fields",
            )

    def charge_file(self, size: int) -> bool:
        """Count the bytes of a file that is about to be read. False once the whole request brings too much: one
        variable may stand for many files.
        """
        self._file_bytes += size
        return self._file_bytes <= self.settings.limits.max_import_bytes

    @asynccontextmanager
    async def private_snapshot(self) -> AsyncIterator[Connection]:
        """For what takes the database long: a request has two of these at a time, and leaves the others to others."""
        async with self._turns, self.database.snapshot() as connection:
            yield connection

    def read_own_writes(self) -> None:
        """Read everything from the primary from now on: a replica would still answer with what was there before."""
        self.reads = self.database

    def require(self, scope: str) -> Caller:
        """The caller, if the token may do this."""
        if self.caller is None:
            raise ApiError(
                Code.UNAUTHENTICATED, f"send the header  Authorization: Bearer <token>  with a token of scope {scope}"
            )
        if scope not in self.caller.scopes:
            raise ApiError(Code.FORBIDDEN, f"this token has no scope {scope}; create one that has")
        return self.caller

    def private(self, scope: str = READ) -> PrivateData:
        """What belongs to the caller, if the token may do this."""
        owner = self.require(scope).owner
        self._private = self._private or PrivateData(self.database, owner)
        return self._private

    @property
    def is_private(self) -> bool:
        """Whether the answer may hold something that belongs to the caller."""
        return self._private is not None

    def forget_private(self) -> None:
        """Read again what belongs to the caller: it was changed."""
        if self._private:
            forget_loaders(self._private)
        self._private = None

    def end(self) -> None:
        """Nothing is loaded any more: what was is freed with the context."""
        forget_loaders(self)
        if self._private:
            forget_loaders(self._private)

    async def _load_currencies(self) -> list[CurrencyRow]:
        async with self.reads.connection() as connection:
            return await list_known_currencies(connection)

    async def _load_about(self, coin_ids: list[int]) -> Sequence[About]:
        async with self.reads.connection() as connection:
            found = await read_about(connection, coin_ids)
        return [found[id_] for id_ in coin_ids]

    async def _load_totals(self, run_ids: list[int]) -> Sequence[RunTotals]:
        async with self.database.connection() as connection:
            found = await read_totals(connection, run_ids)
        return [found.get(id_, RunTotals()) for id_ in run_ids]

    async def _load_evidence(self, ids: list[int]) -> Sequence[list[Evidence]]:
        async with self.reads.connection() as connection:
            found = await read_evidence(connection, ids)
        return [found.get(id_, []) for id_ in ids]
