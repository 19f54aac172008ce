"""The bucket rule, fixed once and for all: the same answer makes the same rows, byte for byte, in every time zone."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import orjson
import pytest

from db.pool import Connection, Database
from db.prices import upsert_points
from db.reference import PROVIDER_IDS
from db.series import DAY, Granularity, Series, Window, floor
from ingest.buckets import to_points
from ingest.providers.coingecko import CoinGecko

BITCOIN = Series(1, 1)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Chatham")
# The hour, in UTC, in which clocks change in 2026: New York forward, Berlin forward, Berlin back, New York back.
CHANGES = (
    datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
)

# Seconds after the UTC midnight of the change's day, price, market cap, volume; None where a value is null.
SAMPLES: tuple[tuple[float, float | None, float | None, float | None], ...] = (
    (-7159.669, 100.25, 1e12, 5e9),  # 22:00:40 the day before
    (-3602.58, 101.5, 1.01e12, 5.1e9),  # 22:59:57: nearest to 23:00
    (43.652, 102.125, None, 5.2e9),  # 00:00:43: the day's price too
    (3647.42, 103.0, 1.03e12, 0),  # 01:00:47, twice
    (3647.42, 103.0, 1.03e12, 0),
    (7241.331, None, 1.04e12, 5.4e9),  # 02:00: no price
    (9060.0, 104.5, 1.045e12, 5.45e9),  # 02:31: a stray; 03:00 has a nearer one
    (10810.5, 105.0, 1.05e12, 5.5e9),  # 03:00:10
    (18036.9, 1.6446899669484214e-05, 1.06e12, 5.6e9),  # 05:00:36; nothing at 04:00
    (21641.0, 107, 1.07e12, 5.7e9),  # 06:00:41
    (25302.001, 108.5, 1.08e12, 5.8e9),  # 07:01:42
    (28801.999, 109.5, 1.09e12, 5.9e9),  # 08:00:01: the running hour
    (29532.0, 999.0, 9.9e12, 9.9e9),  # 08:12:12: the pair of now
)
GOLDEN = b"""\
[1772920800,100.25,1000000000000.0,5000000000.0]
[1772924400,101.5,1010000000000.0,5100000000.0]
[1772928000,102.125,null,5200000000.0]
[1772931600,103.0,1030000000000.0,0.0]
[1772938800,105.0,1050000000000.0,5500000000.0]
[1772946000,0.000016446899669484214,1060000000000.0,5600000000.0]
[1772949600,107.0,1070000000000.0,5700000000.0]
[1772953200,108.5,1080000000000.0,5800000000.0]
[1772956800,109.5,1090000000000.0,5900000000.0]
day [1772928000,102.125,null,5200000000.0]
"""


@pytest.fixture(params=ZONES)
def process_zone(request: pytest.FixtureRequest) -> Iterator[str]:
    """The zone of this process, as a machine would be set up."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


def answer_of(midnight: datetime) -> bytes:
    def rows(column: int) -> list[list[object]]:
        start = midnight.timestamp()
        return [[round((start + sample[0]) * 1000), sample[column]] for sample in SAMPLES]

    return json.dumps({"prices": rows(1), "market_caps": rows(2), "total_volumes": rows(3)}).encode()


async def store(connection: Connection, midnight: datetime) -> None:
    """Decode, bucket and store one answer, as a task does."""
    now = midnight + timedelta(hours=8, minutes=12, seconds=12)
    window = Window(midnight - timedelta(hours=2), midnight + timedelta(hours=9))
    headers = {"content-type": "application/json"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=answer_of(midnight), headers=headers))
    async with httpx.AsyncClient(transport=transport, base_url="http://coingecko") as client:
        history = await CoinGecko(client, 365).fetch_history("bitcoin", "usd", Granularity.HOURLY, window, now)
    for granularity, part in ((Granularity.HOURLY, window), (Granularity.DAILY, Window(midnight, midnight + DAY))):
        points = to_points(history.samples, granularity, part, now)
        await upsert_points(connection, BITCOIN, granularity, PROVIDER_IDS["COINGECKO"], points, now)


async def stored(connection: Connection) -> bytes:
    lines = b""
    for table, mark in (("price_hourly", b""), ("price_daily", b"day ")):
        cursor = await connection.execute(f"select ts, price, market_cap, volume_24h from {table} order by ts")
        for ts, *values in await cursor.fetchall():
            lines += mark + orjson.dumps([int(ts.timestamp()), *values]) + b"\n"
    return lines


def moved(golden: bytes, by: timedelta) -> bytes:
    """The golden rows on another day."""
    lines = []
    for line in golden.splitlines(keepends=True):
        head, rest = line.split(b"[", 1)
        second, values = rest.split(b",", 1)
        lines.append(head + b"[%d," % (int(second) + by.total_seconds()) + values)
    return b"".join(lines)


@pytest.mark.slow
async def test_the_same_answer_makes_the_same_rows_in_every_time_zone_and_over_every_change_of_clocks(
    database: Database, process_zone: str
) -> None:
    first = floor(CHANGES[0], DAY)
    for change in CHANGES:
        midnight = floor(change, DAY)
        for session_zone in ZONES:
            async with database.connection() as connection, connection.transaction(force_rollback=True):
                await connection.execute("select set_config('timezone', %s, true)", (session_zone,))
                await store(connection, midnight)
                assert await stored(connection) == moved(GOLDEN, midnight - first), (change, session_zone)
