"""Which coins this installation refreshes: as its configuration says at first, and as people say from then on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from db.pool import Connection
from db.refresh import lock_planning
from db.tasks import TaskStatus, claim_task, finish_task


async def track_configured(connection: Connection, provider_id: int, ids: Sequence[str]) -> list[str]:
    """Track the coins that a provider calls by these ids, or used to.

    Coins that somebody stopped tracking by hand stay as they are; answers their slugs.
    """
    cursor = await connection.execute(
        """
        with given as (
            select distinct coin_id from coin_provider_ids where provider_id = %s and provider_coin_id = any(%s)
        ), tracked as (
            update coins set tracked = true
            where id in (select coin_id from given) and not tracked and untracked_at is null
        )
        select slug from coins
        where id in (select coin_id from given) and untracked_at is not null order by slug
        """,
        (provider_id, list(ids)),
    )
    return [row[0] for row in await cursor.fetchall()]


async def list_unlisted(connection: Connection) -> list[int]:
    """Ids of tracked coins that the provider lists no more."""
    cursor = await connection.execute("select id from coins where tracked and status <> 'ACTIVE' order by id")
    return [row[0] for row in await cursor.fetchall()]


async def track_coins(connection: Connection, coin_ids: Sequence[int]) -> None:
    await connection.execute(
        "update coins set tracked = true, untracked_at = null where id = any(%s) and not tracked", (list(coin_ids),)
    )


async def untrack_coins(connection: Connection, coin_ids: Sequence[int], now: datetime) -> None:
    """Stop refreshing these coins, whatever the configuration says, and skip what is queued for them; data stays.

    A task in a worker's hands goes on to its end. The caller holds the transaction.
    """
    await connection.execute(
        "update coins set tracked = false, untracked_at = %s where id = any(%s) and untracked_at is null",
        (now, list(coin_ids)),
    )
    await lock_planning(connection)
    waiting = await connection.execute(
        """
        select id from refresh_tasks where coin_id = any(%s) and status in ('PENDING', 'DEFERRED')
        order by id for update skip locked
        """,
        (list(coin_ids),),
    )
    for (task,) in await waiting.fetchall():
        if await claim_task(connection, task, now):
            await finish_task(connection, task, TaskStatus.SKIPPED, now, requests=0)
