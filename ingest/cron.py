"""Cron expressions: which minutes they name. UTC, so that no tick is missing or double where clocks change."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from croniter import CroniterError, croniter  # type: ignore[import-untyped]

from db.series import floor

_MINUTE = timedelta(minutes=1)
# Five fields of numbers, lists, ranges and steps; months and weekdays have names too. croniter knows more, such as
# random minutes, on which several workers would not agree.
_FIELD = r"[\d*,/-]+"
_NAMED = r"(?:[\d*,/-]|[a-z]{3})+"
_FORM = re.compile(rf"{_FIELD} {_FIELD} {_FIELD} {_NAMED} {_NAMED}")


def check_cron(cron: str) -> None:
    """Raises ValueError for what is no cron expression, or names no minute that ever comes."""
    try:
        if not _FORM.fullmatch(cron):
            raise CroniterError
        next_tick(cron, datetime.now(UTC))
    except CroniterError as error:
        raise ValueError(
            f"{cron!r} is no cron expression: minute, hour, day, month and weekday, as `50 0 * * *`; or `off`"
        ) from error


def last_tick(cron: str, now: datetime) -> datetime:
    """The newest tick that is not in the future."""
    tick: datetime = croniter(cron, floor(now, _MINUTE) + _MINUTE).get_prev(datetime)
    return tick


def next_tick(cron: str, now: datetime) -> datetime:
    """The first tick after now."""
    tick: datetime = croniter(cron, floor(now, _MINUTE)).get_next(datetime)
    return tick
