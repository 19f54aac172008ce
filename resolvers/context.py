"""What one request carries: who asks, when, and the loaders that answer many fields with one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from strawberry.dataloader import DataLoader

from db.coins import CoinRow, read_coins_by_id
from db.currencies import CurrencyRow, list_currencies
from db.pool import Database
from db.prices import LatestRow, list_latest
from db.runs import RunTotals, read_totals
from db.series import Series
from resolvers.coverage import CoverageKey, CoverageLoader, CoverageView
from resolvers.errors import ApiError, Code
from resolvers.gaps import GapView
from resolvers.history import HistoryKey, HistoryLoader, HistoryView
from resolvers.limits import Limits


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

    def __post_init__(self) -> None:
        coverage = CoverageLoader(self.database, self.now)
        history = HistoryLoader(self.database, self.currency)
        self.history: DataLoader[HistoryKey, HistoryView | ApiError] = DataLoader(load_fn=history.load)
        self.latest: DataLoader[Series, LatestRow | None] = DataLoader(load_fn=self._load_latest)
        self.coin_by_id: DataLoader[int, CoinRow] = DataLoader(load_fn=self._load_coins)
        self.run_totals: DataLoader[int, RunTotals] = DataLoader(load_fn=self._load_totals)
        self.coverage: DataLoader[CoverageKey, CoverageView] = DataLoader(load_fn=coverage.load)
        self.gaps: DataLoader[tuple[CoverageKey, CoverageView], list[GapView]] = DataLoader(
            load_fn=coverage.load_gaps, cache_key_fn=lambda pair: pair[0]
        )
        self._currencies: asyncio.Task[list[CurrencyRow]] | None = None
        self._points = 0

    async def currencies(self) -> list[CurrencyRow]:
        """The currencies that prices are stored in; read once a request."""
        if self._currencies is None:
            self._currencies = asyncio.ensure_future(self._load_currencies())
        return await self._currencies

    async def currency(self, code: str, argument: str = "currency") -> CurrencyRow:
        """NOT_FOUND for one that no prices are stored in."""
        known = await self.currencies()
        for row in known:
            if row.code == code.lower():
                return row
        names = ", ".join(row.code for row in known) or "none yet"
        raise ApiError(
            Code.NOT_FOUND, f"no prices are stored in {code[:64]!r}; the currencies are: {names}", field=[argument]
        )

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
            return await list_currencies(connection)

    async def _load_latest(self, keys: list[Series]) -> Sequence[LatestRow | None]:
        found: dict[Series, LatestRow] = {}
        async with self.database.connection() as connection:
            for currency in {key.currency_id for key in keys}:
                coins = [key.coin_id for key in keys if key.currency_id == currency]
                rows = await list_latest(connection, coins, currency)
                found |= {Series(row.coin_id, currency): row for row in rows}
        return [found.get(key) for key in keys]

    async def _load_coins(self, ids: list[int]) -> Sequence[CoinRow]:
        async with self.database.connection() as connection:
            found = await read_coins_by_id(connection, ids)
        return [found[id_] for id_ in ids]

    async def _load_totals(self, run_ids: list[int]) -> Sequence[RunTotals]:
        async with self.database.engine.connect() as connection:
            found = await read_totals(connection, run_ids)
        return [found.get(id_, RunTotals()) for id_ in run_ids]
