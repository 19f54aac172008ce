"""The database that market data is read from, where that is another one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from time import monotonic

import psycopg

from db.health import open_reader, read_migration
from db.migrate import newest_migration
from db.pool import Connection
from db.replication import Lag, read_identity, read_lag, read_position
from pricegraph.doctor.connection import REPLICA, explain_connection, explain_silence
from pricegraph.doctor.database import check_server
from pricegraph.doctor.findings import (
    DEADLINE_SECONDS,
    STATEMENT_SECONDS,
    Finding,
    Verdict,
    bounded,
    ok,
    problem,
    warning,
)
from pricegraph.settings import Settings

# Seconds. Prices come once an hour: up to the first nobody notices, beyond the second the newest ones are missed.
TOLERATED, WRONG = 10.0, 300.0
_TRIES, _PAUSE = 10, 0.1
_BEHIND = "see pg_stat_replication on the primary, and the replica's own log"


async def examine_replica(settings: Settings) -> list[Finding]:
    """Nothing unless both databases are named; of a replica whose primary is away, only what it says by itself."""
    if settings.database_read_url is None or settings.database_url is None:
        return []
    async with AsyncExitStack() as stack:
        begun = monotonic()
        try:
            replica = await _open(stack, settings.database_read_url.get_secret_value())
        except TimeoutError:
            return [explain_silence(REPLICA)]
        except psycopg.Error as error:
            return [explain_connection(error, REPLICA)]
        findings = [
            await _find("replica", partial(check_server, replica, monotonic() - begun)),
            await _find("copy", partial(_check_tables, replica)),
        ]
        try:
            primary = await _open(stack, settings.need_database_url())
        except (TimeoutError, psycopg.Error):
            return findings
        findings.append(await _find("source", partial(_check_source, replica, primary)))
        if findings[-1].verdict is Verdict.OK:
            findings.append(await _find("lag", partial(_check_lag, replica, primary)))
        return findings


async def _open(stack: AsyncExitStack, url: str) -> Connection:
    async with asyncio.timeout(DEADLINE_SECONDS):
        return await stack.enter_async_context(open_reader(url, STATEMENT_SECONDS))


async def _find(subject: str, check: Callable[[], Awaitable[Finding]]) -> Finding:
    return replace(await bounded(subject, check()), subject=subject)


async def _check_tables(replica: Connection) -> Finding:
    current, newest = await read_migration(replica), newest_migration()
    if current == newest:
        return ok("copy", f"its tables are up to date, at migration {current}")
    found = f"its tables are at migration {current or 'none'}, this version needs {newest}"
    return problem("copy", found, "run `pricegraph migrate`; the replica has it when it has caught up")


async def _check_source(replica: Connection, primary: Connection) -> Finding:
    copy, original = await read_identity(replica), await read_identity(primary)
    if (copy.system, copy.database) != (original.system, original.database):
        return problem("source", "it is no copy of the database of DATABASE_URL", "correct DATABASE_READ_URL")
    if not copy.is_replica:
        advice = "name a streaming replica in DATABASE_READ_URL, or unset it"
        return warning("source", "it is the database of DATABASE_URL itself: nothing is gained", advice)
    return ok("source", "it is a streaming replica of the database of DATABASE_URL")


async def _check_lag(replica: Connection, primary: Connection) -> Finding:
    """A position of this moment; a replica that keeps up has it before the last try."""
    position = await read_position(primary)
    for _ in range(_TRIES):
        lag = await read_lag(replica, position)
        if lag.bytes == 0:
            break
        await asyncio.sleep(_PAUSE)
    return judge_lag(lag)


def judge_lag(lag: Lag) -> Finding:
    if lag.bytes == 0:
        return ok("lag", "none")
    if lag.seconds is None:
        return warning("lag", f"{lag.bytes:,} bytes, and it has replayed nothing since it started", _BEHIND)
    found = f"{lag.seconds:,.0f} s, {lag.bytes:,} bytes"
    if lag.seconds > WRONG:
        return problem("lag", found, _BEHIND)
    return warning("lag", found, _BEHIND) if lag.seconds > TOLERATED else ok("lag", found)
