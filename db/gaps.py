"""Holes of series inside windows: buckets that are not stored. SQL to go beside a list of both, and what it finds."""

from __future__ import annotations

from datetime import datetime

from db.series import Window

# Beside a list w of series and windows; what HOLE_COLUMNS say is for `holes_of`. A series is looked at by index alone,
# and only for holes between its points if the count says that there are any: lag() costs several times what counting
# does. By the outermost bounds PostgreSQL leaves chunks out of its plan. Widths are exact hours: a day across a DST
# change of the session's time zone would not be 24 hours.
JOIN_HOLES = """
cross join lateral (
    select count(*), min(p.ts) as first, max(p.ts) as last from {table} p
    where p.coin_id = w.coin_id and p.currency_id = w.currency_id and p.ts >= w.from_ts and p.ts < w.to_ts
      and p.ts >= {first} and p.ts < {last}
) s
cross join lateral (
    select array_agg(due order by due) as starts, array_agg(ts order by due) as ends
    from (
        select p.ts, lag(p.ts) over (order by p.ts) + make_interval(hours => {hours}) as due from {table} p
        where p.coin_id = w.coin_id and p.currency_id = w.currency_id and p.ts >= s.first and p.ts <= s.last
          and s.first + make_interval(hours => {hours} * s.count::int) <= s.last
          and p.ts >= {first} and p.ts < {last}
    ) steps
    where ts > due
) h
"""
HOLE_COLUMNS = "s.first, s.last + make_interval(hours => {hours}), h.starts, h.ends"


def holes_of(
    window: Window,
    first: datetime | None,
    after: datetime | None,
    starts: list[datetime] | None,
    ends: list[datetime] | None,
) -> list[Window]:
    """`after` is the bucket behind the last one; `starts` and `ends` are the holes before it."""
    if first is None or after is None:
        return [window]
    holes = list(map(Window, starts or [], ends or []))
    if window.start < first:
        holes.insert(0, Window(window.start, first))
    if after < window.end:
        holes.append(Window(after, window.end))
    return holes
