"""A connection whose socket the event loop watches from one statement to the next.

psycopg has it watched anew for each answer, which takes seven system calls with uvloop, a twelfth of what a light query
costs in all. And of a socket that is watched anyway the pool knows without a system call whether the server has hung
up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.abc import PQGen
from psycopg.rows import TupleRow
from psycopg.waiting import READY_R, WAIT_R

T = TypeVar("T")

# Seconds after which a socket is looked at without a sign of it, as psycopg does: uvloop tells of one that has failed
# only once, and there may be a farewell to read from it, and then its end.
_PATIENCE = 0.1


class WatchedConnection(AsyncConnection[TupleRow]):
    """Waits for answers by itself. All else is left to psycopg: waiting until a socket takes more, with a time limit,
    and for the end of a statement that is cancelled.
    """

    _socket: int | None = None  # the one that is watched
    _answer: asyncio.Future[None] | None = None

    @property
    def is_watched(self) -> bool:
        """Then the server has said nothing since its last answer. Otherwise nobody knows."""
        return self._socket is not None

    async def wait(self, gen: PQGen[T], interval: float = _PATIENCE, timeout: float | None = None) -> T:  # noqa: ASYNC109 - psycopg's
        if timeout is not None:
            self._look_away()
            return await super().wait(gen, interval, timeout)
        try:
            state = next(gen)
            while state == WAIT_R:
                await self._hear()
                state = gen.send(READY_R)
        except StopIteration as end:
            if self.closed:
                self._look_away()
            value: T = end.value
            return value
        except asyncio.CancelledError:
            self._look_away()
            return await self._be_cancelled(_go_on(gen, WAIT_R))
        except BaseException:  # libpq has closed the socket, perhaps, and the next file may get its number
            self._look_away()
            raise
        self._look_away()
        return await super().wait(_go_on(gen, state), interval)

    async def close(self) -> None:
        self._look_anew()  # whoever waits for an answer finds the connection closed
        await super().close()

    async def _hear(self) -> None:
        """Until there is something to read, or time to look whether there is."""
        loop = asyncio.get_running_loop()
        if self._socket is None:
            self._socket = self.pgconn.socket
            loop.add_reader(self._socket, self._note)
        self._answer = loop.create_future()
        timer = loop.call_later(_PATIENCE, self._look_anew)
        try:
            await self._answer
        finally:
            timer.cancel()
            self._answer = None

    def _note(self) -> None:
        if self._answer is None:  # it stays readable, and would be noted again and again
            self._look_away()
        elif not self._answer.done():
            self._answer.set_result(None)

    def _look_anew(self) -> None:
        self._look_away()
        if self._answer and not self._answer.done():
            self._answer.set_result(None)

    def _look_away(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket = None

    async def _be_cancelled(self, gen: PQGen[T]) -> T:
        """psycopg tells the server, and waits for the end of the statement: it is to meet the cancellation itself."""
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        try:
            return await super().wait(gen)
        except psycopg.Error as error:  # it is closed: nothing is left to be told
            raise asyncio.CancelledError from error
        finally:
            task.uncancel()


def _go_on(gen: PQGen[T], state: Any) -> Generator[Any, Any, T]:
    """What is left of it, when the state it waits for is known already."""
    try:
        while True:
            state = gen.send((yield state))
    except StopIteration as end:
        value: T = end.value
        return value
