"""The signature of a request to Coinbase: a token of its own for each, good for two minutes.

https://docs.cdp.coinbase.com/get-started/authentication/jwt-authentication
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator
from datetime import datetime

import httpx
import jwt

from db.coinbase_keys import algorithm_of, read_private_key

_LIFETIME_SECONDS = 120


class Signature(httpx.Auth):
    """Signs with a private key; see `db.coinbase_keys` for its forms."""

    def __init__(self, key_name: str, private_key: str, now: Callable[[], datetime]) -> None:
        """Raises ValueError for a key that is none."""
        self._key_name = key_name
        self._key = read_private_key(private_key)
        self._now = now

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["authorization"] = f"Bearer {self._token(request)}"
        yield request

    def _token(self, request: httpx.Request) -> str:
        """What is signed is host and path: with the query in it, Coinbase answers 401."""
        now = int(self._now().timestamp())
        claims = {
            "sub": self._key_name,
            "iss": "cdp",
            "nbf": now,
            "exp": now + _LIFETIME_SECONDS,
            "uri": f"{request.method} {request.url.netloc.decode('ascii')}{request.url.path}",
        }
        headers = {"kid": self._key_name, "nonce": secrets.token_hex(32)}
        return jwt.encode(claims, self._key, algorithm=algorithm_of(self._key), headers=headers)
