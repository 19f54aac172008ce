"""Which settings a command takes from the demo that runs, and which from its own surroundings."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from db.secrets import Vault
from pricegraph.running_demo import with_running_demo
from pricegraph.settings import Settings, read_settings

DATABASE, DEMO_DATABASE = "postgresql://own/prices", "postgresql://demo/prices"
TOKEN, DEMO_TOKEN = "a-token-of-the-operator", "the-token-of-the-demo"
URL, DEMO_URL, DEFAULT_URL = "https://prices.example.com", "http://127.0.0.1:8005/", "http://127.0.0.1:8000"
NOTE = {
    "database": DEMO_DATABASE,
    "token": DEMO_TOKEN,
    "encryption_key": Vault.new_key(),
    "urls": {"start": DEMO_URL},
    "simulator": None,
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "PRICEGRAPH_URL", "PRICEGRAPH_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """That of a demo that runs: this process stands for it."""
    (tmp_path / "demo.json").write_text(json.dumps(NOTE | {"pid": os.getpid()}))
    return tmp_path


def shown(settings: Settings) -> tuple[str | None, str | None, str]:
    """Database, token and address."""
    database, token = settings.database_url, settings.token
    return (
        database.get_secret_value() if database else None,
        token.get_secret_value() if token else None,
        settings.url,
    )


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, (DEMO_DATABASE, DEMO_TOKEN, DEMO_URL)),
        ({"token": TOKEN}, (DEMO_DATABASE, TOKEN, DEMO_URL)),
        ({"url": URL}, (DEMO_DATABASE, None, URL)),
        ({"url": URL, "token": TOKEN}, (DEMO_DATABASE, TOKEN, URL)),
        ({"database_url": DATABASE}, (DATABASE, None, DEFAULT_URL)),
    ],
)
def test_what_is_set_wins_and_the_demo_s_token_goes_to_its_own_address_only(
    folder: Path, given: dict[str, str], found: tuple[str, str | None, str]
) -> None:
    assert shown(with_running_demo(read_settings(data_dir=folder, **given))) == found


def test_the_demo_is_not_read_through_somebody_else_s_replica(folder: Path) -> None:
    settings = with_running_demo(read_settings(data_dir=folder, database_read_url="postgresql://replica/prices"))

    assert settings.database_read_url is None


def test_without_a_demo_nothing_changes(tmp_path: Path) -> None:
    settings = read_settings(data_dir=tmp_path)
    assert with_running_demo(settings) == settings


def test_the_keys_of_the_demo_s_accounts_are_opened_with_its_encryption_key_unless_another_is_set(folder: Path) -> None:
    own = Vault.new_key()
    found = [with_running_demo(read_settings(data_dir=folder, encryption_key=key)) for key in (None, own)]

    assert [one.encryption_key and one.encryption_key.get_secret_value() for one in found] == [
        NOTE["encryption_key"],
        own,
    ]
