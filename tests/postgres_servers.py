"""Database servers that live as long as the tests that use them."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from pricegraph.embedded import EmbeddedPostgres
from pricegraph.postmaster import Account, spawn
from tests.replica import ReplicaServer, replica_server

THROWAWAY = {"fsync": "off", "full_page_writes": "off"}


@contextmanager
def embedded_server() -> Iterator[str]:
    """The URL of the superuser on a new embedded PostgreSQL, over its Unix socket."""
    with _server_folder() as folder, EmbeddedPostgres(folder, THROWAWAY, fallback=folder / "programs") as server:
        yield server.url_of("postgres")


@contextmanager
def embedded_replica(primary: str) -> Iterator[ReplicaServer]:
    """A replica of an `embedded_server`, over a Unix socket too."""
    with _server_folder() as folder:
        cluster = _Cluster.beside(primary, folder)
        settings = THROWAWAY | {"listen_addresses": "", "unix_socket_directories": str(folder), "port": "5432"}
        url = f"postgresql://postgres@/postgres?host={folder}&port=5432"
        with replica_server(primary, cluster, settings, url) as server:
            yield server


@contextmanager
def _server_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pricegraph-tests-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)  # as root another user runs the server and has to pass
        yield Path(folder)


class _Cluster:
    """In a folder that belongs to the user who runs it."""

    def __init__(self, folder: Path, programs: Path, account: Account | None) -> None:
        self.data = folder / "data"
        self._folder = folder
        self._programs = programs
        self._account = account

    @classmethod
    def beside(cls, primary: str, folder: Path) -> _Cluster:
        """With the programs that the primary runs, and for the same user."""
        with psycopg.connect(primary) as connection:
            process = Path("/proc", str(connection.info.backend_pid))
            programs, owner = (process / "exe").readlink().parent, process.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)
        return cls(folder, programs, Account(owner.st_uid, owner.st_gid) if os.geteuid() == 0 else None)

    def spawn(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [str(self._programs / program), "-D", str(self.data), *arguments]
        return spawn(command, self._account, self._folder / f"{program}.log")
