"""Finds a TimescaleDB for the tests: the one named by TEST_DATABASE_URL, else Docker's, else Debian's packages."""

import os
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import psycopg

from tests.machine import CommandFailed, on_debian_as_root, run
from tests.timescaledb_chroot import SETTINGS, NoTimescaleDB, chroot_server, ensure_chroot

__all__ = ["NoTimescaleDB", "prepare_timescaledb", "runs_in_chroot", "timescaledb_server"]

NO_SETTINGS: Mapping[str, str] = {}
IMAGE = "timescale/timescaledb:latest-pg17"
DOCKER_SETTINGS = SETTINGS | {"listen_addresses": "*", "unix_socket_directories": "/var/run/postgresql"}
# The container lives as long as its standard input, which the kernel closes together with this process.
DOCKER_SCRIPT = 'docker-entrypoint.sh postgres "$@" & exec cat'
DOCKER_LIMIT = 60.0  # seconds until the server in a container that was started answers


@contextmanager
def timescaledb_server(settings: Mapping[str, str] = NO_SETTINGS) -> Iterator[str]:
    """The URL of a superuser on a server with TimescaleDB; databases that tests make there are theirs to drop.

    The settings are those of a server that is started for it.
    """
    if url := os.environ.get("TEST_DATABASE_URL"):
        _check(url)
        yield url
    elif _docker_works():
        with _docker_server(settings) as url:
            yield url
    else:
        _require_debian()
        with chroot_server(settings) as url:
            yield url


def runs_in_chroot() -> bool:
    """Whether the server is one whose files and programs are at hand, for a replica."""
    return not os.environ.get("TEST_DATABASE_URL") and not _docker_works()


def prepare_timescaledb() -> None:
    """Fetches what `timescaledb_server` will need, so that the tests themselves need no network."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        _check(url)
    elif _docker_works():
        _pull()
    else:
        _require_debian()
        ensure_chroot()


def _check(url: str) -> None:
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            found = connection.execute("select 1 from pg_available_extensions where name = 'timescaledb'")
            if found.fetchone() is None:
                raise NoTimescaleDB("the server of TEST_DATABASE_URL has no timescaledb extension")
    except psycopg.OperationalError as exc:
        raise NoTimescaleDB(f"TEST_DATABASE_URL: {' '.join(str(exc).split())}") from exc


def _require_debian() -> None:
    if not on_debian_as_root():
        raise NoTimescaleDB("there is no TEST_DATABASE_URL, no running Docker, and this is not root on Debian")


def _docker_works() -> bool:
    with suppress(CommandFailed):
        run("docker", "info", seconds=10)
        return True
    return False


def _pull() -> None:
    try:
        with suppress(CommandFailed):
            return run("docker", "image", "inspect", IMAGE)
        run("docker", "pull", IMAGE)
    except CommandFailed as exc:
        raise NoTimescaleDB(str(exc)) from exc


@contextmanager
def _docker_server(given: Mapping[str, str]) -> Iterator[str]:
    _pull()
    name = f"pricegraph-tests-{uuid.uuid4().hex[:12]}"
    command = ["docker", "run", "--rm", "--interactive", "--name", name, "--publish", "127.0.0.1::5432"]
    command += ["--env", "POSTGRES_HOST_AUTH_METHOD=trust", "--entrypoint", "sh", IMAGE, "-c", DOCKER_SCRIPT, "sh"]
    command += [part for setting in {**DOCKER_SETTINGS, **given}.items() for part in ("-c", "=".join(setting))]
    container = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield _await_docker(name, container)
    finally:
        container.communicate()  # closes its standard input


def _await_docker(name: str, container: "subprocess.Popen[bytes]") -> str:
    give_up = time.monotonic() + DOCKER_LIMIT
    while time.monotonic() < give_up and container.poll() is None:
        published = subprocess.run(["docker", "port", name, "5432/tcp"], capture_output=True, text=True)
        if published.returncode == 0:
            url = f"postgresql://postgres@{published.stdout.split()[0]}/postgres"
            with suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=2):
                return url
        time.sleep(0.2)
    raise NoTimescaleDB(f"the container of {IMAGE} does not start: {container.poll()}")
