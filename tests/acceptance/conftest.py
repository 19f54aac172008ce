"""One demo for all tests of programs: its start costs more than most of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.programs import environment, program


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A small demo: API, worker, simulator and database; what its `demo.json` says."""
    folder = tmp_path_factory.mktemp("demo")
    env = environment(
        PRICEGRAPH_DATA_DIR=str(folder),
        PRICEGRAPH_COINS="bitcoin,ethereum,solana",
        PRICEGRAPH_CURRENCIES="usd,eur",
        PRICEGRAPH_HISTORY_DAYS="8",
    )
    with program("demo", env=env) as running:
        running.wait_for("refresh: succeeded")
        running.wait_for("tracked coins are described")  # from then on the provider is asked by the tests alone
        yield json.loads((folder / "demo.json").read_text())
