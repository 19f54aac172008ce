"""What counts as a private key of Coinbase: the API checks what it is given, a worker signs with it.

Coinbase's portal gives keys for ECDSA as PEM and for Ed25519 as base64 (of seed and public key, 64 bytes); its own
Python client takes Ed25519 as PEM, too. Its page on "API Key Authentication" promises ECDSA only.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey
_SEED_BYTES = 32
_NO_KEY = (
    "this is no private key of Coinbase; paste the whole text, from -----BEGIN to the last line, "
    "or the base64 text of an Ed25519 key"
)
_OTHER_KIND = "Coinbase signs with ECDSA (P-256) or Ed25519 keys; this key is of another kind"


def read_private_key(text: str) -> PrivateKey:
    """Raises ValueError in words that hold nothing of the key. Line breaks may be written as in JSON, as `\\n`."""
    text = text.replace("\\n", "\n").strip()
    key = _read_pem(text) if text.startswith("-----BEGIN") else _read_base64(text)
    if isinstance(key, Ed25519PrivateKey):
        return key
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return key
    raise ValueError(_OTHER_KIND)


def algorithm_of(key: PrivateKey) -> str:
    """As a JWT names it."""
    return "EdDSA" if isinstance(key, Ed25519PrivateKey) else "ES256"


def _read_pem(text: str) -> object:
    try:
        return load_pem_private_key(text.encode(), password=None)
    except TypeError:
        raise ValueError("this key is encrypted with a password; give it without") from None
    except UnsupportedAlgorithm:
        raise ValueError(_OTHER_KIND) from None
    except ValueError:
        raise ValueError(_NO_KEY) from None


def _read_base64(text: str) -> Ed25519PrivateKey:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(_NO_KEY) from None
    if len(raw) != 2 * _SEED_BYTES:
        raise ValueError(_NO_KEY)
    key = Ed25519PrivateKey.from_private_bytes(raw[:_SEED_BYTES])
    if key.public_key().public_bytes_raw() != raw[_SEED_BYTES:]:
        raise ValueError(_NO_KEY)
    return key
