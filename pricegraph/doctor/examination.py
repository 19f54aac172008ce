"""All checks. Where one cannot be made, the others still are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial
from time import monotonic

import psycopg

from db.health import open_reader, read_migration
from db.pool import Connection
from pricegraph.doctor.budget import check_budget
from pricegraph.doctor.clocks import judge_clocks, measure_clock
from pricegraph.doctor.connection import PRIMARY, explain_connection, explain_silence
from pricegraph.doctor.database import check_edition, check_migrations, check_server
from pricegraph.doctor.findings import DEADLINE_SECONDS, STATEMENT_SECONDS, Finding, bounded, ok, problem
from pricegraph.doctor.keys import check_keys
from pricegraph.doctor.provider import check_provider
from pricegraph.doctor.replica import examine_replica
from pricegraph.doctor.work import check_origin, check_prices, check_stored, check_tokens, check_workers
from pricegraph.settings import Settings, SettingsError

Now = Callable[[], datetime]
Checks = dict[str, Callable[[], Awaitable[Finding]]]


async def examine(settings: Settings, now: Now) -> list[Finding]:
    """`now` is this machine's clock."""
    findings = [ok("settings", "make sense")]
    if settings.token:
        findings.append(ok("tokens", "PRICEGRAPH_TOKEN is set"))
    async with asyncio.TaskGroup() as group:
        database = group.create_task(_examine_database(settings, now))
        replica = group.create_task(examine_replica(settings))
        provider = group.create_task(check_provider(settings.ingest(), now))
    (found, database_ahead), (answered, provider_ahead) = database.result(), provider.result()
    findings += [*found, *replica.result(), answered]
    clocks = {"the database": database_ahead, "the provider": provider_ahead}
    ahead = {who: seconds for who, seconds in clocks.items() if seconds is not None}
    return [*findings, judge_clocks(ahead)] if ahead else findings


async def _examine_database(settings: Settings, now: Now) -> tuple[list[Finding], float | None]:
    """Also by how many seconds its clock is ahead, if it can be reached."""
    try:
        url = settings.need_database_url()
    except SettingsError as error:
        found, _, advice = str(error).partition("; ")
        return [problem("database", found, advice)], None
    async with AsyncExitStack() as stack:
        begun = monotonic()
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                connection = await stack.enter_async_context(open_reader(url, STATEMENT_SECONDS))
                seconds = monotonic() - begun
                ahead = await measure_clock(connection, now)
                has_tables = await read_migration(connection) is not None
        except TimeoutError:
            return [explain_silence(PRIMARY)], None
        except psycopg.Error as error:
            return [explain_connection(error)], None
        checks = _checks(connection, settings, now, seconds, has_tables)
        return await _run_checks(connection, checks), ahead


def _checks(connection: Connection, settings: Settings, now: Now, seconds: float, has_tables: bool) -> Checks:
    """By subject; those of the tables only where there are any."""
    ingest = settings.ingest()
    checks: Checks = {
        "database": partial(check_server, connection, seconds),
        "edition": partial(check_edition, connection),
        "tables": partial(check_migrations, connection),
    }
    if has_tables:
        checks |= {
            "workers": partial(check_workers, connection),
            "prices": partial(check_prices, connection, now()),
            "stored": partial(check_stored, connection),
            "budget": partial(check_budget, connection, ingest, now()),
            "origin": partial(check_origin, connection, ingest.simulated),
            "keys": partial(check_keys, connection, settings.vault()),
        }
    if has_tables and not settings.token:
        checks["tokens"] = partial(check_tokens, connection)
    return checks


async def _run_checks(connection: Connection, checks: Checks) -> list[Finding]:
    findings = []
    for subject, check in checks.items():
        if not connection.closed:
            findings.append(await bounded(subject, check()))
    return findings
