"""What `pricegraph doctor` says about the database of DATABASE_READ_URL."""

from __future__ import annotations

from typing import Any

import pytest

from db.pool import Database
from pricegraph.doctor.findings import Finding, Verdict
from tests.api import add_coins, execute
from tests.doctor import assert_finding, diagnose
from tests.replica import Replica
from tests.world import World

pytestmark = pytest.mark.slow

SUBJECTS = ("replica", "copy", "source", "lag")
NOWHERE = "postgresql://nobody:a-secret-word@127.0.0.1:1/nothing"


async def look(world: World, read_url: str, **changes: Any) -> dict[str, Finding]:
    """The findings about the replica."""
    found = await diagnose(world, database_read_url=read_url, **changes)
    return {subject: finding for subject, finding in found.items() if subject in SUBJECTS}


async def test_without_a_replica_nothing_is_said_about_one(world: World) -> None:
    assert not set(SUBJECTS) & set(await diagnose(world))


async def test_a_replica_that_keeps_up_is_well(world: World, replica: Replica) -> None:
    await add_coins(replica.primary, 1)

    found = await look(world, replica.reads_url)

    assert set(found) == set(SUBJECTS)
    assert_finding(found["replica"], Verdict.OK, "PostgreSQL 1", "")
    assert_finding(found["copy"], Verdict.OK, "its tables are up to date, at migration 0", "")
    assert_finding(found["source"], Verdict.OK, "a streaming replica of the database of DATABASE_URL", "")
    assert_finding(found["lag"], Verdict.OK, "none", "")


async def test_how_far_a_replica_lags_is_said_in_seconds_and_bytes(world: World, replica: Replica) -> None:
    await add_coins(replica.primary, 1)
    await replica.catch_up()
    await replica.pause()
    await add_coins(replica.primary, 2)

    found = await look(world, replica.reads_url)

    assert_finding(found["lag"], Verdict.OK, " bytes", "")
    assert " s, " in found["lag"].found


async def test_the_primary_in_place_of_a_replica_is_told_apart(world: World) -> None:
    found = await look(world, world.database_url)

    assert_finding(found["source"], Verdict.WARNING, "nothing is gained", "name a streaming replica")
    assert set(found) == {"replica", "copy", "source"}


async def test_another_database_is_no_copy(world: World, empty_database_url: str) -> None:
    found = await look(world, empty_database_url)

    assert_finding(found["source"], Verdict.PROBLEM, "no copy of the database", "correct DATABASE_READ_URL")
    assert_finding(found["copy"], Verdict.PROBLEM, "its tables are at migration none", "run `pricegraph migrate`")


async def test_a_replica_of_another_version_is_a_problem(world: World, database: Database) -> None:
    await execute(database, "update alembic_version set version_num = '0001'")

    found = await look(world, world.database_url)

    assert_finding(found["copy"], Verdict.PROBLEM, "at migration 0001, this version needs", "run `pricegraph migrate`")


async def test_a_replica_that_is_away_is_a_problem_of_its_own(world: World) -> None:
    found = await diagnose(world, database_read_url=NOWHERE)

    assert_finding(found["replica"], Verdict.PROBLEM, "nobody listens there", "host and port in DATABASE_READ_URL")
    assert found["database"].verdict is Verdict.OK
    assert not any("a-secret-word" in str(finding) for finding in found.values())


async def test_of_a_replica_whose_primary_is_away_that_much_is_said(world: World) -> None:
    found = await look(world, world.database_url, database_url=NOWHERE)

    assert set(found) == {"replica", "copy"}
