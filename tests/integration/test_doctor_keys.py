"""`pricegraph doctor`: the keys of accounts."""

from __future__ import annotations

import pytest

from db.secrets import Vault
from pricegraph.doctor.findings import Verdict
from tests.doctor import assert_finding, diagnose
from tests.world import World

pytestmark = [pytest.mark.slow, pytest.mark.one_store]

OLD, NEW = Vault.new_key(), Vault.new_key()


@pytest.fixture
async def stored(installation: World) -> World:
    """Two keys, one of them stored before the encryption key was replaced."""
    await installation.execute(
        "insert into portfolios (owner, name, currency_id, created_at) "
        "select 'me', 'mine', min(id), now() from currencies"
    )
    for label, key in (("old", OLD), ("new", NEW)):
        await installation.execute(
            f"""
            insert into accounts (portfolio_id, kind, label, created_at, key_name, secret)
            select id, 'COINBASE', '{label}', now(), '{label}', '{Vault.from_keys(key).encrypt("secret").decode()}'
            from portfolios
            """
        )
    return installation


async def test_without_a_key_of_an_account_none_is_needed(installation: World) -> None:
    assert (await diagnose(installation))["keys"].verdict is Verdict.OK


async def test_stored_keys_without_the_encryption_key_are_a_problem(stored: World) -> None:
    keys = (await diagnose(stored))["keys"]

    assert_finding(keys, Verdict.PROBLEM, "accounts have 2, and PRICEGRAPH_ENCRYPTION_KEY is not set", "set it to")


async def test_a_key_that_cannot_be_opened_is_a_problem(stored: World) -> None:
    keys = (await diagnose(stored, encryption_key=NEW))["keys"]

    assert_finding(keys, Verdict.PROBLEM, "PRICEGRAPH_ENCRYPTION_KEY opens 1 of 2", "several keys stand with commas")
    assert NEW not in keys.found


async def test_keys_that_can_all_be_opened_are_well(stored: World) -> None:
    keys = (await diagnose(stored, encryption_key=f"{NEW},{OLD}"))["keys"]

    assert keys.verdict is Verdict.OK
    assert "all 2 of accounts" in keys.found
