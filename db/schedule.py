"""Ticks of the schedule: each is taken by one worker, however many there are."""

from __future__ import annotations

from datetime import datetime

from db.pool import Connection

_TAKE = """
insert into schedule_ticks as s (job, ticked_at) values (%s, %s)
on conflict (job) do update set ticked_at = excluded.ticked_at where s.ticked_at < excluded.ticked_at
"""


async def take_tick(connection: Connection, job: str, tick: datetime) -> bool:
    """True for the first who asks; False when this tick, or a later one, was taken before.

    Others who ask for the same tick wait until the caller's transaction ends, and get it if that is rolled back.
    """
    return (await connection.execute(_TAKE, (job, tick))).rowcount == 1
