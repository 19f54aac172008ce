"""`/healthz`: the process lives. `/readyz`: it can answer, for the database is there and migrated.

With a replica for reads that is what it takes to be ready: while only the primary is away, prices are answered.
"""

from __future__ import annotations

import psycopg
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from db.health import read_migration
from db.migrate import newest_migration
from db.pool import Database

_AWAY = "cannot be reached"


def health_routes(database: Database, reads: Database) -> list[Route]:
    """`reads` is the same object where there is no replica."""
    expected = newest_migration()

    async def healthz(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> JSONResponse:
        if problem := await _find_problem(reads, expected):
            return _refuse("the database" if reads is database else "the replica of DATABASE_READ_URL", problem)
        if reads is not database and (problem := await _find_problem(database, expected)):
            if problem == _AWAY:
                return JSONResponse({"status": "reads only", "problem": f"the primary {problem}"})
            return _refuse("the primary", problem)
        return JSONResponse({"status": "ready"})

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


def _refuse(name: str, problem: str) -> JSONResponse:
    return JSONResponse({"status": "not ready", "problem": f"{name} {problem}"}, status_code=503)


async def _find_problem(database: Database, expected: str) -> str | None:
    try:
        async with database.connection() as connection:
            found = await read_migration(connection)
    except (psycopg.Error, PoolTimeout):
        return _AWAY
    if found is None:
        return "has no tables; run `pricegraph migrate`"
    if found != expected:
        return "is at another migration than this version; run `pricegraph migrate`"
    return None
