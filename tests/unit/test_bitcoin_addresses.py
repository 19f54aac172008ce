"""Which texts are bitcoin addresses that can be watched."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.addresses import validate_bitcoin_address

# From BIP 173, BIP 350 and the chain itself.
VALID = {
    "P2PKH": "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "P2SH": "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
    "P2WPKH": "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    "P2WPKH in upper case": "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
    "P2WSH": "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3",
    "P2TR": "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    "P2A": "bc1pfeessrawgf",
}
INVALID = {
    "version 1 with the checksum of version 0": "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
    "version 0 with the checksum of version 1": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",
    "wrong checksum": "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
    "mixed case": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kV8f3t4",
    "of another coin": "LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1",
    "a sentence": "my cold wallet",
    "too long to be tried": "z" * 1_000_000,
    "a sign that lower-cases to k": "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7\u212aV8F3T4",
}
TESTNET = {
    "P2PKH": "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn",
    "P2WPKH": "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
}


@pytest.mark.parametrize("address", VALID.values(), ids=VALID)
def test_addresses_of_every_kind_are_taken(address: str) -> None:
    assert validate_bitcoin_address(f" {address}\n") == (address.lower() if address.startswith("BC1") else address)


@pytest.mark.parametrize("address", INVALID.values(), ids=INVALID)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="no bitcoin address; check it"):
        validate_bitcoin_address(address)


@pytest.mark.parametrize("address", TESTNET.values(), ids=TESTNET)
def test_an_address_of_a_test_network_is_told_apart(address: str) -> None:
    with pytest.raises(ValueError, match="test network"):
        validate_bitcoin_address(address)


def test_nothing_at_all_and_extended_keys_have_words_of_their_own() -> None:
    with pytest.raises(ValueError, match="give a bitcoin address"):
        validate_bitcoin_address("  ")
    with pytest.raises(ValueError, match="give the single addresses"):
        validate_bitcoin_address(
            "xpub6CUGRUonZSQ4TWtTMmzXdrXDtypWKiKrhko4egpiMZbpiaQL2jkwSB1icqYh2cfDfVxdx4df189oLKnC5fSw"
        )


@given(st.sampled_from(sorted(VALID.values())), st.data())
def test_one_wrong_character_is_always_noticed(address: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(address) - 1))
    wrong = data.draw(st.characters(codec="utf-8").filter(lambda sign: sign != address[at]))

    with pytest.raises(ValueError, match=re.compile("address|key")):
        validate_bitcoin_address(address[:at] + wrong + address[at + 1 :])


@given(st.text())
def test_any_text_is_an_address_or_is_refused_in_words(text: str) -> None:
    try:
        assert validate_bitcoin_address(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017
