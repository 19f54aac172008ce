"""`pricegraph import transactions` against a real server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import httpx
import pytest

from tests.coinbase_exports import SIGNED
from tests.portfolios import ADD_ACCOUNT, CREATE, MANUAL
from tests.programs import call, environment

pytestmark = pytest.mark.slow

Import = Callable[..., "CompletedProcess[str]"]
OWN = "at,kind,coin,quantity\n2026-01-01T12:00:00Z,BUY,bitcoin,0.5\n2026-01-02T12:00:00Z,BUY,kitten,1\n"
GENERIC = "Datum;Art;Menge\n01.01.2026;Handel;-1,5\n"


@pytest.fixture
def env(demo: dict[str, Any]) -> dict[str, str]:
    return environment(PRICEGRAPH_URL=demo["urls"]["start"].rstrip("/"), PRICEGRAPH_TOKEN=demo["token"])


@pytest.fixture
def account(demo: dict[str, Any], request: pytest.FixtureRequest) -> str:
    """A new one, in a portfolio of its own."""

    def change(query: str, **variables: Any) -> dict[str, Any]:
        body = {"query": query, "variables": variables}
        headers = {"authorization": f"Bearer {demo['token']}"}
        answer = httpx.post(demo["urls"]["graphql"], json=body, headers=headers).json()
        [payload] = answer["data"].values()
        assert payload["errors"] == []
        return dict(payload)

    portfolio = change(CREATE, name=request.node.name)["portfolio"]["id"]
    given = {"portfolio": portfolio, "label": "cold", "source": MANUAL}
    return str(change(ADD_ACCOUNT, input=given)["account"]["id"])


@pytest.fixture
def run(env: dict[str, str], account: str, tmp_path: Path) -> Import:
    def run(text: str | bytes, *options: str) -> CompletedProcess[str]:
        file = tmp_path / "file.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return call("import", "transactions", str(file), "--account", account, *options, env=env)

    return run


def test_a_file_is_tried_first_and_then_applied_once(run: Import) -> None:
    planned, done, again = run(OWN), run(OWN, "--apply"), run("\ufeff" + OWN, "--apply")

    assert [one.returncode for one in (planned, done, again)] == [1, 1, 1]
    assert "line 2: 2026-01-01T12:00:00Z BUY 0.5 bitcoin" in planned.stdout
    assert "line 3 is rejected: no coin goes by 'kitten'" in planned.stdout
    assert "1 new, 0 known already, 1 rejected" in planned.stdout
    assert "1 transactions would be stored: repeat it with --apply" in planned.stdout
    assert "1 transactions are stored" in done.stdout
    assert "0 new, 1 known already, 1 rejected" in again.stdout


def test_a_name_in_doubt_is_settled_by_an_option(run: Import) -> None:
    settled = run(OWN, "--coin", "kitten=dogecoin")

    assert settled.returncode == 0
    assert "BUY 1 dogecoin" in settled.stdout


def test_an_export_of_coinbase_is_read(run: Import) -> None:
    read = run(SIGNED, "--format", "coinbase", "--coin", "usdc=usd-coin", "--apply")

    assert read.returncode == 1
    assert "7 new, 0 known already, 1 rejected, 1 that change nothing" in read.stdout
    assert "10 transactions are stored" in read.stdout


def test_any_other_file_is_read_by_its_mapping(run: Import) -> None:
    columns = ("--map", "AT=datum", "--map", "KIND=Art", "--map", "quantity=Menge", "--map", "COIN==bitcoin")
    options = ("--kind", "Handel=BUY/SELL", "--decimal-comma", "--time-format", "%d.%m.%Y")

    read = run(GENERIC, "--format", "generic", *columns, *options)

    assert (read.returncode, read.stderr) == (0, "")
    assert "2026-01-01T00:00:00Z SELL 1.5 bitcoin" in read.stdout


def test_what_cannot_be_read_ends_with_two_and_plain_words(run: Import, env: dict[str, str]) -> None:
    refused = {
        "no line of the file is a header": run("kitten"),
        "is not in UTF-8": run(b"\xff\xfe"),
        "is written as in  --map AT=Date": run(GENERIC, "--format", "generic", "--map", "AT"),
        "GENERIC needs a `mapping`": run(OWN, "--map", "AT=Datum"),
        "ImportField": run(GENERIC, "--format", "generic", "--map", "KITTEN=Datum"),
        "rejected": run("at,kind,coin,quantity\n1,2,3,4\n"),
        "cannot be read": call("import", "transactions", "/nowhere", "--account", "a", env=env),
        "you have no such account": call("import", "transactions", __file__, "--account", "QWNjb3VudDo5OTk5", env=env),
        "UNAUTHENTICATED": call(
            "import", "transactions", __file__, "--account", "a", env=env | {"PRICEGRAPH_TOKEN": ""}
        ),
    }

    for words, answer in refused.items():
        assert answer.returncode == 2, (words, answer)
        assert words in answer.stdout + answer.stderr
        assert "Traceback" not in answer.stderr
