"""A streaming replica of a test server, made as an operator makes one: pg_basebackup and a replication slot."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg

from db.pool import Database
from pricegraph.postmaster import Postmaster

SLOT = "pricegraph_replica"
LIMIT = 60.0  # seconds for a copy, a start, or for replaying what the primary wrote


class Cluster(Protocol):
    """A folder for a server's files, and the programs of the primary's own version to work on it."""

    @property
    def data(self) -> Path: ...

    def spawn(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Run with `-D`, as the user that owns the folder."""
        ...


class ReplicaServer:
    """`url` names the superuser and the database `postgres`, as the primary's does."""

    def __init__(self, cluster: Cluster, settings: Mapping[str, str], url: str) -> None:
        self.url = url
        self._cluster = cluster
        self._settings = [part for setting in settings.items() for part in ("-c", "=".join(setting))]

    def start(self) -> None:
        self._postmaster = Postmaster(self._cluster.spawn("postgres", *self._settings), self._cluster.data)
        give_up = time.monotonic() + LIMIT
        while True:
            try:
                return psycopg.connect(self.url).close()
            except psycopg.OperationalError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.02)

    def stop(self) -> None:
        self._postmaster.stop()


@contextmanager
def replica_server(primary: str, cluster: Cluster, settings: Mapping[str, str], url: str) -> Iterator[ReplicaServer]:
    """A replica of everything on the primary, of which `primary` is the superuser's URL."""
    _copy(primary, cluster)
    server = ReplicaServer(cluster, settings, url)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        _drop_slot(primary)


def _copy(primary: str, cluster: Cluster) -> None:
    following = ("--write-recovery-conf", "--create-slot", "--slot", SLOT)
    fast = ("--wal-method", "stream", "--checkpoint", "fast", "--no-sync")
    assert cluster.spawn("pg_basebackup", "--dbname", primary, *following, *fast).wait(LIMIT) == 0


def _drop_slot(primary: str) -> None:
    """Else the primary would keep its log for ever. It may not have noticed yet that the replica is gone."""
    drop = "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = %s and not active"
    give_up = time.monotonic() + LIMIT
    with psycopg.connect(primary, autocommit=True) as connection:
        while connection.execute(drop, (SLOT,)).rowcount == 0 and time.monotonic() < give_up:
            time.sleep(0.02)


@dataclass
class Replica:
    """A test's own database on the primary and on its replica, where nothing can be written."""

    primary: Database
    reads: Database
    reads_url: str
    server: ReplicaServer

    async def pause(self) -> None:
        """From now on the replica lags."""
        await _ask(self.server, "select pg_wal_replay_pause()")
        await _wait_until(self.server, "select pg_get_wal_replay_pause_state() = 'paused'")

    async def resume(self) -> None:
        """Go on, and catch up."""
        await _ask(self.server, "select pg_wal_replay_resume()")
        await self.catch_up()

    async def catch_up(self) -> None:
        await catch_up(self.primary, self.server)


async def catch_up(primary: Database, replica: ReplicaServer) -> None:
    """Wait until the replica has replayed what the primary has written."""
    async with primary.connection() as connection:
        row = await (await connection.execute("select pg_current_wal_lsn()")).fetchone()
    assert row
    await _wait_until(replica, "select pg_last_wal_replay_lsn() >= %s::pg_lsn", row[0])


async def _wait_until(replica: ReplicaServer, question: str, *parameters: object) -> None:
    async with asyncio.timeout(LIMIT):
        while True:
            if await _ask(replica, question, *parameters):
                return
            await asyncio.sleep(0.01)


async def _ask(replica: ReplicaServer, question: str, *parameters: object) -> object:
    """On a connection of its own, for replaying is a matter of the whole server, and some tests stop it."""
    async with await psycopg.AsyncConnection.connect(replica.url, autocommit=True) as connection:
        row = await (await connection.execute(question, parameters)).fetchone()
    return row and row[0]
