"""The token that goes with each request to Coinbase."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from traceback import format_exception
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from db.coinbase_keys import PrivateKey, read_private_key
from ingest.accounts.coinbase_signature import Signature

NOW = datetime(2026, 11, 20, 19, 37, 12, 345_678, tzinfo=UTC)
NAME = "organizations/o/apiKeys/k"
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = Ed25519PrivateKey.generate()


def pem(
    key: Any, form: PrivateFormat = PrivateFormat.PKCS8, encryption: KeySerializationEncryption | None = None
) -> str:
    return str(key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode())


def raw_base64(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.private_bytes_raw() + key.public_key().public_bytes_raw()).decode()


def sign(key: str, url: str) -> str:
    request = httpx.Request("GET", url)
    next(Signature(NAME, key, lambda: NOW).auth_flow(request))
    scheme, token = request.headers["authorization"].split()
    assert scheme == "Bearer"
    return str(token)


def claims_of(token: str, key: PrivateKey, algorithm: str) -> dict[str, Any]:
    """Verified with the public key."""
    claims: dict[str, Any] = jwt.decode(
        token, key.public_key(), algorithms=[algorithm], options={"verify_exp": False, "verify_nbf": False}
    )
    return claims


FORMS = [
    pytest.param(pem(EC_KEY, PrivateFormat.TraditionalOpenSSL), EC_KEY, "ES256", id="as the portal gives it"),
    pytest.param(pem(EC_KEY), EC_KEY, "ES256", id="PKCS 8"),
    pytest.param(pem(EC_KEY).replace("\n", "\\n"), EC_KEY, "ES256", id="from the JSON file"),
    pytest.param(f"\n  {pem(EC_KEY)}".replace("\n", "\r\n"), EC_KEY, "ES256", id="pasted on Windows"),
    pytest.param(raw_base64(ED_KEY), ED_KEY, "EdDSA", id="Ed25519 as the portal gives it"),
    pytest.param(pem(ED_KEY), ED_KEY, "EdDSA", id="Ed25519 as PEM"),
]


@pytest.mark.parametrize(("text", "key", "algorithm"), FORMS)
def test_every_form_of_a_key_signs_as_coinbase_documents(text: str, key: PrivateKey, algorithm: str) -> None:
    token = sign(text, "https://api.coinbase.com/api/v3/brokerage/accounts?limit=250&cursor=789100")

    header = jwt.get_unverified_header(token)
    assert len(header.pop("nonce")) == 64
    assert header == {"alg": algorithm, "kid": NAME, "typ": "JWT"}
    assert claims_of(token, key, algorithm) == {
        "sub": NAME,
        "iss": "cdp",
        "nbf": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 120,
        "uri": "GET api.coinbase.com/api/v3/brokerage/accounts",
    }


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        (
            "http://127.0.0.1:8001/coinbase/api/v3/brokerage/accounts",
            "127.0.0.1:8001/coinbase/api/v3/brokerage/accounts",
        ),
        ("https://api.coinbase.com:443/api/v3/brokerage/accounts?", "api.coinbase.com/api/v3/brokerage/accounts"),
        ("https://user:secret@proxy.test/accounts#top", "proxy.test/accounts"),
    ],
)
def test_what_is_signed_is_the_host_that_is_called_and_the_path_alone(url: str, signed: str) -> None:
    assert claims_of(sign(pem(EC_KEY), url), EC_KEY, "ES256")["uri"] == f"GET {signed}"


def test_no_two_requests_have_the_same_token() -> None:
    url = "https://api.coinbase.com/api/v3/brokerage/accounts"

    tokens = [jwt.get_unverified_header(sign(raw_base64(ED_KEY), url))["nonce"] for _ in range(3)]

    assert len(set(tokens)) == 3


@contextmanager
def refused(text: str) -> Iterator[pytest.ExceptionInfo[ValueError]]:
    """Refused in words that hold nothing of the key, nor do the causes that a traceback would print."""
    with pytest.raises(ValueError, match=r"key") as caught:
        yield caught
    printed = "".join(format_exception(caught.value))
    for piece in (text[i : i + 12] for i in range(27, len(text) - 12, 12)):
        assert piece not in printed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no private key"),
        ("hunter2", "no private key"),
        (pem(EC_KEY)[:-60], "no private key"),
        (raw_base64(ED_KEY)[:-4], "no private key"),
        (base64.b64encode(bytes(64)).decode(), "no private key"),
        (pem(rsa.generate_private_key(65537, 2048)), "another kind"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "another kind"),
        (pem(EC_KEY, encryption=BestAvailableEncryption(b"password")), "encrypted with a password"),
    ],
    ids=["empty", "a word", "a part of a PEM", "a part of a key", "zeros", "RSA", "another curve", "a password"],
)
def test_what_is_no_key_is_refused_in_words_without_it(text: str, words: str) -> None:
    with refused(text) as caught:
        read_private_key(text)
    assert words in str(caught.value)


def test_a_signature_shows_nothing_of_its_key() -> None:
    secret = raw_base64(ED_KEY)

    shown = repr(Signature(NAME, secret, lambda: NOW))

    assert secret not in shown
    assert "Signature" in shown
