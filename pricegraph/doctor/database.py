"""The database as such: its server, its edition, its tables."""

from __future__ import annotations

from db.health import ServerRow, count_hypertables, read_migration, read_server
from db.migrate import knows_migration, newest_migration
from db.pool import Connection
from db.store import Store, read_store_async
from pricegraph.doctor.findings import Finding, ok, problem, warning

# The major versions that the tests run on; the documentation claims no others.
TESTED_VERSIONS = (17, 18)
_ANEW = "create a new database, run `pricegraph migrate` on it and fill it again; or leave it, the answers are the same"


async def check_server(connection: Connection, seconds: float) -> Finding:
    """`seconds`: how long it took to connect."""
    server = await read_server(connection)
    found = f"PostgreSQL {server.version}, connected in {seconds * 1000:.0f} ms"
    if server.major not in TESTED_VERSIONS:
        tested = " and ".join(map(str, TESTED_VERSIONS))
        return warning("database", found, f"better use a version that pricegraph is tested on: {tested}")
    return ok("database", found)


async def check_edition(connection: Connection) -> Finding:
    server, store = await read_server(connection), await read_store_async(connection)
    if store is Store.POSTGRESQL:
        return await _explain_plain(connection, server)
    if await read_migration(connection) is not None and await count_hypertables(connection) < 2:
        found = f"TimescaleDB {server.timescaledb} came after the tables: they are ordinary ones"
        return warning("edition", found, _ANEW)
    if store is Store.TIMESCALEDB_APACHE:
        return ok("edition", f"TimescaleDB {server.timescaledb}, Apache: hypertables, but no compression")
    return ok("edition", f"TimescaleDB {server.timescaledb}, Community: hypertables, old prices are compressed")


async def _explain_plain(connection: Connection, server: ServerRow) -> Finding:
    if server.timescaledb_offered is None:
        return ok("edition", "plain PostgreSQL: ordinary tables, no compression")
    found = f"the server has TimescaleDB {server.timescaledb_offered}, this database does not use it"
    if await read_migration(connection) is None:
        return warning(
            "edition", found, "see that shared_preload_libraries holds timescaledb; `pricegraph migrate` uses it"
        )
    return warning("edition", found, _ANEW)


async def check_migrations(connection: Connection) -> Finding:
    current, newest = await read_migration(connection), newest_migration()
    if current is None:
        return problem("tables", "there are none", "run `pricegraph migrate`")
    if current == newest:
        return ok("tables", f"up to date, at migration {current}")
    if knows_migration(current):
        return problem("tables", f"at migration {current}, this version needs {newest}", "run `pricegraph migrate`")
    found = f"at migration {current}, which this version does not know: a newer one was here"
    return problem("tables", found, "install that newer version of pricegraph here too")
