"""How `pricegraph psql` hands the address on."""

from __future__ import annotations

from pathlib import Path

import pytest

from pricegraph.psql import NoPsql, connection_variables, find_psql


def test_every_part_of_the_address_becomes_a_variable_of_libpq() -> None:
    found = connection_variables(
        "postgresql://someone:s%40cret@one.example,two.example:5433/prices?sslmode=verify-full&options=-c%20a%3Db"
    )

    assert found == {
        "PGUSER": "someone",
        "PGPASSWORD": "s@cret",
        "PGHOST": "one.example,two.example",
        "PGPORT": ",5433",
        "PGDATABASE": "prices",
        "PGSSLMODE": "verify-full",
        "PGOPTIONS": "-c a=b",
    }


def test_a_psql_on_the_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "psql"
    own.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_psql(tmp_path / "nowhere") == str(own)


def test_without_any_psql_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NoPsql, match="postgresql-client"):
        find_psql(tmp_path)
