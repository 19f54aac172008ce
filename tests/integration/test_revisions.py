"""What was stored once can be read back: each change with what stood there before and what came after."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.manual import MANUAL, Bucket, Change, remove_manual_price, set_manual_price
from db.pool import Connection, Database
from db.prices import Point, upsert_points
from db.reference import PROVIDER_IDS
from db.revisions import RevisionRow, count_revisions, list_revisions
from db.series import DAY, Granularity, Series, Window

pytestmark = pytest.mark.slow

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOW = NOON + DAY
BITCOIN = Series(1, 1)
COINGECKO, CSV = PROVIDER_IDS["COINGECKO"], PROVIDER_IDS["CSV"]
BUCKET = Bucket(BITCOIN, Granularity.HOURLY, NOON)
ALL = Window(NOON - DAY, NOW)

Live = tuple[float, int] | None  # price and provider


async def fetched(
    connection: Connection, price: float, provider: int = COINGECKO, *, provisional: bool = False
) -> None:
    points = [Point(NOON, price, NOON)]
    await upsert_points(connection, BITCOIN, Granularity.HOURLY, provider, points, NOW, provisional=provisional)


async def set_by_hand(connection: Connection, price: float, note: str | None = None) -> int | None:
    return await set_manual_price(connection, BUCKET, Point(NOON, price, NOON), Change("alice", NOW, note))


async def take_back(connection: Connection, note: str | None = None) -> int | None:
    return await remove_manual_price(connection, BUCKET, Change("bob", NOW, note))


async def changes(connection: Connection) -> list[RevisionRow]:
    return (await list_revisions(connection, [1], 1, Granularity.HOURLY, ALL, 1000))[1]


async def live(connection: Connection) -> tuple[Live, int | None]:
    cursor = await connection.execute("select price, provider_id, revision from price_hourly where ts = %s", (NOON,))
    row = await cursor.fetchone()
    return ((row[0], row[1]), row[2]) if row else (None, None)


async def test_a_price_set_by_hand_wins_until_it_is_taken_back_and_the_provider_s_comes_back(
    database: Database,
) -> None:
    async with database.connection() as connection:
        await fetched(connection, 100.0)
        assert await set_by_hand(connection, 120.0, "the provider was wrong") == 1
        await fetched(connection, 101.0)
        assert await live(connection) == ((120.0, MANUAL), 1)

        assert await take_back(connection) == 2
        assert await live(connection) == ((100.0, COINGECKO), 2)
        await fetched(connection, 101.0)
        assert await live(connection) == ((101.0, COINGECKO), 3)

        found = await changes(connection)
    assert [(one.revision, one.before.price, one.after and one.after.price) for one in found] == [
        (3, 100.0, 101.0),
        (2, 120.0, 100.0),
        (1, 100.0, 120.0),
    ]
    assert [(one.changed_by, one.note) for one in found] == [
        (None, None),
        ("bob", None),
        ("alice", "the provider was wrong"),
    ]


async def test_a_price_set_into_a_hole_leaves_a_hole_again_and_what_fills_it_goes_on_counting(
    database: Database,
) -> None:
    async with database.connection() as connection:
        assert await set_by_hand(connection, 5.0) == 0
        assert await take_back(connection) == 1
        assert await live(connection) == (None, None)
        (gone,) = await changes(connection)
        assert (gone.revision, gone.before.price, gone.after) == (1, 5.0, None)

        await fetched(connection, 6.0)
        assert await live(connection) == ((6.0, COINGECKO), 2)
        await fetched(connection, 7.0)
        newest, older = await changes(connection)
    assert older == gone
    assert newest.after is not None
    assert (newest.revision, newest.before.price, newest.after.price) == (3, 6.0, 7.0)


async def test_the_value_that_a_provider_gave_too_is_its_own_again_when_it_is_taken_back(database: Database) -> None:
    async with database.connection() as connection:
        await fetched(connection, 5.0, CSV)
        assert await set_by_hand(connection, 5.0) == 1
        assert await live(connection) == ((5.0, MANUAL), 1)
        await take_back(connection)
        assert await live(connection) == ((5.0, CSV), 2)


async def test_a_provisional_sample_does_not_come_back(database: Database) -> None:
    async with database.connection() as connection:
        await fetched(connection, 5.0, provisional=True)
        assert await set_by_hand(connection, 6.0) == 0
        await take_back(connection)
        assert await live(connection) == (None, None)


async def test_the_same_price_again_changes_nothing_but_is_noted(database: Database) -> None:
    async with database.connection() as connection:
        await set_by_hand(connection, 5.0, "once")
        assert await set_by_hand(connection, 5.0, "twice") is None
        cursor = await connection.execute("select revision, note, changed_by from manual_changes order by id")
        assert await cursor.fetchall() == [(0, "once", "alice"), (None, "twice", "alice")]
        assert await changes(connection) == []


async def test_nothing_is_taken_back_where_a_provider_s_price_stands(database: Database) -> None:
    async with database.connection() as connection:
        assert await take_back(connection) is None
        await fetched(connection, 5.0)
        assert await take_back(connection) is None
        assert await live(connection) == ((5.0, COINGECKO), 0)


price = st.sampled_from([1.0, 2.0, 3.0])
steps = st.one_of(
    st.tuples(st.just("fetch"), price, st.sampled_from([COINGECKO, CSV])),
    st.tuples(st.just("set"), price, st.just(MANUAL)),
    st.just(("take back", 0.0, MANUAL)),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=12))
async def test_the_changes_and_the_live_point_tell_the_whole_story(
    database: Database, story: list[tuple[str, float, int]]
) -> None:
    seen: list[Live] = []
    async with database.connection() as connection, connection.transaction(force_rollback=True):
        for verb, value, provider in story:
            if verb == "fetch":
                await fetched(connection, value, provider)
            elif verb == "set":
                await set_by_hand(connection, value)
            else:
                await take_back(connection)
            now, revision = await live(connection)
            if now != (seen[-1] if seen else None):
                seen.append(now)
            assert revision is None or revision == len(seen) - 1
        found = list(reversed(await changes(connection)))
        counted = await count_revisions(connection, [1, 2], 1, Granularity.HOURLY, ALL)

    assert [(one.before.price, one.before.provider_id) for one in found] == [one for one in seen[:-1] if one]
    for one in found:
        after = (one.after.price, one.after.provider_id) if one.after else None
        assert after == seen[one.revision]
    assert counted == {1: len(found), 2: 0}


async def test_changes_are_found_by_series_and_bucket_and_read_on_from_the_last_one_seen(database: Database) -> None:
    async with database.connection() as connection:
        for round_ in range(3):
            for series in (BITCOIN, Series(1, 2), Series(2, 1)):
                for granularity in Granularity:
                    points = [Point(NOON.replace(hour=0) + i * DAY, round_ + 1.0, NOON) for i in range(4)]
                    await upsert_points(connection, series, granularity, COINGECKO, points, NOW)
        window = Window(NOON.replace(hour=0) + DAY, NOON.replace(hour=0) + 3 * DAY)

        found = await list_revisions(connection, [1, 2, 3], 1, Granularity.DAILY, window, 3)
        assert {coin: len(rows) for coin, rows in found.items()} == {1: 3, 2: 3, 3: 0}
        rest = await list_revisions(connection, [1], 1, Granularity.DAILY, window, 3, before=found[1][-1].id)
        assert [(one.revision, one.ts) for one in found[1] + rest[1]] == [
            (revision, window.start + day * DAY) for revision in (2, 1) for day in (1, 0)
        ]
        counted = await count_revisions(connection, [1, 2, 3], 1, Granularity.DAILY, window)
        assert counted == {1: 4, 2: 4, 3: 0}
