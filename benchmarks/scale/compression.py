"""TimescaleDB's Community edition: finished chunks compressed, as its policy does in its own time."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from benchmarks.scale.progress import say
from benchmarks.scale.scale import Stored
from db.store import Store, read_store

_CHUNKS = "select c::text from show_chunks('price_hourly', older_than => %s::timestamptz - interval '35 days') c"
_COMPRESS = "select compress_chunk(%s::regclass, if_not_compressed => true)"
_SIZES = """
select coalesce(sum(before_compression_total_bytes), 0)::bigint, coalesce(sum(after_compression_total_bytes), 0)::bigint
from chunk_compression_stats('price_hourly')
"""


@dataclass(frozen=True)
class Compressed:
    """Bytes of the compressed chunks, with indexes."""

    chunks: int
    bytes_before: int
    bytes_after: int


def can_compress(database: Stored) -> bool:
    with psycopg.connect(database.url) as connection:
        return read_store(connection) is Store.TIMESCALEDB_COMMUNITY


def compress(database: Stored) -> Compressed:
    """Every chunk older than 35 days, each in a transaction of its own."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        chunks = [row[0] for row in connection.execute(_CHUNKS, (database.scale.end,)).fetchall()]
        for place, chunk in enumerate(chunks, 1):
            connection.execute(_COMPRESS, (chunk,))
            say(f"compressed {place} of {len(chunks)} chunks")
        connection.execute("vacuum (analyze) price_hourly")
        before, after = connection.execute(_SIZES).fetchone() or (0, 0)
        return Compressed(len(chunks), before, after)
