"""`/healthz` and `/readyz`, for load balancers."""

from __future__ import annotations

import asyncio

from db.pool import Database, PoolSettings, open_database
from tests.acceptance.api.conftest import NOWHERE
from tests.api import Api, execute, open_api


async def test_a_migrated_database_that_answers_is_ready(api: Api) -> None:
    for path, status in (("/healthz", "ok"), ("/readyz", "ready")):
        answer = await api.client.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": status})


async def test_without_tables_it_is_not_ready_and_says_what_to_run(empty_database_url: str) -> None:
    async with open_database(empty_database_url) as database, open_api(database) as api:
        answer = await api.client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["problem"] == "the database has no tables; run `pricegraph migrate`"


async def test_at_another_migration_it_is_not_ready(api: Api, database: Database) -> None:
    await execute(database, "update alembic_version set version_num = '0000'")

    answer = await api.client.get("/readyz")

    assert answer.status_code == 503
    assert "another migration" in answer.json()["problem"]


async def test_with_the_database_away_it_lives_and_is_not_ready(lone_api: Api) -> None:
    async with asyncio.timeout(8):
        alive, ready = await lone_api.client.get("/healthz"), await lone_api.client.get("/readyz")

    assert alive.status_code == 200
    assert (ready.status_code, ready.json()["problem"]) == (503, "the database cannot be reached")


async def test_without_the_database_for_reads_it_is_not_ready(database: Database) -> None:
    async with open_database(NOWHERE, PoolSettings(wait=0.2)) as away, open_api(database, reads=away) as api:
        answer = await api.client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "problem": "the replica of DATABASE_READ_URL cannot be reached"}


async def test_with_only_the_primary_away_it_is_ready_to_read_and_says_so(database: Database) -> None:
    async with open_database(NOWHERE, PoolSettings(wait=0.2)) as away, open_api(away, reads=database) as api:
        answer = await api.client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "reads only", "problem": "the primary cannot be reached"}


async def test_a_primary_at_another_migration_than_its_replica_is_not_ready(
    database: Database, empty_database_url: str
) -> None:
    async with open_database(empty_database_url) as primary, open_api(primary, reads=database) as api:
        answer = await api.client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["problem"] == "the primary has no tables; run `pricegraph migrate`"
