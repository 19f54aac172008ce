"""Bitcoin addresses: whether a text is one that can be watched, and in which spelling it is kept."""

from __future__ import annotations

from embit import base58, bech32  # type: ignore[import-untyped]

# BIP 173: no address is longer.
_LONGEST = 90
_PREFIX = "bc"
_TEST_PREFIXES = ("tb", "bcrt")
# Version bytes before the hash (Bitcoin Core, chainparams): of a public key, of a script.
_VERSIONS = (0x00, 0x05)
_TEST_VERSIONS = (0x6F, 0xC4)
_VERSIONED_BYTES = 21
_EXTENDED_KEYS = ("xpub", "ypub", "zpub")

_TESTNET = "this is an address of a bitcoin test network; give one of the main network"
_NO_ADDRESS = "this is no bitcoin address; check it for typing mistakes"


def validate_bitcoin_address(text: str) -> str:
    """The address as it is to be stored: segwit addresses may be typed in upper case, and are kept in lower case.

    Raises ValueError in words for anything else than an address of the main network whose checksum fits.
    """
    text = text.strip()
    if not text:
        raise ValueError("give a bitcoin address")
    if text.startswith(_EXTENDED_KEYS):
        raise ValueError("this is an extended public key; give the single addresses")
    if len(text) > _LONGEST:
        raise ValueError(_NO_ADDRESS)
    prefix = text.lower().partition("1")[0]
    return _segwit(text, prefix) if prefix in (_PREFIX, *_TEST_PREFIXES) else _base58(text)


def _segwit(text: str, prefix: str) -> str:
    """The library checks version, length and which of the two checksums belongs to the version (BIP 350)."""
    version, _ = bech32.decode(prefix, text)
    if version is None:
        raise ValueError(_NO_ADDRESS)
    if prefix != _PREFIX:
        raise ValueError(_TESTNET)
    return text.lower()


def _base58(text: str) -> str:
    try:
        data = base58.decode_check(text)
    except ValueError:
        raise ValueError(_NO_ADDRESS) from None
    if len(data) != _VERSIONED_BYTES or data[0] not in (*_VERSIONS, *_TEST_VERSIONS):
        raise ValueError(_NO_ADDRESS)
    if data[0] in _TEST_VERSIONS:
        raise ValueError(_TESTNET)
    return text
