"""Why a bucket is missing, and when it will be asked for again."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from db.evidence import Evidence
from db.fetches import Fetch, Outcome
from db.series import Window
from db.windows import subtract


class GapReason(StrEnum):
    NOT_FETCHED = "NOT_FETCHED"
    BEFORE_LISTING = "BEFORE_LISTING"
    RATE_LIMITED = "RATE_LIMITED"
    PLAN_LIMIT = "PLAN_LIMIT"
    PROVIDER_HAS_NO_DATA = "PROVIDER_HAS_NO_DATA"
    PROVIDER_ERROR = "PROVIDER_ERROR"
    REJECTED_BY_CHECK = "REJECTED_BY_CHECK"
    FX_UNAVAILABLE = "FX_UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class GapView:
    """A stretch of missing buckets with one reason."""

    window: Window
    missing: int
    reason: GapReason
    next_attempt_at: datetime | None


_REASONS = {
    Outcome.REJECTED: GapReason.REJECTED_BY_CHECK,
    Outcome.PLAN_LIMIT: GapReason.PLAN_LIMIT,
    Outcome.RATE_LIMITED: GapReason.RATE_LIMITED,
    Outcome.PROVIDER_ERROR: GapReason.PROVIDER_ERROR,
}


def explain_holes(holes: Sequence[Window], evidence: Evidence, width: timedelta) -> list[GapView]:
    """Cut every hole where its reason changes; oldest first. The parts of a hole add up to the hole."""
    gaps: list[GapView] = []
    for hole in holes:
        parts = [(hole.intersection(fetch.window), fetch) for fetch in _overlapping(hole, evidence.fetches)]
        never_asked = subtract([hole], [part for part, _ in parts])
        explained = [_explain(part, fetch, evidence, width) for part, fetch in parts]
        explained += [gap for part in never_asked for gap in _explain_unasked(part, evidence, width)]
        gaps += sorted(explained, key=lambda gap: gap.window)
    return gaps


def _overlapping(hole: Window, fetches: Sequence[Fetch]) -> Sequence[Fetch]:
    """Found by bisection: of a thin coin there may be as many fetches as holes, and thousands of both."""
    first = bisect_right(fetches, hole.start, key=lambda fetch: fetch.window.end)
    last = bisect_left(fetches, hole.end, key=lambda fetch: fetch.window.start)
    return fetches[first:last]


def _explain(part: Window, fetch: Fetch, evidence: Evidence, width: timedelta) -> GapView:
    if fetch.outcome is Outcome.NO_DATA:
        listed = evidence.first_stored
        before = listed is not None and part.end <= listed
        reason = GapReason.BEFORE_LISTING if before else GapReason.PROVIDER_HAS_NO_DATA
    else:
        reason = _REASONS[fetch.outcome]
    next_attempt = _next_attempt(part, evidence) or fetch.expires_at
    return GapView(part, part.buckets(width), reason, next_attempt)


def _explain_unasked(part: Window, evidence: Evidence, width: timedelta) -> list[GapView]:
    """Nobody asked: because the plan does not reach back that far, or because no refresh has come to it yet."""
    limit = evidence.oldest_allowed
    beyond = Window(part.start, min(part.end, limit))
    within = Window(max(part.start, limit), part.end)
    gaps = []
    if beyond.start < beyond.end:
        gaps.append(GapView(beyond, beyond.buckets(width), GapReason.PLAN_LIMIT, None))
    if within.start < within.end:
        next_attempt = _next_attempt(within, evidence)
        gaps.append(GapView(within, within.buckets(width), GapReason.NOT_FETCHED, next_attempt))
    return gaps


def _next_attempt(part: Window, evidence: Evidence) -> datetime | None:
    times = [at for window, at in evidence.open_tasks if window.overlaps(part)]
    return min(times, default=None)
