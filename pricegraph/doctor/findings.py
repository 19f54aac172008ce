"""What a check found. No text here ever holds a password, a key or a token."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import psycopg

# For each check; the database gives up on a statement a little earlier, so that its connection stays in order.
DEADLINE_SECONDS = 5.0
STATEMENT_SECONDS = 4.0


class Verdict(StrEnum):
    """From harmless to grave. A problem keeps the installation from its work, a warning does not."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """`advice`: what to do about it; every warning and every problem has one."""

    verdict: Verdict
    subject: str
    found: str
    advice: str | None = None


def ok(subject: str, found: str) -> Finding:
    return Finding(Verdict.OK, subject, found)


def warning(subject: str, found: str, advice: str) -> Finding:
    return Finding(Verdict.WARNING, subject, found, advice)


def problem(subject: str, found: str, advice: str) -> Finding:
    return Finding(Verdict.PROBLEM, subject, found, advice)


def worst(findings: Iterable[Finding]) -> Finding:
    """The first of the gravest; there must be one."""
    return max(findings, key=lambda finding: list(Verdict).index(finding.verdict))


def at(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


async def bounded(subject: str, check: Awaitable[Finding]) -> Finding:
    """The check's finding, or that there was none within the deadline."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await check
    except (TimeoutError, psycopg.errors.QueryCanceled):
        late = f"no answer within {DEADLINE_SECONDS:.0f} seconds"
        return problem(subject, late, "see whether the database is overloaded, then run `pricegraph doctor` again")
    except psycopg.Error as error:
        # Only what the server says by itself: the words of a failed connection may quote the address.
        said = error.diag.message_primary or "the connection was lost"
        return problem(subject, f"cannot be looked at: {said}", "mend that, then run `pricegraph doctor` again")
