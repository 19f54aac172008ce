"""`/healthz`: the process lives. `/readyz`: it can answer, for the database is there and migrated."""

from __future__ import annotations

import psycopg
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from db.migrate import newest_migration
from db.pool import Database


def health_routes(database: Database) -> list[Route]:
    expected = newest_migration()

    async def healthz(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> JSONResponse:
        problem = await _find_problem(database, expected)
        if problem:
            return JSONResponse({"status": "not ready", "problem": problem}, status_code=503)
        return JSONResponse({"status": "ready"})

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


async def _find_problem(database: Database, expected: str) -> str | None:
    try:
        async with database.connection() as connection:
            row = await (await connection.execute("select version_num from alembic_version")).fetchone()
    except psycopg.errors.UndefinedTable:
        return "the database has no tables; run `pricegraph migrate`"
    except (psycopg.Error, PoolTimeout):
        return "the database cannot be reached"
    if row is None or row[0] != expected:
        return "the database is at another migration than this version; run `pricegraph migrate`"
    return None
