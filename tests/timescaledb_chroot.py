"""A real TimescaleDB on any Debian where the tests run as root: Debian's own packages in a folder of their own.

The folder is a chroot, made once (about 40 s, half a gigabyte) and shared by all clones of the repository. Nothing
is mounted into it, and of the system only the package `debootstrap` is added.
"""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pricegraph.death_signal import end_with_parent
from pricegraph.postmaster import Account, Postmaster
from tests.machine import CommandFailed, install, run
from tests.replica import ReplicaServer, replica_server

CHROOT = Path("/var/cache/pricegraph/timescaledb-trixie")
PROGRAMS = "/usr/lib/postgresql/17/bin"
INITDB = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_preload_libraries": "timescaledb",
    "timescaledb.max_background_workers": "0",  # its scheduler would hold on to databases that tests clone
    "timescaledb.telemetry_level": "off",
    "timezone": "America/New_York",  # to show whoever leans on the session's time zone
    "dynamic_shared_memory_type": "mmap",  # asks nothing of /dev/shm
    "fsync": "off",
    "full_page_writes": "off",
}


class NoTimescaleDB(Exception):
    """There is none to be had; the text is the reason, one line."""


def ensure_chroot() -> None:
    """Makes it unless it is there. An interrupted attempt leaves a folder that the next one removes."""
    if CHROOT.exists():
        return
    try:
        with _only_one():
            if not CHROOT.exists():
                _bootstrap()
    except CommandFailed as exc:
        raise NoTimescaleDB(str(exc)) from exc


@contextmanager
def chroot_server(given: Mapping[str, str]) -> Iterator[str]:
    """A new, empty cluster that is gone afterwards, with these settings besides ours; the URL of its superuser."""
    ensure_chroot()
    with _cluster_folder() as folder, ExitStack() as stack:
        cluster = _Cluster(folder, _postgres_account())
        if cluster.spawn("initdb", *INITDB).wait() != 0:
            raise NoTimescaleDB(f"initdb in {CHROOT}: {cluster.last_words()}")
        for _attempt in range(5):  # another program can take the free port first
            port = _free_port()
            settings = [part for name, value in {**SETTINGS, **given}.items() for part in ("-c", f"{name}={value}")]
            postmaster = Postmaster(cluster.spawn("postgres", "-p", str(port), *settings), cluster.data)
            stack.callback(postmaster.stop)
            if postmaster.wait_until_ready():
                yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
                return
        raise NoTimescaleDB(f"the server in {CHROOT} does not start: {cluster.last_words()}")


@contextmanager
def chroot_replica(primary: str) -> Iterator[ReplicaServer]:
    """A replica of a `chroot_server`."""
    with _cluster_folder() as folder:
        port = str(_free_port())
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        with replica_server(primary, _Cluster(folder, _postgres_account()), SETTINGS | {"port": port}, url) as server:
            yield server


@dataclass(frozen=True)
class _Cluster:
    folder: Path
    account: Account

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def spawn(self, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
        inside = f"/{self.data.relative_to(CHROOT)}"
        with (self.folder / "server.log").open("ab") as log:
            return subprocess.Popen(
                [f"{PROGRAMS}/{program}", "-D", inside, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                start_new_session=True,
                preexec_fn=_entering(self.account),
            )

    def last_words(self) -> str:
        lines = (self.folder / "server.log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "no message"


def _entering(account: Account) -> Callable[[], None]:
    parent = os.getpid()

    def enter() -> None:
        os.chroot(CHROOT)
        os.chdir("/")
        os.setgroups([])
        os.setgid(account.gid)
        os.setuid(account.uid)
        end_with_parent(parent, signal.SIGINT)

    return enter


def _postgres_account() -> Account:
    """The chroot has users of its own; their numbers may mean others outside."""
    for line in (CHROOT / "etc/passwd").read_text().splitlines():
        name, _password, uid, gid, *_rest = line.split(":")
        if name == "postgres":
            return Account(int(uid), int(gid))
    raise NoTimescaleDB(f"{CHROOT} has no user postgres; delete that folder and try again")


@contextmanager
def _cluster_folder() -> Iterator[Path]:
    """Locked while in use, so that what a killed run left behind can be told apart and removed."""
    with ExitStack() as stack:
        with _only_one():
            for folder in (CHROOT / "tmp").glob("pricegraph-*"):
                _remove_if_left_behind(folder)
            folder = Path(tempfile.mkdtemp(prefix="pricegraph-", dir=CHROOT / "tmp"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)  # another session may have found it first
            fcntl.flock(stack.enter_context((folder / "lock").open("w")), fcntl.LOCK_EX)
        os.chown(folder, *_postgres_account())
        yield folder


def _remove_if_left_behind(folder: Path) -> None:
    """Another session may do the same at the same time."""
    with suppress(BlockingIOError, FileNotFoundError), (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)  # its server may be going down just now


@contextmanager
def _only_one() -> Iterator[None]:
    CHROOT.parent.mkdir(parents=True, exist_ok=True)
    with CHROOT.with_name(f"{CHROOT.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _bootstrap() -> None:
    for unfinished in CHROOT.parent.glob(f"{CHROOT.name}.new-*"):
        _remove_with_mounts(unfinished)
    if shutil.which("debootstrap") is None:
        install("debootstrap")
    fresh = Path(tempfile.mkdtemp(prefix=f"{CHROOT.name}.new-", dir=CHROOT.parent))
    fresh.chmod(0o755)
    run("debootstrap", "--variant=minbase", "--include=postgresql-17-timescaledb", "trixie", str(fresh))
    for downloads in ("var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(fresh / downloads)
    fresh.rename(CHROOT)


def _remove_with_mounts(folder: Path) -> None:
    """A killed debootstrap leaves /proc mounted in its folder."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted(mounts, reverse=True):
        if Path(mount).is_relative_to(folder):
            run("umount", "--lazy", mount)
    shutil.rmtree(folder, ignore_errors=True)  # what it started may still be writing; its name is not used again


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
