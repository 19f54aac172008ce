"""The command line in a shell in which nothing is set, while a demo runs on its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pricegraph import VERSION
from tests.programs import call, environment

pytestmark = pytest.mark.slow


@pytest.fixture
def beside(demo: dict[str, Any], tmp_path: Path) -> dict[str, str]:
    (tmp_path / "demo.json").write_text(json.dumps(demo))
    return environment(PRICEGRAPH_DATA_DIR=str(tmp_path))


def test_tokens_are_those_of_the_demo(beside: dict[str, str]) -> None:
    made = call("token", "create", "beside", "--scope", "REFRESH", env=beside)
    listed = call("token", "list", env=beside)
    revoked = call("token", "revoke", "beside", env=beside)

    assert [done.returncode for done in (made, listed, revoked)] == [0, 0, 0], made.stderr
    assert made.stdout.startswith("pg_")
    assert "beside" in listed.stdout


def test_refresh_track_and_untrack_ask_the_demo(beside: dict[str, str]) -> None:
    refreshed = call("refresh", "--coin", "bitcoin", "--from", "now-2d", "--force", "--dry-run", env=beside)
    tracked = call("track", "stellar", env=beside)
    untracked = call("untrack", "stellar", env=beside)

    assert [done.returncode for done in (refreshed, tracked, untracked)] == [0, 0, 0], refreshed.stderr
    assert "requests for" in refreshed.stdout


def test_its_token_is_sent_to_no_other_address(beside: dict[str, str], demo: dict[str, Any]) -> None:
    refused = call("refresh", env=beside | {"PRICEGRAPH_URL": demo["urls"]["start"]})

    assert refused.returncode == 2
    assert "UNAUTHENTICATED" in refused.stdout


@pytest.mark.parametrize("name", ["", " "])
def test_a_token_without_a_name_is_refused(beside: dict[str, str], name: str) -> None:
    refused = call("token", "create", name, env=beside)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert "a token needs a name" in refused.stderr


@pytest.mark.parametrize("address", ["ftp://x", "prices.example.com"])
def test_an_address_that_is_none_is_a_wrong_setting_and_nothing_to_try_later(address: str) -> None:
    refused = call("refresh", env=environment(PRICEGRAPH_URL=address))

    assert refused.returncode == 2
    assert "PRICEGRAPH_URL" in refused.stderr


def test_the_version_is_printed() -> None:
    assert call("--version", env=environment()).stdout == f"{VERSION}\n"
