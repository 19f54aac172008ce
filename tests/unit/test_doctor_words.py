"""Doctor has words for whatever ingest may have noted."""

from __future__ import annotations

from db.fetches import Outcome
from db.providers import REASONS
from ingest.errors import Kind
from pricegraph.doctor.provider import ADVICE
from pricegraph.doctor.work import OUTCOMES


def test_every_outcome_of_a_fetch_has_words() -> None:
    assert set(OUTCOMES) == set(Outcome)


def test_every_block_that_does_not_end_by_itself_has_an_advice() -> None:
    assert set(map(Kind, REASONS)) - set(ADVICE) <= {Kind.RATE_LIMITED, Kind.DOWN}
