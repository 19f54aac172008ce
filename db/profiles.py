"""What tracked coins are about: which one to ask for next, and the answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from db.pool import Connection


class Profile(NamedTuple):
    """What a coin is about; None for what nobody has said. The description is plain text."""

    description: str | None = None
    homepage: str | None = None
    image_url: str | None = None


class Undescribed(NamedTuple):
    coin_id: int
    provider_coin_id: str


async def claim_profile(connection: Connection, provider_id: int, now: datetime, again: datetime) -> Undescribed | None:
    """A tracked coin that it is time to ask about; then nobody else does before `again`.

    None while prices wait to be fetched: they come first.
    """
    cursor = await connection.execute(
        """
        update coins c set describe_at = %(again)s from coin_provider_ids i
        where i.coin_id = c.id and i.provider_id = %(provider)s and not i.former and c.id = (
            select id from coins
            where tracked and status = 'ACTIVE' and describe_at <= %(now)s
              and not exists (select from refresh_tasks where status in ('PENDING', 'RUNNING'))
            order by coalesce(rank, 2147483647), id limit 1 for update skip locked)
        returning c.id, i.provider_coin_id
        """,
        {"provider": provider_id, "now": now, "again": again},
    )
    row = await cursor.fetchone()
    return Undescribed(*row) if row else None


async def store_profile(connection: Connection, coin_id: int, profile: Profile | None, again: datetime) -> None:
    """What the provider says now, or nothing; a picture stays when it shows none."""
    description, homepage, image_url = profile or Profile()
    await connection.execute(
        "update coins set description = %s, homepage = %s, image_url = coalesce(%s, image_url), describe_at = %s "
        "where id = %s",
        (description, homepage, image_url, again, coin_id),
    )


async def read_profiles(connection: Connection, coin_ids: Sequence[int]) -> dict[int, Profile]:
    cursor = await connection.execute(
        "select id, description, homepage, image_url from coins where id = any(%s)", (list(coin_ids),)
    )
    return {row[0]: Profile(*row[1:]) for row in await cursor.fetchall()}
