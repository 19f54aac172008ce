"""Database servers that live as long as the tests that use them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pricegraph.embedded import EmbeddedPostgres

THROWAWAY = {"fsync": "off", "full_page_writes": "off"}


@contextmanager
def embedded_server() -> Iterator[str]:
    """The URL of the superuser on a new embedded PostgreSQL, over its Unix socket."""
    with tempfile.TemporaryDirectory(prefix="pricegraph-tests-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)  # as root another user runs the server and has to pass
        with EmbeddedPostgres(Path(folder), THROWAWAY, fallback=Path(folder, "programs")) as server:
            yield server.url_of("postgres")
