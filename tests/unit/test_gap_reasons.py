"""Every missing bucket has one reason, and the parts of a hole add up to it."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from db.evidence import Evidence
from db.fetches import Fetch, Outcome
from db.series import EPOCH, HOUR, Window
from resolvers.gaps import GapReason, GapView, explain_holes

HOURS = 60
NOW = EPOCH + HOURS * HOUR
REASONS = {
    Outcome.REJECTED: GapReason.REJECTED_BY_CHECK,
    Outcome.PLAN_LIMIT: GapReason.PLAN_LIMIT,
    Outcome.RATE_LIMITED: GapReason.RATE_LIMITED,
    Outcome.PROVIDER_ERROR: GapReason.PROVIDER_ERROR,
}


def window(start: int, end: int) -> Window:
    return Window(EPOCH + start * HOUR, EPOCH + end * HOUR)


@st.composite
def apart(draw: st.DrawFn, most: int = 6) -> list[Window]:
    """Windows that never overlap, oldest first."""
    edges = sorted(draw(st.sets(st.integers(0, HOURS), max_size=2 * most)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return [window(start, end) for start, end in pairs]


@st.composite
def fetches(draw: st.DrawFn) -> list[Fetch]:
    expiry = st.none() | st.integers(1, 9).map(lambda hours: NOW + hours * HOUR)
    return [Fetch(one, draw(st.sampled_from(Outcome)), NOW, draw(expiry)) for one in draw(apart())]


EVIDENCE = st.builds(
    Evidence,
    fetches(),
    st.lists(st.tuples(apart(1).filter(bool).map(lambda found: found[0]), st.just(NOW + HOUR)), max_size=3),
    st.none() | st.integers(0, HOURS).map(lambda hour: EPOCH + hour * HOUR),
    st.integers(-5, HOURS + 5).map(lambda hour: EPOCH + hour * HOUR),
)


def buckets(one: Window) -> list[datetime]:
    return [one.start + HOUR * i for i in range(one.buckets(HOUR))]


@given(apart(), EVIDENCE)
def test_the_parts_are_in_order_never_overlap_and_add_up_to_the_holes(holes: list[Window], evidence: Evidence) -> None:
    gaps = explain_holes(holes, evidence, HOUR)

    assert [bucket for gap in gaps for bucket in buckets(gap.window)] == [b for hole in holes for b in buckets(hole)]
    assert all(gap.missing == gap.window.buckets(HOUR) > 0 for gap in gaps)


@given(apart(), EVIDENCE)
def test_each_bucket_has_the_reason_that_the_evidence_gives_it(holes: list[Window], evidence: Evidence) -> None:
    for gap in explain_holes(holes, evidence, HOUR):
        for bucket in buckets(gap.window):
            assert gap.reason in _reasons(bucket, gap, evidence)


def _reasons(bucket: datetime, gap: GapView, evidence: Evidence) -> set[GapReason]:
    asked = [fetch for fetch in evidence.fetches if fetch.window.start <= bucket < fetch.window.end]
    if not asked:
        return {GapReason.PLAN_LIMIT if bucket < evidence.oldest_allowed else GapReason.NOT_FETCHED}
    if asked[0].outcome is Outcome.NO_DATA:
        listed = evidence.first_stored
        before = listed is not None and gap.window.end <= listed
        return {GapReason.BEFORE_LISTING if before else GapReason.PROVIDER_HAS_NO_DATA}
    return {REASONS[asked[0].outcome]}


@given(apart(), EVIDENCE)
def test_an_open_task_says_when_the_next_attempt_is_made(holes: list[Window], evidence: Evidence) -> None:
    for gap in explain_holes(holes, evidence, HOUR):
        if any(task.overlaps(gap.window) for task, _ in evidence.open_tasks) and not _beyond_plan(gap, evidence):
            assert gap.next_attempt_at == NOW + HOUR


def _beyond_plan(gap: GapView, evidence: Evidence) -> bool:
    """Nobody asked, and nobody will."""
    asked = any(fetch.window.overlaps(gap.window) for fetch in evidence.fetches)
    return gap.reason is GapReason.PLAN_LIMIT and not asked


def test_without_evidence_a_hole_has_simply_not_been_fetched() -> None:
    nothing = Evidence([], [], None, EPOCH)

    assert explain_holes([window(3, 7)], nothing, HOUR) == [GapView(window(3, 7), 4, GapReason.NOT_FETCHED, None)]


def test_a_hole_of_several_reasons_is_cut_where_they_change() -> None:
    answers = [
        Fetch(window(4, 6), Outcome.NO_DATA, NOW, None),
        Fetch(window(20, 22), Outcome.NO_DATA, NOW, NOW + timedelta(days=30)),
        Fetch(window(22, 30), Outcome.PROVIDER_ERROR, NOW, None),
    ]
    tasks = [(window(25, 40), NOW + timedelta(minutes=5))]

    gaps = explain_holes([window(0, 40)], Evidence(answers, tasks, EPOCH + 10 * HOUR, EPOCH + 2 * HOUR), HOUR)

    assert [(gap.window, gap.reason, gap.next_attempt_at) for gap in gaps] == [
        (window(0, 2), GapReason.PLAN_LIMIT, None),
        (window(2, 4), GapReason.NOT_FETCHED, None),
        (window(4, 6), GapReason.BEFORE_LISTING, None),
        (window(6, 20), GapReason.NOT_FETCHED, None),
        (window(20, 22), GapReason.PROVIDER_HAS_NO_DATA, NOW + timedelta(days=30)),
        (window(22, 30), GapReason.PROVIDER_ERROR, NOW + timedelta(minutes=5)),
        (window(30, 40), GapReason.NOT_FETCHED, NOW + timedelta(minutes=5)),
    ]
