"""What one request carries: who asks, when, and the loaders that answer many fields with one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from strawberry.dataloader import DataLoader

from db.candles import CandleRow
from db.coins import CoinRow, read_coins_by_id, read_provider_ids
from db.currencies import CurrencyRow, list_known_currencies
from db.gaps import list_newest
from db.issues import Evidence, read_evidence
from db.pool import Database
from db.profiles import Profile, read_profiles
from db.revisions import RevisionRow
from db.runs import RunTotals, read_totals
from db.series import Granularity, Series
from resolvers.coverage import CoverageKey, CoverageLoader, CoverageView
from resolvers.errors import ApiError, Code
from resolvers.gaps import GapView
from resolvers.history import HistoryKey, HistoryLoader
from resolvers.latest import LatestKey, LatestLoader, LatestView
from resolvers.limits import Limits
from resolvers.quotes import Quote, choose_quote, find_currency
from resolvers.revisions import RevisionKey, RevisionLoader


@dataclass(frozen=True)
class ApiSettings:
    """What the API needs to know; built by the entry points."""

    version: str
    history_days: int = 90
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Caller:
    """Who asks: the name of the token, and what it may do."""

    name: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class Outcome:
    """What a mutation did, for clients that read the HTTP status only."""

    exit_code: int | None
    error: ApiError | None


@dataclass
class Context:
    """One request. `now` is the same for every field, so that ranges fit together."""

    database: Database
    settings: ApiSettings
    now: datetime
    request_id: str
    operation_name: str | None = None
    caller: Caller | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    wait_deadline: float | None = None

    def __post_init__(self) -> None:
        coverage = CoverageLoader(self.database, self.now)
        history = HistoryLoader(self.database)
        latest = LatestLoader(self.database)
        self.history: DataLoader[HistoryKey, list[CandleRow]] = DataLoader(load_fn=history.load)
        self.latest: DataLoader[LatestKey, LatestView | ApiError | None] = DataLoader(load_fn=latest.load)
        self.observed_at: DataLoader[tuple[Series, Granularity], datetime | None] = DataLoader(
            load_fn=self._load_observed
        )
        self.coin_by_id: DataLoader[int, CoinRow] = DataLoader(load_fn=self._load_coins)
        self.profile: DataLoader[int, Profile] = DataLoader(load_fn=self._load_profiles)
        self.provider_ids: DataLoader[int, list[tuple[int, str]]] = DataLoader(load_fn=self._load_provider_ids)
        self.run_totals: DataLoader[int, RunTotals] = DataLoader(load_fn=self._load_totals)
        revisions = RevisionLoader(self.database)
        self.revisions: DataLoader[RevisionKey, list[RevisionRow]] = DataLoader(load_fn=revisions.load)
        self.revision_counts: DataLoader[RevisionKey, int] = DataLoader(load_fn=revisions.count)
        self.issue_evidence: DataLoader[int, list[Evidence]] = DataLoader(load_fn=self._load_evidence)
        self.coverage: DataLoader[CoverageKey, CoverageView] = DataLoader(load_fn=coverage.load)
        self.gaps: DataLoader[tuple[CoverageKey, CoverageView], list[GapView]] = DataLoader(
            load_fn=coverage.load_gaps, cache_key_fn=lambda pair: pair[0]
        )
        self._currencies: asyncio.Task[list[CurrencyRow]] | None = None
        self._points = 0
        self._values = 0

    async def known_currencies(self) -> list[CurrencyRow]:
        """Every currency there is; read once a request."""
        if self._currencies is None:
            self._currencies = asyncio.ensure_future(self._load_currencies())
        return await self._currencies

    async def currencies(self) -> list[CurrencyRow]:
        """The currencies that prices are stored in, be it for one coin only."""
        return [row for row in await self.known_currencies() if row.tracked or row.rate_coin_id is not None]

    async def currency(self, code: str, argument: str = "currency") -> CurrencyRow:
        """NOT_FOUND for a code that nobody knows."""
        return find_currency(code, await self.known_currencies(), argument)

    async def quote(self, coin_id: int, code: str) -> Quote:
        """Where the coin's prices in that currency come from; FX_UNAVAILABLE when they come from nowhere."""
        return choose_quote(coin_id, await self.currency(code), await self.known_currencies())

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

    def require(self, scope: str) -> Caller:
        """The caller, if the token may do this."""
        if self.caller is None:
            raise ApiError(
                Code.UNAUTHENTICATED, f"send the header  Authorization: Bearer <token>  with a token of scope {scope}"
            )
        if scope not in self.caller.scopes:
            raise ApiError(Code.FORBIDDEN, f"this token has no scope {scope}; create one that has")
        return self.caller

    async def _load_currencies(self) -> list[CurrencyRow]:
        async with self.database.connection() as connection:
            return await list_known_currencies(connection)

    async def _load_observed(self, keys: list[tuple[Series, Granularity]]) -> Sequence[datetime | None]:
        found: dict[tuple[Series, Granularity], datetime] = {}
        async with self.database.connection() as connection:
            for granularity in {granularity for _, granularity in keys}:
                series = [one for one, other in keys if other is granularity]
                newest = await list_newest(connection, series, granularity)
                found |= {(one, granularity): at for one, at in newest.items()}
        return [found.get(key) for key in keys]

    async def _load_coins(self, ids: list[int]) -> Sequence[CoinRow]:
        async with self.database.connection() as connection:
            found = await read_coins_by_id(connection, ids)
        return [found[id_] for id_ in ids]

    async def _load_profiles(self, coin_ids: list[int]) -> Sequence[Profile]:
        async with self.database.connection() as connection:
            found = await read_profiles(connection, coin_ids)
        return [found[id_] for id_ in coin_ids]

    async def _load_provider_ids(self, coin_ids: list[int]) -> Sequence[list[tuple[int, str]]]:
        async with self.database.connection() as connection:
            found = await read_provider_ids(connection, coin_ids)
        return [found.get(id_, []) for id_ in coin_ids]

    async def _load_totals(self, run_ids: list[int]) -> Sequence[RunTotals]:
        async with self.database.engine.connect() as connection:
            found = await read_totals(connection, run_ids)
        return [found.get(id_, RunTotals()) for id_ in run_ids]

    async def _load_evidence(self, ids: list[int]) -> Sequence[list[Evidence]]:
        async with self.database.engine.connect() as connection:
            found = await read_evidence(connection, ids)
        return [found.get(id_, []) for id_ in ids]
