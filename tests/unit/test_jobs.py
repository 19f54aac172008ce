"""Which jobs a worker has lost, by what it runs and what the queue says."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ingest.jobs import Jobs


async def run(jobs: Jobs, number: int, end: asyncio.Event) -> object:
    async def work() -> str:
        await end.wait()
        return "done"

    return await jobs.note(work, cast(Any, SimpleNamespace(job=SimpleNamespace(id=number))), cast(Any, None))


async def test_a_job_is_lost_that_the_queue_has_running_and_the_worker_has_not_twice_in_a_row() -> None:
    jobs = Jobs()
    assert jobs.find_lost({1, 2}) == set()
    assert jobs.find_lost({2, 3}) == {2}
    assert jobs.find_lost(set()) == set()
    assert jobs.find_lost({3}) == set()


async def test_a_job_at_work_is_not_lost_however_long_it_takes() -> None:
    jobs, end = Jobs(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(run(jobs, 1, end))
        await asyncio.sleep(0)
        assert [jobs.find_lost({1}) for _ in range(3)] == [set()] * 3
        end.set()

    assert running.result() == "done"
    assert [jobs.find_lost({1}) for _ in range(2)] == [set(), {1}]


async def test_a_job_that_fails_is_no_longer_at_work() -> None:
    jobs = Jobs()

    async def work() -> None:
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        await jobs.note(work, cast(Any, SimpleNamespace(job=SimpleNamespace(id=1))), cast(Any, None))
    assert [jobs.find_lost({1}) for _ in range(2)] == [set(), {1}]
