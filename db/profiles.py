"""What coins are about: which tracked one to ask for next, the answer, and what is known of all."""

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


class About(NamedTuple):
    """What is known of a coin beside its names. `external_ids`: what providers call it now, the best provider first."""

    description: str | None
    homepage: str | None
    external_ids: Sequence[tuple[int, str]]


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


_ABOUT = """
select c.id, c.description, c.homepage, i.providers, i.ids
from coins c cross join lateral (
    select array_agg(i.provider_id order by p.rank) as providers, array_agg(i.provider_coin_id order by p.rank) as ids
    from coin_provider_ids i join providers p on p.id = i.provider_id
    where i.coin_id = c.id and not i.former
) i
where c.id = any(%s)
"""


async def read_about(connection: Connection, coin_ids: Sequence[int]) -> dict[int, About]:
    cursor = await connection.execute(_ABOUT, (list(coin_ids),), binary=True)
    rows = await cursor.fetchall()
    return {
        coin: About(description, homepage, list(zip(providers or [], ids or [], strict=True)))
        for coin, description, homepage, providers, ids in rows
    }
