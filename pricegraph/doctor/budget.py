"""What is left of the calls that all workers share, and whether they are told to wait."""

from __future__ import annotations

from datetime import datetime, timedelta

from db.health import BudgetRow, list_budgets
from db.pool import Connection
from db.providers import REASONS
from ingest.errors import Kind
from ingest.providers.coingecko import budget_of
from ingest.settings import IngestSettings
from pricegraph.doctor.findings import Finding, at, ok, problem, warning, worst
from pricegraph.doctor.provider import ADVICE

_BY_ITSELF = "nothing: it goes on by itself"


async def check_budget(connection: Connection, settings: IngestSettings, now: datetime) -> Finding:
    budgets = await list_budgets(connection, now)
    if not budgets:
        return ok("budget", "no worker has ever started, so nothing is used")
    return worst(_judge(budget, settings, now) for budget in budgets)


def _judge(budget: BudgetRow, settings: IngestSettings, now: datetime) -> Finding:
    limit = "" if budget.monthly_limit is None else f" of {budget.monthly_limit:,}"
    used = f"calls used this month: {budget.month_used:,}{limit}"
    if budget.blocked_until and budget.blocked_reason:
        return _explain_block(used, Kind(budget.blocked_reason), budget.blocked_until)
    if budget.monthly_limit is not None and budget.month_used >= budget.monthly_limit:
        return _explain_block(used, Kind.QUOTA, _next_month(now))
    if budget.key != budget_of(settings).key:
        advice = "give every program the same COINGECKO_PLAN and COINGECKO_API_KEY, and start the workers again"
        return warning("budget", f"{used}; the workers use another plan or key than these settings", advice)
    failures = f"; failures in a row: {budget.failures}" if budget.failures else ""
    return ok("budget", used + failures)


def _explain_block(used: str, kind: Kind, until: datetime) -> Finding:
    found = f"{used}; {REASONS[kind]}; workers go on at {at(until)}"
    if kind in (Kind.RATE_LIMITED, Kind.DOWN):
        return warning("budget", found, _BY_ITSELF)
    return problem("budget", found, ADVICE[kind])


def _next_month(now: datetime) -> datetime:
    return (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
