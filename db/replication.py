"""What a server says about being a copy of another one."""

from __future__ import annotations

from dataclasses import dataclass

from db.pool import Connection


@dataclass(frozen=True, slots=True)
class Identity:
    """`system` is the same on a primary and its physical copies, and nowhere else."""

    system: int
    database: str
    is_replica: bool


async def read_identity(connection: Connection) -> Identity:
    cursor = await connection.execute(
        "select system_identifier, current_database(), pg_is_in_recovery() from pg_control_system()"
    )
    row = await cursor.fetchone()
    assert row is not None
    return Identity(*row)


async def read_position(primary: Connection) -> str:
    """How far the primary's log has been written."""
    row = await (await primary.execute("select pg_current_wal_lsn()::text")).fetchone()
    assert row is not None
    return str(row[0])


@dataclass(frozen=True, slots=True)
class Lag:
    """What is still to be replayed, and how many seconds ago what was replayed last was written; None when nothing was
    since the replica started.
    """

    bytes: int
    seconds: float | None


async def read_lag(replica: Connection, position: str) -> Lag:
    """How far the replica is behind a position of its primary. Not behind is behind by nothing."""
    cursor = await replica.execute(
        """
        select greatest(0, pg_wal_lsn_diff(%s, pg_last_wal_replay_lsn()))::int8,
               extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8
        """,
        (position,),
    )
    row = await cursor.fetchone()
    assert row is not None
    behind, seconds = row
    return Lag(behind, seconds if behind else 0.0)
