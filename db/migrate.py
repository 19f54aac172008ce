"""Bring the database to the newest migration."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, make_url
from sqlalchemy.pool import NullPool

from db.store import create_extension, read_extension, refuse_old_extension

# Any fixed number: only pricegraph's migrations take this lock.
_LOCK = 7_204_511_960
# A statement that waits longer for a table than this would stop the readers queued behind it.
_LOCK_TIMEOUT = "5s"


def migrate(database_url: str, revision: str = "head") -> None:
    """Run the migrations that are missing, up to the given one.

    Safe to run twice, from several processes at once (the second waits, then finds nothing to do), and to kill:
    each migration is one transaction and the lock goes with the connection.
    """
    with _locked(database_url) as connection:
        command.upgrade(_config(connection), revision)


def newest_migration() -> str:
    """The migration this version of the software expects."""
    head = ScriptDirectory.from_config(_config(None)).get_current_head()
    assert head is not None
    return head


def knows_migration(revision: str) -> bool:
    """False for one that only a newer version of the software has."""
    return any(script.revision == revision for script in ScriptDirectory.from_config(_config(None)).walk_revisions())


@contextmanager
def _locked(database_url: str) -> Iterator[Connection]:
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    engine = create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 10})
    with (
        psycopg.connect(database_url, autocommit=True, connect_timeout=10) as lock,
        engine.connect() as connection,
    ):
        lock.execute("select pg_advisory_lock(%s)", (_LOCK,))
        create_extension(lock)
        if version := read_extension(lock):
            refuse_old_extension(version)
        connection.exec_driver_sql(f"set lock_timeout = '{_LOCK_TIMEOUT}'")
        connection.exec_driver_sql("set timezone = 'UTC'")
        connection.exec_driver_sql("set statement_timeout = 0")  # one may read everything there is
        connection.commit()
        yield connection


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
