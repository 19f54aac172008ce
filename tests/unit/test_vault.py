"""Secrets at rest."""

from __future__ import annotations

from traceback import format_exception

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.secrets import SecretUnreadable, Vault

OLD, NEW = Vault.new_key(), Vault.new_key()
SECRET = "-----BEGIN EC PRIVATE KEY-----"


@given(st.text())
def test_what_goes_in_comes_out(secret: str) -> None:
    vault = Vault.from_keys(NEW)
    assert vault.decrypt(vault.encrypt(secret)) == secret


def test_what_is_stored_shows_nothing_and_is_never_the_same() -> None:
    vault = Vault.from_keys(NEW)
    stored = vault.encrypt(SECRET)
    assert b"PRIVATE" not in stored
    assert stored != vault.encrypt(SECRET)


def test_the_first_key_encrypts_and_all_of_them_decrypt() -> None:
    stored = Vault.from_keys(OLD).encrypt(SECRET)
    both = Vault.from_keys(f" {NEW}, {OLD},")

    assert both.decrypt(stored) == SECRET
    assert Vault.from_keys(NEW).decrypt(both.encrypt(SECRET)) == SECRET


def test_after_rotation_the_old_key_is_needed_no_more() -> None:
    stored = Vault.from_keys(OLD).encrypt(SECRET)

    rotated = Vault.from_keys(f"{NEW},{OLD}").rotate(stored)

    assert Vault.from_keys(NEW).decrypt(rotated) == SECRET
    with pytest.raises(SecretUnreadable):
        Vault.from_keys(OLD).decrypt(rotated)


def test_a_wrong_key_says_what_to_do_and_shows_nothing() -> None:
    stored = Vault.from_keys(OLD).encrypt(SECRET)
    wrong = Vault.from_keys(NEW)

    for act in (wrong.decrypt, wrong.rotate):
        with pytest.raises(SecretUnreadable, match="add the key that was there") as caught:
            act(stored)
        printed = "".join(format_exception(caught.value))
        assert NEW not in printed
        assert stored.decode() not in printed


@given(st.integers(min_value=0), st.integers(1, 255))
def test_what_was_tampered_with_does_not_open(at: int, change: int) -> None:
    vault = Vault.from_keys(NEW)
    stored = bytearray(vault.encrypt(SECRET))
    stored[at % len(stored)] ^= change

    try:
        assert vault.decrypt(bytes(stored)) == SECRET  # base64 has spare bits at its end, which change nothing
        assert at % len(stored) >= len(stored) - 4
    except SecretUnreadable:
        pass


@pytest.mark.parametrize(
    "keys",
    ["", " , ", "hunter2", f"{NEW},hunter2", f"{NEW};{OLD}", NEW[:-2]],
    ids=["empty", "a comma", "a word", "a key and a word", "a semicolon", "a part of a key"],
)
def test_what_is_no_key_is_refused_without_being_shown(keys: str) -> None:
    with pytest.raises(ValueError, match="`pricegraph keys new` printed") as caught:
        Vault.from_keys(keys)
    printed = "".join(format_exception(caught.value))
    assert "hunter2" not in printed
    assert NEW[:20] not in printed


def test_a_vault_shows_how_many_keys_it_has_and_none_of_them() -> None:
    shown = repr(Vault.from_keys(f"{NEW},{OLD}"))
    assert shown == "Vault(2 keys)"
