"""Whether somebody fetches prices, whether they arrive, and who may ask for them."""

from __future__ import annotations

from datetime import datetime, timedelta

from db.fetches import Outcome
from db.health import Freshness, StaleSeries, compare_stored, holds_prices, read_freshness, read_work
from db.pool import Connection
from db.providers import any_simulated
from db.tasks import TaskStatus
from db.tokens import Scope, list_tokens
from ingest.worker import STALLED_SECONDS
from pricegraph.doctor.findings import Finding, at, ok, problem, warning

# A refresh an hour, and two that may fail.
STALE_AFTER = timedelta(hours=3)
_START = "run `pricegraph worker`, on any machine, with the same settings"
OUTCOMES = {
    Outcome.NO_DATA: "the provider has none",
    Outcome.REJECTED: "the provider's values failed a check",
    Outcome.PLAN_LIMIT: "the provider's plan does not include it",
    Outcome.RATE_LIMITED: "the provider's limit stood in the way",
    Outcome.PROVIDER_ERROR: "the provider failed",
}


async def check_workers(connection: Connection) -> Finding:
    work = await read_work(connection, STALLED_SECONDS)
    open_tasks = f"open tasks: {work.open_tasks:,}"
    if work.oldest_task:
        open_tasks += f", the oldest of {at(work.oldest_task)}"
    if work.workers:
        return ok("workers", f"{work.workers} alive; {open_tasks}")
    found = f"none is alive; {open_tasks}"
    return problem("workers", found, _START) if work.due_tasks else warning("workers", found, _START)


async def check_prices(connection: Connection, now: datetime) -> Finding:
    fresh = await read_freshness(connection, now - STALE_AFTER)
    if fresh.series == 0:
        what, variable = ("coin", "COINS") if fresh.coins == 0 else ("currency", "CURRENCIES")
        advice = f"run `pricegraph worker`: it begins with those of PRICEGRAPH_{variable}"
        return warning("prices", f"no {what} is tracked yet", advice)
    if fresh.stale == 0:
        return ok("prices", f"series: {fresh.series:,}, all with prices of the last 3 hours")
    return _explain_stale(fresh)


def _explain_stale(fresh: Freshness) -> Finding:
    """When nothing at all arrives the installation does not do its work, unless it has just begun to."""
    examples = ", ".join(f"{one.coin}/{one.currency} ({_reason(one)})" for one in fresh.examples)
    found = (
        f"{fresh.stale:,} of {fresh.series:,} series have no price of the last 3 hours, "
        f"{fresh.never:,} never had one: {examples}"
    )
    if any(one.task for one in fresh.examples):
        return warning("prices", found, "wait: their refresh has begun, and goes on while a worker is alive")
    advice = "run `pricegraph refresh`; its answer says what goes wrong"
    return (problem if fresh.stale == fresh.series else warning)("prices", found, advice)


def _reason(series: StaleSeries) -> str:
    newest = f"newest hour {series.newest_hour:%Y-%m-%d %H:00} UTC, " if series.newest_hour else ""
    if series.task is TaskStatus.DEFERRED and series.retry_at:
        return f"{newest}put aside until {at(series.retry_at)}"
    if series.task:
        return f"{newest}being fetched" if series.task is TaskStatus.RUNNING else f"{newest}waits in the queue"
    return newest + (OUTCOMES[series.outcome] if series.outcome else "nobody has asked for more")


async def check_stored(connection: Connection) -> Finding:
    """What planning takes for stored, against what is."""
    compared = await compare_stored(connection)
    if not compared.differing:
        return ok("stored", f"refreshes take for stored what is: {compared.series} series looked at")
    found = (
        "refreshes take other hours for stored than are, "
        f"of {compared.differing} of {compared.series} series looked at, such as {compared.example}"
    )
    return warning("stored", found, "run  pricegraph psql -- -c 'select rebuild_stored_windows()'")


async def check_origin(connection: Connection, simulated: bool) -> Finding:
    """`simulated`: whether these settings name a simulated provider."""
    held, offered = ("simulated", "real") if await any_simulated(connection) else ("real", "simulated")
    if held == ("simulated" if simulated else "real") or not await holds_prices(connection):
        return ok("origin", f"the prices are {'simulated: invented by `pricegraph simulate`' if simulated else 'real'}")
    found = f"the database holds {held} prices, these settings name a provider of {offered} ones"
    return problem("origin", found, "no worker starts so: correct COINGECKO_URL, or use another database")


async def check_tokens(connection: Connection) -> Finding:
    """Only for an installation without PRICEGRAPH_TOKEN, which needs no database."""
    may_refresh = [
        token for token in await list_tokens(connection) if token.revoked_at is None and Scope.REFRESH in token.scopes
    ]
    if may_refresh:
        return ok("tokens", f"live ones that may refresh: {len(may_refresh)}")
    advice = "run `pricegraph token create cron --scope REFRESH`, or set PRICEGRAPH_TOKEN for `pricegraph serve`"
    return warning("tokens", "there is none, so that nobody can ask for a refresh", advice)
