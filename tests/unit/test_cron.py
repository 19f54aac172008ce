"""Which minutes a cron expression names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cron import check_cron, last_tick, next_tick
from pricegraph.settings import SettingsError, read_settings

CRONS = ["50 0 * * *", "1 * * * *", "*/7 3-9 * * *", "0 12 1,15 * *", "30 6 * feb,jul mon-fri", "* * * * *"]
instants = st.timedeltas(timedelta(0), timedelta(days=2000)).map(lambda since: datetime(2024, 1, 1, tzinfo=UTC) + since)


@given(st.sampled_from(CRONS), instants)
def test_now_lies_between_the_last_tick_and_the_next_and_nothing_else_does(cron: str, now: datetime) -> None:
    last, following = last_tick(cron, now), next_tick(cron, now)
    assert last <= now < following
    assert next_tick(cron, last) == following
    assert last_tick(cron, following - timedelta(microseconds=1)) == last
    assert last_tick(cron, following) == following


def test_ticks_are_those_of_utc_where_clocks_change() -> None:
    """On 2026-10-25 most of Europe has 02:30 twice, and on 2026-03-29 not at all."""
    for day in (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)):
        assert next_tick("30 2 * * *", day) == day + timedelta(hours=2, minutes=30)
        assert next_tick("30 2 * * *", day + timedelta(hours=3)) == day + timedelta(days=1, hours=2, minutes=30)


@pytest.mark.parametrize("cron", CRONS)
def test_an_expression_of_five_fields_is_taken(cron: str) -> None:
    check_cron(cron)
    assert read_settings(PRICEGRAPH_REFRESH_CRON=f" {cron.upper()} ").ingest().refresh_cron == cron


@pytest.mark.parametrize(
    "cron",
    [
        "daily",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "0 0 30 2 *",
        "@daily",
        "r * * * *",
        "0 0 * * xyz",
        "50 0 * * *;",
    ],
)
def test_anything_else_is_refused_when_a_program_starts(cron: str) -> None:
    with pytest.raises(SettingsError, match=r"PRICEGRAPH_REFRESH_CRON: .*is no cron expression: minute, hour, day"):
        read_settings(PRICEGRAPH_REFRESH_CRON=cron)


def test_off_means_never_and_the_default_is_once_a_day_when_the_day_before_is_final() -> None:
    assert read_settings(PRICEGRAPH_REFRESH_CRON="off").ingest().refresh_cron is None
    assert read_settings().ingest().refresh_cron == "50 0 * * *"


def test_a_currency_is_stored_for_all_coins_or_for_one() -> None:
    ingest = read_settings(PRICEGRAPH_CURRENCIES="usd", PRICEGRAPH_RATE_CURRENCIES="gbp,jpy").ingest()
    assert (ingest.rate_currencies, ingest.rate_coin) == (("gbp", "jpy"), "bitcoin")
    assert read_settings(PRICEGRAPH_RATE_CURRENCIES="off").ingest().rate_currencies == ()
    assert read_settings(PRICEGRAPH_CURRENCIES="usd,jpy").ingest().rate_currencies == ("chf", "cad", "aud")
