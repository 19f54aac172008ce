"""Of several sources for one bucket the best one wins, in whatever order they arrive, and nothing they said is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.pool import Connection, Database
from db.prices import Point, Written, upsert_points
from db.reference import PROVIDER_IDS, PROVIDERS
from db.series import HOUR, Granularity, Series

pytestmark = pytest.mark.slow

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOW = NOON + timedelta(days=1)
BITCOIN = Series(1, 1)
RANKS = {id_: rank for id_, _, rank in PROVIDERS}
COINGECKO, CSV = PROVIDER_IDS["COINGECKO"], PROVIDER_IDS["CSV"]

Values = tuple[float, float | None, float | None, float | None, float | None]


class Said(NamedTuple):
    """What one source said about one bucket."""

    values: Values
    provider: int
    provisional: bool = False


class Arrival(NamedTuple):
    """A batch from one source: values by hour."""

    provider: int
    provisional: bool
    points: dict[int, Values]


number = st.sampled_from([0.1, 1.0, 2.5])
maybe = st.none() | number
values = st.tuples(number, maybe, maybe, maybe, maybe)
batch = st.dictionaries(st.integers(0, 3), values, max_size=4)
arrivals = st.lists(st.builds(Arrival, st.sampled_from(sorted(RANKS)), st.booleans(), batch), max_size=12)


class Bucket:
    """What must be stored of one hour: every confirmed statement that was live, in order, and the live one."""

    def __init__(self) -> None:
        self.live: Said | None = None
        self.replaced: list[Said] = []

    def arrive(self, said: Said) -> Written:
        old = self.live
        if old is None or (old.provisional and not said.provisional):
            self.live = said
            return Written(inserted=1)
        better = RANKS[said.provider] < RANKS[old.provider]
        corrects = said.provider == old.provider and said.values != old.values
        if said.provisional or not (better or corrects):
            return Written(unchanged=1)
        self.replaced.append(old)
        self.live = said
        return Written(corrected=1)


def point(hour: int, of: Values) -> Point:
    price, market_cap, volume, high, low = of
    ts = NOON + hour * HOUR
    return Point(ts, price, ts, market_cap, volume, high, low)


async def upsert(connection: Connection, arrival: Arrival) -> Written:
    points = [point(hour, of) for hour, of in arrival.points.items()]
    return await upsert_points(
        connection, BITCOIN, Granularity.HOURLY, arrival.provider, points, NOW, provisional=arrival.provisional
    )


async def read(connection: Connection, table: str, provisional: str) -> list[tuple[int, int, Said]]:
    """Hour, revision and what was said; in order."""
    cursor = await connection.execute(
        f"select extract(epoch from ts - %s)::int / 3600, revision, price, market_cap, volume_24h, high, low, "
        f"provider_id, {provisional} from {table} order by ts, revision",
        (NOON,),
    )
    return [(row[0], row[1], Said(row[2:7], row[7], row[8])) for row in await cursor.fetchall()]


def confirmed(arrived: list[Arrival], hour: int) -> list[Said]:
    return [Said(one.points[hour], one.provider) for one in arrived if hour in one.points and not one.provisional]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrivals)
async def test_whatever_arrives_in_whatever_order_the_best_source_stays_and_every_replaced_statement_is_kept(
    database: Database, arrived: list[Arrival]
) -> None:
    buckets = {hour: Bucket() for hour in range(4)}
    async with database.connection() as connection, connection.transaction(force_rollback=True):
        for arrival in arrived:
            parts = [
                buckets[hour].arrive(Said(of, arrival.provider, arrival.provisional))
                for hour, of in arrival.points.items()
            ]
            assert await upsert(connection, arrival) == sum(parts, Written())
        stored = await read(connection, "price_hourly", "provisional")
        replaced = await read(connection, "price_revisions", "false")

    assert stored == [
        (hour, len(bucket.replaced), bucket.live) for hour, bucket in buckets.items() if bucket.live is not None
    ]
    assert replaced == [
        (hour, revision, said) for hour, bucket in buckets.items() for revision, said in enumerate(bucket.replaced)
    ]
    for hour, _, said in stored:
        _best_of(said, confirmed(arrived, hour))


def _best_of(said: Said, statements: list[Said]) -> None:
    """The live statement is the last one of the best source; only where nothing was confirmed it may be provisional."""
    if not statements:
        assert said.provisional
        return
    best = min(RANKS[one.provider] for one in statements)
    assert said == [one for one in statements if RANKS[one.provider] == best][-1]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrivals.filter(lambda given: len({one.provider for one in given}) == len(given)), st.randoms())
async def test_sources_that_speak_once_leave_the_same_prices_in_any_order(
    database: Database, arrived: list[Arrival], dice: Any
) -> None:
    arrived = [one for one in arrived if not one.provisional]
    found = []
    for _ in range(2):
        async with database.connection() as connection, connection.transaction(force_rollback=True):
            for arrival in arrived:
                await upsert(connection, arrival)
            found.append([(hour, said) for hour, _, said in await read(connection, "price_hourly", "provisional")])
        dice.shuffle(arrived)
    assert found[0] == found[1]


A, B = (1.0, None, None, None, None), (2.0, None, None, None, None)


async def test_a_better_source_takes_over_with_equal_values_so_that_a_weaker_one_cannot_change_them(
    database: Database,
) -> None:
    async with database.connection() as connection:
        for provider, of in ((CSV, A), (COINGECKO, A), (CSV, B)):
            await upsert(connection, Arrival(provider, False, {0: of}))
        assert await read(connection, "price_hourly", "provisional") == [(0, 1, Said(A, COINGECKO))]
        assert await read(connection, "price_revisions", "false") == [(0, 0, Said(A, CSV))]


async def test_what_confirms_a_provisional_sample_may_come_from_any_source(database: Database) -> None:
    async with database.connection() as connection:
        assert await upsert(connection, Arrival(COINGECKO, True, {0: A})) == Written(1, 0, 0)
        assert await upsert(connection, Arrival(COINGECKO, True, {0: B})) == Written(0, 0, 1)
        assert await upsert(connection, Arrival(CSV, False, {0: B})) == Written(1, 0, 0)
        assert await read(connection, "price_hourly", "provisional") == [(0, 0, Said(B, CSV))]
        assert await read(connection, "price_revisions", "false") == []
