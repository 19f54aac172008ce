"""`pricegraph psql`: PostgreSQL's own client on the installation's database."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from pricegraph.embedded import EmbeddedPostgresError, find_programs
from pricegraph.running_demo import with_running_demo
from pricegraph.settings import Settings


class NoPsql(Exception):
    """There is no psql; the text says how to get one."""


def run_psql(settings: Settings, arguments: Sequence[str]) -> None:
    """Becomes psql and does not come back."""
    url = with_running_demo(settings).need_database_url()
    psql = find_psql(_embedded_programs())
    # Python ignores the signal, and psql would inherit that: `pricegraph psql | head` has to end.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execve(psql, [psql, *arguments], os.environ | connection_variables(url))  # noqa: S606 - no shell is wanted


def connection_variables(url: str) -> dict[str, str]:
    """libpq's environment variables for the address: a command line can be read by every user of the machine.

    The few parameters that have no variable (keepalives, a client key's own password) are left to psql.
    """
    known = {option.keyword.decode(): option.envvar.decode() for option in pq.Conninfo.get_defaults() if option.envvar}
    return {known[name]: str(value) for name, value in conninfo_to_dict(url).items() if name in known}


def find_psql(embedded: Path | None) -> str:
    """The one on PATH, else the one among the embedded server's programs."""
    if found := shutil.which("psql"):
        return found
    if embedded and (embedded / "psql").exists():
        return str(embedded / "psql")
    raise NoPsql(
        "psql is not installed; on Debian and Ubuntu run  apt-get install postgresql-client, "
        "on macOS  brew install libpq"
    )


def _embedded_programs() -> Path | None:
    with suppress(EmbeddedPostgresError):
        return find_programs()
    return None
