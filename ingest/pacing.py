"""Calls to a provider at the pace of its budget, which lives in PostgreSQL and is shared by all processes."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from db.pool import Database
from db.providers import REASONS, Reservation, block, note_failure, note_success, read_block, take_budget
from ingest.clock import Clock
from ingest.errors import Kind, NotNow, ProviderError, RetryableProviderError

T = TypeVar("T")

# A longer pause than this is not sat out in a worker: the task is put aside.
PATIENCE_SECONDS = 30.0
# Tries for one request inside one attempt of a task.
TRIES = 3
_BACKOFF_SECONDS = 0.5


class Pacer:
    """Sends requests when the budget allows, and keeps the budget in step with what the provider says."""

    def __init__(self, database: Database, key: str, clock: Clock) -> None:
        self._database = database
        self._key = key
        self._clock = clock
        self.requests = 0

    async def call(self, request: Callable[[], Awaitable[T]]) -> T:
        """Send the request at its turn; a passing fault is tried again, a few times, with growing pauses.

        Raises NotNow when the turn is too far away to wait for.
        """
        for attempt in range(1, TRIES + 1):
            await self._wait_for_turn()
            self.requests += 1
            try:
                answer = await request()
            except ProviderError as error:
                await self._note(error)
                if not isinstance(error, RetryableProviderError) or attempt == TRIES:
                    raise
                if error.kind is Kind.TRANSIENT:
                    await self._clock.sleep(_BACKOFF_SECONDS * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311
            else:
                async with self._database.connection() as connection:
                    await note_success(connection, self._key, self._clock.now())
                return answer
        raise AssertionError("unreachable")

    async def _wait_for_turn(self) -> None:
        """Reserve a call, wait for it, and look again: someone may have been told to wait in the meantime."""
        while True:
            async with self._database.connection() as connection:
                turn = await take_budget(connection, self._key, self._clock.now())
            if turn.reason is None:
                await self._clock.sleep(turn.wait)
                if turn.probe:
                    return
                async with self._database.connection() as connection:
                    turn = await read_block(connection, self._key, self._clock.now())
                if turn.reason is None:
                    return
            await self._sit_out(turn)

    async def _sit_out(self, turn: Reservation) -> None:
        if turn.wait > PATIENCE_SECONDS or turn.reason == Kind.QUOTA:
            raise NotNow(Kind(turn.reason or ""), REASONS[turn.reason or ""], turn.wait)
        await self._clock.sleep(turn.wait)

    async def _note(self, error: ProviderError) -> None:
        """Make the answer known to every worker that uses this budget."""
        now = self._clock.now()
        async with self._database.connection() as connection:
            if error.retry_after is not None:
                until = now + timedelta(seconds=error.retry_after)
                await block(connection, self._key, until, error.kind.value)
            elif error.kind is Kind.TRANSIENT:
                await note_failure(connection, self._key, now)
