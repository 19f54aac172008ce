"""One sync of an account: its history page by page, then its balances, then the end of the run.

At least once, and every transaction has an id of its source's: a crash anywhere costs a page that is read again. The
balances come last, in the transaction that ends the run: an account that was read halfway keeps the last report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from db.balances import list_unknown, read_expected, report_balances, report_unknown
from db.currencies import list_known_currencies
from db.pool import Connection, Database
from db.sync_runs import (
    ClaimedSync,
    Step,
    StoredStatus,
    SyncLost,
    claim_sync,
    defer_sync,
    finish_sync,
    has_other_key,
    lock_sync,
    pass_on_sync,
    step_sync,
)
from db.tasks import TaskError
from db.transactions import NewTransaction, add_transactions
from db.transfers import match_transfers
from ingest.accounts.amounts import plus
from ingest.accounts.pages import Page
from ingest.clock import Clock
from ingest.errors import MAX_ATTEMPTS, Kind, ProviderError, RetryableProviderError, code_of, is_final
from ingest.pacing import Pacer
from ingest.syncs.opening import Sources
from ingest.syncs.progress import Progress
from ingest.syncs.source import Move, Source

log = structlog.get_logger()

# A run that has taken this long lets others have their turn before it goes on.
TURN = timedelta(minutes=2)
# What came in while the last run read, or was stamped late, is read again: the clock of a block may be hours off.
_OVERLAP = timedelta(days=1)
_RETRY_SECONDS = 60.0


class Syncer:
    """Runs syncs, of whatever source."""

    def __init__(self, database: Database, sources: Sources, clock: Clock) -> None:
        self._database = database
        self._sources = sources
        self._clock = clock

    async def run_sync(self, run_id: int) -> None:
        """Bring the run to an end, or as far as its turn lasts, or put it aside until the source may be asked again."""
        async with self._database.transaction() as connection:
            sync = await claim_sync(connection, run_id, self._clock.now())
        if sync is None:
            return
        pacer = Pacer(self._database, self._sources.budget_key(sync), self._clock)
        attempt = _Attempt(self._database, self._clock, sync, pacer)
        try:
            await self._work(attempt, sync, pacer)
        except SyncLost:
            log.info("leaving a sync to another worker", run=sync.id)

    async def _work(self, attempt: _Attempt, sync: ClaimedSync, pacer: Pacer) -> None:
        try:
            async with self._sources.open(sync, pacer) as source:
                await attempt.run(source)
        except ProviderError as error:
            await attempt.give_way(error)

    async def abandon_sync(self, run_id: int) -> None:
        """After a fault of our own: leave the run open for another attempt, unless it has had enough."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            sync = await claim_sync(connection, run_id, now)
            if sync is None:
                return
            progress = _progress_of(sync).after_failure()
            await lock_sync(connection, sync)
            await step_sync(connection, sync, Step(progress.stored()), now)
            if progress.failures > MAX_ATTEMPTS:
                problem = TaskError("INTERNAL", "the worker failed on this account; its log says why")
                await finish_sync(connection, sync, StoredStatus.ERROR, now, problem, synced=False)


class _Attempt:
    """What one worker does for a run in one go."""

    def __init__(self, database: Database, clock: Clock, sync: ClaimedSync, pacer: Pacer) -> None:
        self._database = database
        self._clock = clock
        self._sync = sync
        self._pacer = pacer
        self._progress = _progress_of(sync)
        self._counted = 0

    async def run(self, source: Source) -> None:
        """Raises ProviderError, and SyncLost."""
        if self._sync.progress is None:
            await self._begin(source)
        if not self._progress.history_read and not await self._read_history(source):
            return
        at = self._clock.now()
        balances = await self._read_balances(source, at)
        await self._finish(source, balances, at)

    async def give_way(self, error: ProviderError) -> None:
        """Put the run aside, or end it, after the source refused."""
        now, sync = self._clock.now(), self._sync
        problem = TaskError(code_of(error), error.message)
        log.warning("sync failed", run=sync.id, kind=error.kind.value, problem=error.message)
        self._progress = self._progress.after_failure()
        async with self._database.transaction() as connection:
            await self._lock_and_step(connection)
            if error.kind is Kind.AUTH and await has_other_key(connection, sync):
                await pass_on_sync(connection, sync)
            elif is_final(error, self._progress.failures):
                status = StoredStatus.AUTH_FAILED if error.kind is Kind.AUTH else StoredStatus.ERROR
                await finish_sync(connection, sync, status, now, problem, synced=False)
            else:
                at = now + timedelta(seconds=error.retry_after or _RETRY_SECONDS)
                await defer_sync(connection, sync, at, problem)

    async def _begin(self, source: Source) -> None:
        """Decide from when on to read: from the beginning, too, once something is understood that was unknown."""
        if self._sync.known_until is not None:
            async with self._database.transaction() as connection:
                unknown = await list_unknown(connection, self._sync.account_id)
                understood = await source.assets(connection, unknown)
            if not understood:
                self._progress = Progress(since=self._sync.known_until - _OVERLAP)
        await source.check()

    async def _read_history(self, source: Source) -> bool:
        """Store the history page by page. False when the turn was over before its end."""
        began = self._clock.now()
        async with aclosing(source.history(self._progress.cursor, self._progress.since)) as pages:
            async for page in pages:
                over = page.next_cursor is not None and self._clock.now() - began > TURN
                await self._store_page(source, page, pass_on=over)
                if over:
                    return False
        return True

    async def _store_page(self, source: Source, page: Page[Move], *, pass_on: bool) -> None:
        sync = self._sync
        async with self._database.transaction() as connection:
            await lock_sync(connection, sync)
            now = self._clock.now()
            rows, unknown = await _understand(connection, source, page.rows, now)
            added = await add_transactions(connection, sync.account_id, rows, now)
            self._progress = self._progress.after(page, unknown)
            await self._step(connection, sum(id_ is not None for id_ in added))
            if pass_on:
                await pass_on_sync(connection, sync)

    async def _read_balances(self, source: Source, at: datetime) -> Mapping[str, Decimal]:
        """All of them. A list may lose a row while it is read, so a loss that no transaction tells of is believed only
        when it is seen twice.
        """
        balances = await source.balances()
        async with self._database.transaction() as connection:
            expected = await read_expected(connection, self._sync.account_id, at)
            found = _by_asset(balances, await source.assets(connection, balances.keys()))
        if any(found.get(asset, 0) < quantity for asset, quantity in expected.items()):
            balances = {**balances, **await source.balances()}
        if expected and not balances:
            raise RetryableProviderError(Kind.TRANSIENT, "the source listed nothing, not even what is empty now")
        return balances

    async def _finish(self, source: Source, balances: Mapping[str, Decimal], at: datetime) -> None:
        now, sync, progress = self._clock.now(), self._sync, self._progress
        async with self._database.transaction() as connection:
            await self._lock_and_step(connection)
            met = {*progress.unknown, *await list_unknown(connection, sync.account_id)}
            met |= {code for code, value in balances.items() if value}
            assets = await source.assets(connection, {*met, *balances})
            unknown = {code: balances.get(code, Decimal()) for code in met - assets.keys()}
            await report_balances(connection, sync.account_id, _by_asset(balances, assets), at)
            await report_unknown(connection, sync.account_id, unknown, at)
            problem = _describe(sorted(unknown), progress.unread)
            status = StoredStatus.INCOMPLETE if problem else StoredStatus.OK
            await finish_sync(connection, sync, status, now, problem, synced=True)
            await match_transfers(connection, sync.portfolio_id)

    async def _lock_and_step(self, connection: Connection) -> None:
        await lock_sync(connection, self._sync)
        await self._step(connection)

    async def _step(self, connection: Connection, transactions_new: int = 0) -> None:
        requests, self._counted = self._pacer.requests - self._counted, self._pacer.requests
        step = Step(self._progress.stored(), requests, transactions_new)
        await step_sync(connection, self._sync, step, self._clock.now())


def _progress_of(sync: ClaimedSync) -> Progress:
    return Progress() if sync.progress is None else Progress.from_stored(sync.progress)


async def _understand(
    connection: Connection, source: Source, moves: Sequence[Move], now: datetime
) -> tuple[list[NewTransaction], list[str]]:
    """The moves as transactions, and the codes of those that cannot be any.

    What a source tells has happened, whatever its clock says: stamped later than the balances that hold it already, it
    would count twice.
    """
    assets = await source.assets(connection, {move.code for move in moves})
    moneys = {currency.code: currency.id for currency in await list_known_currencies(connection)}
    rows = []
    for move in moves:
        if move.code in assets:
            money = moneys.get(move.money.lower()) if move.money else None
            price, fee = (move.unit_price, move.fee) if money else (None, None)
            priced = (price, money if price is not None else None, fee, money if fee is not None else None)
            what = (assets[move.code], move.kind, min(move.at, now), move.quantity)
            rows.append(NewTransaction(*what, *priced, move.external_id))
    return rows, [move.code for move in moves if move.code not in assets]


def _by_asset(balances: Mapping[str, Decimal], assets: Mapping[str, int]) -> dict[int, Decimal]:
    """Two codes may mean the same."""
    totals: dict[int, Decimal] = {}
    for code, asset in assets.items():
        totals[asset] = plus(totals.get(asset, Decimal()), balances.get(code, Decimal()))
    return totals


def _describe(unknown: Sequence[str], unread: Sequence[str]) -> TaskError | None:
    """What is missing, in words."""
    parts = []
    if unknown:
        parts.append(f"no coin here, or more than one, is {', '.join(unknown)}; it is left out of every value")
    if unread:
        parts.append(f"some transactions could not be read: {'; '.join(unread)}")
    return TaskError("DATA_INCOMPLETE", "; ".join(parts)) if parts else None
