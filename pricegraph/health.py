"""`/healthz`: the process lives. `/readyz`: it can answer, for the database is there and migrated."""

from __future__ import annotations

import psycopg
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from db.health import read_migration
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
            found = await read_migration(connection)
    except (psycopg.Error, PoolTimeout):
        return "the database cannot be reached"
    if found is None:
        return "the database has no tables; run `pricegraph migrate`"
    if found != expected:
        return "the database is at another migration than this version; run `pricegraph migrate`"
    return None
