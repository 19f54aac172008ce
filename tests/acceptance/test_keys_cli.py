"""`pricegraph keys`: a key is made, and replaced without losing what it encrypts."""

from __future__ import annotations

import psycopg
import pytest

from db.secrets import SecretUnreadable, Vault
from tests.programs import call, environment

pytestmark = [pytest.mark.slow, pytest.mark.one_store]

SECRETS = ["-----BEGIN EC PRIVATE KEY-----", "c2VlZA=="]


def store(database_url: str, secrets: list[bytes]) -> None:
    """One Coinbase account each, and one that has no secret."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            """
            insert into portfolios (owner, name, currency_id, created_at)
            select 'alice', 'all', id, now() from currencies where code = 'usd'
            """
        )
        for number, secret in enumerate([None, *secrets]):
            connection.execute(
                """
                insert into accounts (portfolio_id, kind, label, created_at, key_name, secret)
                select id, %s, %s, now(), %s, %s from portfolios
                """,
                ("COINBASE" if secret else "MANUAL", f"account {number}", "k" if secret else None, secret),
            )


def stored(database_url: str) -> list[bytes]:
    with psycopg.connect(database_url) as connection:
        return [
            row[0] for row in connection.execute("select secret from accounts where secret is not null order by id")
        ]


def test_a_new_key_opens_everything_alone_after_a_rotation(database_url: str) -> None:
    old, new = Vault.new_key(), call("keys", "new", env=environment()).stdout.strip()
    store(database_url, [Vault.from_keys(old).encrypt(secret) for secret in SECRETS])

    done = call("keys", "rotate", env=environment(DATABASE_URL=database_url, PRICEGRAPH_ENCRYPTION_KEY=f"{new},{old}"))

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 encrypted anew")
    assert [Vault.from_keys(new).decrypt(secret) for secret in stored(database_url)] == SECRETS
    with pytest.raises(SecretUnreadable):
        Vault.from_keys(old).decrypt(stored(database_url)[0])


def test_a_rotation_that_cannot_open_one_secret_changes_none(database_url: str) -> None:
    old, new, lost = (Vault.new_key() for _ in range(3))
    before = [Vault.from_keys(key).encrypt("secret") for key in (old, lost)]
    store(database_url, before)

    refused = call(
        "keys", "rotate", env=environment(DATABASE_URL=database_url, PRICEGRAPH_ENCRYPTION_KEY=f"{new},{old}")
    )

    assert refused.returncode == 2
    assert "no key of PRICEGRAPH_ENCRYPTION_KEY opens" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert stored(database_url) == before


@pytest.mark.parametrize(("given", "words"), [("", "is not set; set it"), ("hunter2", "`pricegraph keys new` printed")])
def test_without_a_proper_key_nothing_is_rotated(given: str, words: str) -> None:
    env = environment(DATABASE_URL="postgresql://localhost/none", PRICEGRAPH_ENCRYPTION_KEY=given)

    refused = call("keys", "rotate", env=env)

    assert refused.returncode == 2
    assert words in refused.stderr
    assert "hunter2" not in refused.stderr + refused.stdout
    assert "Traceback" not in refused.stderr
