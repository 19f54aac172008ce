"""A refresh of more series, and with more tasks, than one statement is given."""

from __future__ import annotations

from datetime import timedelta

import pytest

from db.pool import Database
from db.refresh import RefreshRequest, plan_refresh, record_refresh
from db.series import DAY, Granularity, Series, floor
from tests.api import add_coins, add_points, execute
from tests.world import NOW

TODAY = floor(NOW, DAY)


async def test_every_one_of_many_series_is_planned_newest_windows_first(database: Database) -> None:
    series = [Series(coin, 1) for coin in range(1, 1202)]
    complete = [TODAY - 10 * DAY + hour * timedelta(hours=1) for hour in range(240)]
    for coin in (1, 600, 1201):
        await add_points(database, Granularity.HOURLY, complete, coin)
    request = RefreshRequest(series, [Granularity.HOURLY], 10, {}, start=TODAY - 100 * DAY, end=TODAY)

    async with database.connection() as connection:
        plan = await plan_refresh(connection, request, NOW)

    assert {task.series for task in plan.tasks} == set(series)
    ends = [task.window.end for task in plan.tasks]
    assert ends == sorted(ends, reverse=True)
    newest = {task.series.coin_id for task in plan.tasks if task.window.end == TODAY}
    assert newest == {one.coin_id for one in series} - {1, 600, 1201}
    assert plan.points == 1201 * 100 * 24 - 3 * 240


@pytest.mark.slow
async def test_more_tasks_than_a_statement_is_given_are_all_recorded_and_queued_in_their_order(
    database: Database,
) -> None:
    await add_coins(database, 10_100)
    series = [Series(coin, 1) for coin in range(1, 10_101)]
    request = RefreshRequest(series, [Granularity.HOURLY], 90, {})

    async with database.transaction() as connection:
        recorded = await record_refresh(connection, request, NOW, "test")

    tasks = await execute(
        database,
        "select t.coin_id, t.to_ts from procrastinate_jobs j join refresh_tasks t on j.lock = 'task:' || t.id "
        "join refresh_run_tasks r on r.task_id = t.id where r.run_id = %s order by j.id",
        recorded.run_id,
    )
    assert [(coin, end) for coin, end in tasks] == [
        (task.series.coin_id, task.window.end) for task in recorded.plan.tasks
    ]
    assert len(tasks) == 10_100 * 2
    run = await execute(database, "select tasks_total, tasks_open from refresh_runs")
    assert run == [(len(tasks), len(tasks))]
    known = await execute(database, "select reltuples > 0 from pg_class where relname = 'procrastinate_jobs'")
    assert known == [(True,)]  # so that PostgreSQL does not plan for the queue that was empty before
