"""An installation as `pricegraph doctor` sees it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pricegraph.doctor.examination import examine
from pricegraph.doctor.findings import Finding, Verdict
from pricegraph.settings import Settings, read_settings
from tests.api import OPERATOR_TOKEN
from tests.world import World

KEY = "CG-demo"


def real_time() -> datetime:
    return datetime.now(UTC)


def settings_for(provider: str, database_url: str | None = None, **changes: Any) -> Settings:
    given = {"database_url": database_url, "token": OPERATOR_TOKEN, "coingecko_url": provider}
    return read_settings(**(given | {"coingecko_plan": "demo", "coingecko_api_key": KEY} | changes))


async def diagnose(world: World, now: Callable[[], datetime] = real_time, **changes: Any) -> dict[str, Finding]:
    """What doctor finds, by subject."""
    given = {"provider": world.settings.coingecko_url, "database_url": world.database_url}
    return {one.subject: one for one in await examine(settings_for(**(given | changes)), now)}


def assert_finding(finding: Finding, verdict: Verdict, found: str, advice: str) -> None:
    assert finding.verdict is verdict, finding
    assert found in finding.found
    assert advice in (finding.advice or "")


def gravest(findings: dict[str, Finding]) -> set[str]:
    """The subjects that are not well."""
    return {subject for subject, finding in findings.items() if finding.verdict is not Verdict.OK}
