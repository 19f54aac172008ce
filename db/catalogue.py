"""What workers learn about coins: the provider's list of them all, ranks, and what each one is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from db.pool import Connection

# Any fixed number: two workers do not write the catalogue at once.
_LOCK = 7_204_511_970
# A coin that the list lacks may be back tomorrow; after this long it counts as gone.
DELISTED_AFTER = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A coin as a provider lists it. `contracts`: `platform:address` each; None where the answer does not tell."""

    provider_coin_id: str
    symbol: str
    name: str
    contracts: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class MarketEntry:
    """A coin as a provider ranks it, 1 being the largest by market capitalisation."""

    coin: CatalogueEntry
    rank: int | None
    image_url: str | None


@dataclass(frozen=True, slots=True)
class ListChanges:
    """What a list changed: counts, and the ids that may be renamed coins but could be several."""

    added: int
    renamed: int
    missing: int
    unclear: Sequence[str]


class ListTooShort(Exception):
    """A list that lacks more than half of the coins known so far is a fault of the provider: nothing was stored."""


async def claim_list(
    connection: Connection, provider_id: int, now: datetime, again: datetime, *, prices_first: bool = False
) -> bool:
    """Whether it is time to ask for the whole list; then nobody else does before `again`.

    With `prices_first` it is not time while prices wait to be fetched.
    """
    cursor = await connection.execute(
        """
        update providers set catalogue_at = %s where id = %s and catalogue_at <= %s
        and not (%s and exists (select from refresh_tasks where status in ('PENDING', 'RUNNING')))
        """,
        (again, provider_id, now, prices_first),
    )
    return cursor.rowcount == 1


async def postpone_list(connection: Connection, provider_id: int, again: datetime) -> None:
    """The whole list is asked for again then."""
    await connection.execute("update providers set catalogue_at = %s where id = %s", (again, provider_id))


async def list_unknown_ids(connection: Connection, provider_id: int, ids: Sequence[str]) -> list[str]:
    """Those of the ids that stand for no coin, neither now nor formerly."""
    cursor = await connection.execute(
        """
        select id from unnest(%s::text[]) with ordinality w (id, place)
        where not exists (select from coin_provider_ids i where i.provider_id = %s and i.provider_coin_id = w.id)
        order by place
        """,
        (list(ids), provider_id),
    )
    return [row[0] for row in await cursor.fetchall()]


async def list_unranked(connection: Connection, provider_id: int, ranked: Sequence[str]) -> list[str]:
    """Ids of the coins refreshed here that are not among the ranked ones."""
    cursor = await connection.execute(
        """
        select i.provider_coin_id from coins c join coin_provider_ids i on i.coin_id = c.id
        where c.tracked and c.status = 'ACTIVE' and i.provider_id = %s and not i.former
          and i.provider_coin_id <> all(%s) order by c.id
        """,
        (provider_id, list(ranked)),
    )
    return [row[0] for row in await cursor.fetchall()]


async def learn_coins(connection: Connection, provider_id: int, entries: Sequence[MarketEntry]) -> None:
    """Add coins, or bring them up to date. The caller holds the transaction."""
    await _stage(connection, [entry.coin for entry in entries])
    await _update_known(connection, provider_id)
    await _insert_new(connection, provider_id)
    await _unstage(connection)
    await _set_ranks(connection, provider_id, entries)


async def store_ranks(connection: Connection, provider_id: int, entries: Sequence[MarketEntry]) -> None:
    """Store ranks and pictures of these coins; what another one's rank was is no longer known."""
    await connection.execute(
        """
        update coins set rank = null where rank is not null and id not in (
            select coin_id from coin_provider_ids where provider_id = %s and provider_coin_id = any(%s) and not former)
        """,
        (provider_id, [entry.coin.provider_coin_id for entry in entries]),
    )
    await _set_ranks(connection, provider_id, entries)


async def store_list(
    connection: Connection, provider_id: int, entries: Sequence[CatalogueEntry], now: datetime
) -> ListChanges:
    """Make the catalogue what the whole list says. The caller holds the transaction.

    Nothing is ever deleted: a coin that the list lacks changes its status, and one that the provider renamed keeps
    its slug and history under the new id. Raises ListTooShort.
    """
    await _stage(connection, entries)
    await _check_length(connection, provider_id)
    renamed, unclear = await _rename(connection, provider_id)
    await _update_known(connection, provider_id)
    added = await _insert_new(connection, provider_id)
    missing = await _mark_missing(connection, provider_id, now)
    await _unstage(connection)
    return ListChanges(added, renamed, missing, unclear)


async def tidy_coins(connection: Connection) -> None:
    """After thousands of changes: searches would be slow until the database got to it by itself. No transaction."""
    await connection.execute("vacuum (analyze) coins")


async def _stage(connection: Connection, entries: Sequence[CatalogueEntry]) -> None:
    """Put the entries into a table of this transaction's own; of several with the same id the first one counts."""
    await connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
    await connection.execute(
        "create temporary table listed (place int, id text primary key, symbol text, name text, contracts text[]) "
        "on commit drop"
    )
    first: dict[str, CatalogueEntry] = {}
    for entry in entries:
        first.setdefault(entry.provider_coin_id, entry)
    async with connection.cursor().copy("copy listed from stdin") as copy:
        for place, (id_, entry) in enumerate(first.items()):
            contracts = None if entry.contracts is None else list(entry.contracts)
            await copy.write_row((place, id_, entry.symbol, entry.name, contracts))
    await connection.execute("analyze listed")


async def _unstage(connection: Connection) -> None:
    await connection.execute("drop table listed")


async def _check_length(connection: Connection, provider_id: int) -> None:
    cursor = await connection.execute(
        """
        select count(*), count(l.id), (select count(*) from listed)
        from coins c join coin_provider_ids i on i.coin_id = c.id left join listed l on l.id = i.provider_coin_id
        where i.provider_id = %s and not i.former and c.status = 'ACTIVE'
        """,
        (provider_id,),
    )
    row = await cursor.fetchone()
    assert row is not None
    known, present, listed = row
    if listed == 0 or 2 * present < known:
        raise ListTooShort(f"a list of {listed:,} coins holds only {present:,} of the {known:,} active ones")


async def _rename(connection: Connection, provider_id: int) -> tuple[int, list[str]]:
    """Give coins that the list lacks the new ids that can only be theirs; answers how many, and the unclear ids.

    A new id can be a missing coin's when symbol and name are the same, and an address of a contract where both have
    some.
    """
    cursor = await connection.execute(_RENAMES, {"provider": provider_id})
    pairs = [(coin, id_) for coin, id_ in await cursor.fetchall()]
    coins, ids = Counter(coin for coin, _ in pairs), Counter(id_ for _, id_ in pairs)
    sure = [(coin, id_) for coin, id_ in pairs if coins[coin] == ids[id_] == 1]
    given = {"provider": provider_id, "coins": [coin for coin, _ in sure], "ids": [id_ for _, id_ in sure]}
    await connection.execute(
        "update coin_provider_ids set former = true where provider_id = %(provider)s and coin_id = any(%(coins)s)",
        given,
    )
    await connection.execute(
        """
        insert into coin_provider_ids (provider_id, provider_coin_id, coin_id)
        select %(provider)s, id, coin from unnest(%(ids)s::text[], %(coins)s::int[]) r (id, coin)
        on conflict (provider_id, provider_coin_id) do update set coin_id = excluded.coin_id, former = false
        """,
        given,
    )
    return len(sure), sorted(ids.keys() - {id_ for _, id_ in sure})


_RENAMES = """
select c.id, l.id
from coins c
join coin_provider_ids i on i.coin_id = c.id and i.provider_id = %(provider)s and not i.former
join listed l on lower(l.symbol) = lower(c.symbol) and l.name = c.name
             and (l.contracts && c.contracts or l.contracts = '{}' or c.contracts = '{}')
where c.status = 'ACTIVE' and not exists (select from listed o where o.id = i.provider_coin_id)
  and not exists (select from coin_provider_ids k
                  where k.provider_id = %(provider)s and k.provider_coin_id = l.id and not k.former)
order by l.place
"""


async def _update_known(connection: Connection, provider_id: int) -> None:
    """What a provider answers with is listed, whatever it was before. Rows that stay the same are not written."""
    await connection.execute(
        """
        update coins c
        set symbol = l.symbol, name = l.name, contracts = coalesce(l.contracts, c.contracts),
            status = 'ACTIVE', unlisted_at = null
        from listed l join coin_provider_ids i on i.provider_coin_id = l.id and i.provider_id = %s and not i.former
        where c.id = i.coin_id and (c.symbol, c.name, c.contracts, c.status)
                                   is distinct from (l.symbol, l.name, coalesce(l.contracts, c.contracts), 'ACTIVE')
        """,
        (provider_id,),
    )


async def _insert_new(connection: Connection, provider_id: int) -> int:
    """A new coin's slug is the provider's id, or that with a number when another coin has had it before."""
    cursor = await connection.execute(
        """
        with new as (
            select l.*, case when not exists (select from coins c where c.slug = l.id) then l.id else (
                select l.id || '-' || n
                from generate_series(2, 2 + (select count(*) from coins c where starts_with(c.slug, l.id || '-'))
                                          + (select count(*) from listed o where starts_with(o.id, l.id || '-'))) n
                where not exists (select from coins c where c.slug = l.id || '-' || n)
                  and not exists (select from listed o where o.id = l.id || '-' || n)
                order by n limit 1
            ) end as slug
            from listed l
            where not exists (select from coin_provider_ids i
                              where i.provider_id = %(provider)s and i.provider_coin_id = l.id and not i.former)
        ), added as (
            insert into coins (slug, symbol, name, contracts)
            select slug, symbol, name, coalesce(contracts, '{}') from new order by place returning id, slug
        )
        insert into coin_provider_ids (provider_id, provider_coin_id, coin_id)
        select %(provider)s, new.id, added.id from new join added using (slug)
        on conflict (provider_id, provider_coin_id) do update set coin_id = excluded.coin_id, former = false
        """,
        {"provider": provider_id},
    )
    return cursor.rowcount


async def _mark_missing(connection: Connection, provider_id: int, now: datetime) -> int:
    """Coins that the list lacks are inactive, and delisted after a while; answers how many changed."""
    cursor = await connection.execute(
        """
        update coins c
        set unlisted_at = coalesce(c.unlisted_at, %(now)s),
            status = case when c.unlisted_at <= %(gone)s then 'DELISTED' else 'INACTIVE' end
        from coin_provider_ids i
        where i.coin_id = c.id and i.provider_id = %(provider)s and not i.former
          and not exists (select from listed l where l.id = i.provider_coin_id)
          and (c.unlisted_at is null or (c.status = 'INACTIVE' and c.unlisted_at <= %(gone)s))
        """,
        {"provider": provider_id, "now": now, "gone": now - DELISTED_AFTER},
    )
    return cursor.rowcount


async def _set_ranks(connection: Connection, provider_id: int, entries: Sequence[MarketEntry]) -> None:
    await connection.execute(
        """
        update coins c set rank = m.rank, image_url = coalesce(m.image_url, c.image_url)
        from unnest(%(ids)s::text[], %(ranks)s::int[], %(images)s::text[]) m (id, rank, image_url)
        join coin_provider_ids i on i.provider_id = %(provider)s and i.provider_coin_id = m.id and not i.former
        where c.id = i.coin_id and (c.rank, c.image_url) is distinct from (m.rank, coalesce(m.image_url, c.image_url))
        """,
        {
            "provider": provider_id,
            "ids": [entry.coin.provider_coin_id for entry in entries],
            "ranks": [entry.rank for entry in entries],
            "images": [entry.image_url for entry in entries],
        },
    )
