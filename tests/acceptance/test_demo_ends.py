"""How `pricegraph demo` ends, in good order or by a kill, and what the next start finds."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from pricegraph.embedded import EmbeddedPostgres
from tests.demo import (
    NEWEST_RUN,
    PACE,
    WHOLE,
    alive,
    ask,
    demo,
    family_of,
    folder_for_all,
    history_requests,
    note_of,
    simulated_provider,
    wait_until,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def folder() -> Iterator[Path]:
    with folder_for_all() as folder:
        yield folder


@pytest.fixture
def provider() -> Iterator[str]:
    with simulated_provider() as url:
        yield url


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["starting PostgreSQL", "filling 2 coins", "refresh: succeeded"])
def test_ctrl_c_and_sigterm_end_it_at_any_moment_without_an_error_or_a_process(
    folder: Path, moment: str, number: signal.Signals
) -> None:
    """With 0: under `make`, any other exit code is printed as an error to someone who pressed Ctrl-C."""
    with demo(folder) as started:
        started.wait_for(moment)
        family = family_of(started.process.pid)

        assert started.stop(number) == 0

    assert "Traceback" not in started.output
    assert "error" not in started.output.lower()
    wait_until(lambda: not alive(family))
    assert not (folder / "demo.json").exists()


def test_the_end_does_not_wait_for_requests_whose_turn_has_not_come(folder: Path) -> None:
    with demo(folder, PRICEGRAPH_HISTORY_DAYS="900", **{PACE: "4"}) as started:
        started.wait_for("filling 2 coins")

        assert started.stop() == 0

    assert "leaving a task to another worker" in started.output


def test_a_second_ctrl_c_does_not_wait_for_what_is_under_way(folder: Path) -> None:
    with demo(folder, PRICEGRAPH_HISTORY_DAYS="900", **{PACE: "90"}) as started:
        started.wait_for("filling 2 coins")
        # Less than the deadline of a request, so that some are under way for sure.
        fault = {"provider": "coingecko", "kind": "slow", "arg": 9}
        httpx.post(f"{note_of(folder)['simulator']}/_control/faults", json=fault)
        time.sleep(2)
        family = family_of(started.process.pid)
        assert len(family) > 2
        started.process.send_signal(signal.SIGINT)
        started.wait_for("stopping")

        assert started.stop(signal.SIGINT) == -signal.SIGINT

    assert "Traceback" not in started.output
    wait_until(lambda: not alive(family))


def test_after_a_kill_nothing_runs_and_the_next_start_goes_on_without_losing_or_asking_again(
    folder: Path, provider: str
) -> None:
    live = {"COINGECKO_URL": f"{provider}/coingecko-pro/api/v3", "COINGECKO_PLAN": "analyst", PACE: "90"}
    given = live | {"COINGECKO_API_KEY": "CG-pro", "PRICEGRAPH_HISTORY_DAYS": "720"}
    with demo(folder, "--live", **given) as started:
        started.wait_for("filling 2 coins")
        wait_until(lambda: ask(folder, NEWEST_RUN)["refreshRuns"]["nodes"][0]["tasksDone"] >= 5)
        family = family_of(started.process.pid)
        database = note_of(folder)["database"]
        started.stop(signal.SIGKILL)
        wait_until(lambda: not alive(family))
    with EmbeddedPostgres(folder):
        rows, tasks = stored_rows(database), ended_tasks(database)
    asked = len(history_requests(provider))

    with demo(folder, "--live", **given) as again:
        wait_until(lambda: "refresh: succeeded" in again.output)
        all_rows, all_tasks = stored_rows(database), ended_tasks(database)
        overlaps = overlapping_tasks(database)
        whole = ask(folder, WHOLE)["coin"]["coverage"]["completeness"]

    assert 0 < len(rows) < len(all_rows)
    assert rows <= all_rows
    assert tasks < all_tasks
    assert len(history_requests(provider)) - asked == len(all_tasks - tasks)
    assert overlaps == 0
    assert whole == 1


def stored_rows(database: str) -> set[tuple[Any, ...]]:
    """Those of complete hours: the running one is corrected until it ends."""
    query = "select coin_id, currency_id, ts, price, market_cap, volume_24h from price_hourly where ts < %s"
    with psycopg.connect(database) as connection:
        newest = connection.execute("select date_trunc('hour', min(created_at)) from refresh_tasks").fetchone()
        return set(connection.execute(query, newest).fetchall())


def ended_tasks(database: str) -> set[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return set(connection.execute("select id, requests from refresh_tasks where finished_at is not null"))


def overlapping_tasks(database: str) -> int:
    """Pairs of tasks that ask for the same hours of the same coin."""
    query = """
        select count(*) from refresh_tasks a join refresh_tasks b using (coin_id, currency_id, granularity)
        where a.id < b.id and a.from_ts < b.to_ts and b.from_ts < a.to_ts
    """
    with psycopg.connect(database) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])
