"""A mistyped address of a database is refused at the start, before libpq can quote pieces of the password in errors."""

from __future__ import annotations

import pytest

from pricegraph.settings import SettingsError, read_settings

SECRET = "correct-horse"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://someone:a@{SECRET}@host/prices",
        f"postgresql://someone:{SECRET}/b@host/prices",
        f"postgresql://someone:1/{SECRET}@host/prices",
        f"postgresql://someone:{SECRET}%zz@host/prices",
        f"postgresql://host:{SECRET}/prices",
        f"postgresql://host/prices?{SECRET}",
        f"mysql://someone:{SECRET}@host/prices",
        SECRET,
    ],
)
@pytest.mark.parametrize("variable", ["DATABASE_URL", "DATABASE_READ_URL"])
def test_what_is_no_address_is_refused_without_quoting_it(
    url: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, url)

    with pytest.raises(SettingsError) as refused:
        read_settings()

    assert str(refused.value).startswith(f"{variable}: ")
    assert "percent-encoded" in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://someone:a%40b%2Fc@host:5432/prices?sslmode=require",
        "postgres://host/prices",
        "postgresql://one.example:5432,two.example:5433/prices?target_session_attrs=read-write",
        "postgresql://postgres@/prices?host=/run/postgresql&port=5432",
        "postgresql://someone@[::1]:5432/prices",
    ],
)
def test_every_form_of_address_that_libpq_knows_is_accepted(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    assert read_settings().need_database_url() == url
