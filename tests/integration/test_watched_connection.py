"""A connection that is watched from one statement to the next answers as psycopg's own, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import psycopg
import pytest
import uvloop

from db.pool import Connection, Database, PoolSettings, open_database
from db.watched_connection import WatchedConnection

T = TypeVar("T")
ONE = PoolSettings(max_size=1)
LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop, uvloop.new_event_loop]


@pytest.fixture(params=LOOPS, ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    """On both event loops: `pricegraph serve` takes uvloop where there is one."""

    def run(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(asyncio.wait_for(main, 60))

    return run


async def ask(connection: Connection, query: str, *given: object) -> Any:
    row = await (await connection.execute(query.encode(), given)).fetchone()
    assert row is not None
    return row[0]


async def soon(waiting: Awaitable[T]) -> T:
    """Its answer, which comes within seconds; a time limit would help one that hangs, by cancelling it."""
    task = asyncio.ensure_future(waiting)
    done, _ = await asyncio.wait({task}, timeout=5)
    assert done
    return task.result()


def cut(url: str, backend: int) -> None:
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s, 10000)", (backend,))


async def test_many_statements_register_the_socket_once(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    add, added = loop.add_reader, []

    def note(file: Any, *given: Any) -> None:
        added.append(file)
        add(file, *given)

    async with open_database(database_url, ONE) as database, database.connection() as connection:
        monkeypatch.setattr(loop, "add_reader", note)
        assert [await ask(connection, "select %s::int", number) for number in range(10)] == list(range(10))
        assert added in ([], [connection.fileno()])  # the pool's own first words were the first statement
        monkeypatch.undo()


def test_a_statement_that_is_cancelled_ends_in_the_server_too(run: Any, database_url: str) -> None:
    async def main() -> None:
        async with open_database(database_url, ONE) as database:
            async with database.connection() as connection:
                backend = connection.info.backend_pid
                sleeping = asyncio.create_task(ask(connection, "select pg_sleep(50)"))
                await asyncio.sleep(0.2)
                sleeping.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await sleeping
                assert sleeping.cancelling() == 1
                assert await ask(connection, "select pg_backend_pid()") == backend
            async with database.connection() as connection:
                assert connection.info.backend_pid == backend

    run(main())


def test_a_time_limit_ends_a_statement_and_nothing_else(run: Any, database_url: str) -> None:
    async def main() -> None:
        async with open_database(database_url, ONE) as database, database.connection() as connection:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await ask(connection, "select pg_sleep(50)")
            assert await ask(connection, "select 1") == 1

    run(main())


def test_the_number_of_a_socket_that_was_closed_may_be_that_of_another(run: Any, database_url: str) -> None:
    async def main() -> None:
        one = await WatchedConnection.connect(database_url, autocommit=True)
        number = one.fileno()
        sleeping = asyncio.create_task(ask(one, "select pg_sleep(50)"))
        await asyncio.sleep(0.2)
        cut(database_url, one.info.backend_pid)
        with pytest.raises(psycopg.OperationalError):
            await sleeping

        other = await WatchedConnection.connect(database_url, autocommit=True)
        assert other.fileno() == number
        assert await ask(other, "select 1") == 1
        await one.close()
        assert await ask(other, "select 2") == 2
        await other.close()

    run(main())


def test_a_connection_that_was_cut_while_idle_is_replaced(run: Any, database_url: str) -> None:
    """The server says farewell, and then it ends: two things to read of a socket that has failed."""

    async def use(database: Database) -> int:
        async with database.connection() as connection:
            return int(await ask(connection, "select pg_backend_pid()"))

    async def main() -> None:
        async with open_database(database_url, PoolSettings(max_size=2)) as database:
            before = await asyncio.gather(use(database), use(database))
            for backend in set(before):
                await asyncio.to_thread(cut, database_url, backend)
            await asyncio.sleep(0.2)
            after = await soon(use(database)), await soon(use(database))
            assert not {*after} & {*before}

    run(main())


@pytest.mark.parametrize("pause", [0, 0.2], ids=["at once", "later"])
def test_a_statement_on_a_connection_that_was_cut_fails(run: Any, database_url: str, pause: float) -> None:
    async def main() -> None:
        connection = await WatchedConnection.connect(database_url, autocommit=True)
        assert await ask(connection, "select 1") == 1
        cut(database_url, connection.info.backend_pid)
        await asyncio.sleep(pause)
        with pytest.raises(psycopg.OperationalError):
            await soon(ask(connection, "select 2"))
        await connection.close()

    run(main())


def test_whoever_waits_for_an_answer_hears_that_the_connection_was_closed(run: Any, database_url: str) -> None:
    async def main() -> None:
        connection = await WatchedConnection.connect(database_url, autocommit=True)
        sleeping = asyncio.create_task(ask(connection, "select pg_sleep(50)"))
        await asyncio.sleep(0.1)
        await connection.close()
        with pytest.raises(psycopg.OperationalError):
            await soon(sleeping)

    run(main())


async def test_a_socket_is_still_watched_when_the_next_statement_comes_later(database_url: str) -> None:
    async def main() -> bool:
        async with open_database(database_url, ONE) as database, database.connection() as connection:
            assert isinstance(connection, WatchedConnection)
            await ask(connection, "select 1")
            await asyncio.sleep(0.05)
            return connection.is_watched

    def on_uvloop() -> bool:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main())

    assert await asyncio.to_thread(on_uvloop)


def test_more_than_a_socket_takes_is_sent_and_read_at_once(run: Any, database_url: str) -> None:
    long = "x" * 30_000_000

    async def main() -> None:
        async with open_database(database_url, ONE) as database, database.connection() as connection:
            assert await ask(connection, "select 1") == 1
            assert await ask(connection, "select %s || ''", long) == long
            assert await ask(connection, "select 2") == 2

    run(main())


def test_messages_of_the_server_are_heard_between_statements(run: Any, database_url: str) -> None:
    async def main() -> None:
        async with open_database(database_url, ONE) as database, database.connection() as connection:
            await connection.execute("listen news")
            with psycopg.connect(database_url, autocommit=True) as other:
                other.execute("notify news, 'first'")
            heard = [note.payload async for note in connection.notifies(timeout=10, stop_after=1)]
            assert heard == ["first"]
            assert await ask(connection, "select 3") == 3

    run(main())


def test_whoever_is_cancelled_and_whoever_is_not_everybody_gets_their_own_answer(run: Any, database_url: str) -> None:
    chance = random.Random(1)
    answered = []

    async def use(database: Database, number: int) -> None:
        async with database.connection() as connection:
            query = "select %s::int from pg_sleep(%s)"
            assert await ask(connection, query, number, chance.random() / 100) == number
        answered.append(number)

    async def main() -> None:
        async with open_database(database_url, PoolSettings(max_size=3)) as database:
            for _ in range(20):
                tasks = [asyncio.create_task(use(database, number)) for number in range(10)]
                for task in tasks:
                    await asyncio.sleep(chance.random() / 100)
                    if chance.random() < 0.5:
                        task.cancel()
                await asyncio.wait(tasks)
                assert not [task for task in tasks if not task.cancelled() and task.exception()]

    run(main())
    assert len(answered) > 50
