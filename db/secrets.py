"""Secrets of accounts, encrypted with keys from the environment: the database alone opens none of them.

Fernet (AES-128-CBC with HMAC-SHA-256) of the `cryptography` package: what was tampered with does not open.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from db.pool import Connection

# 32 bytes in the base64 for URLs.
_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")


class SecretUnreadable(Exception):
    """None of the keys opens it, or it was tampered with."""


class Vault:
    """The first key encrypts; all of them open what they, or their predecessors, have encrypted."""

    def __init__(self, keys: Sequence[Fernet]) -> None:
        self._count = len(keys)
        self._keys = MultiFernet(keys)

    @classmethod
    def from_keys(cls, text: str) -> Vault:
        """Keys with commas. Raises ValueError in words that hold nothing of them."""
        keys = [key.strip() for key in text.split(",") if key.strip()]
        # Fernet itself takes what comes before a foreign character: of "new;old" the old key would get lost.
        if not keys or not all(_KEY.fullmatch(key) for key in keys):
            raise ValueError("each key must be one that `pricegraph keys new` printed, several with commas")
        return cls([Fernet(key) for key in keys])

    @staticmethod
    def new_key() -> str:
        return Fernet.generate_key().decode()

    def encrypt(self, secret: str) -> bytes:
        return self._keys.encrypt(secret.encode())

    def decrypt(self, encrypted: bytes) -> str:
        try:
            return self._keys.decrypt(encrypted).decode()
        except InvalidToken:
            raise _unreadable() from None

    def opens(self, encrypted: bytes) -> bool:
        try:
            self._keys.decrypt(encrypted)
        except InvalidToken:
            return False
        return True

    def rotate(self, encrypted: bytes) -> bytes:
        """The same secret, encrypted with the first key."""
        try:
            return self._keys.rotate(encrypted)
        except InvalidToken:
            raise _unreadable() from None

    def __repr__(self) -> str:
        return f"Vault({self._count} keys)"


def _unreadable() -> SecretUnreadable:
    return SecretUnreadable(
        "no key of PRICEGRAPH_ENCRYPTION_KEY opens this secret; add the key that was there when it was stored, "
        "behind a comma"
    )


async def rotate_secrets(connection: Connection, vault: Vault) -> int:
    """Encrypt every stored secret anew with the first key, all or none; how many there are.

    The caller holds the transaction.
    """
    cursor = await connection.execute("select id, secret from accounts where secret is not null order by id for update")
    rotated = [(vault.rotate(secret), id) for id, secret in await cursor.fetchall()]
    await connection.cursor().executemany("update accounts set secret = %s where id = %s", rotated)
    return len(rotated)


async def count_unreadable(connection: Connection, vault: Vault | None) -> tuple[int, int]:
    """How many secrets are stored, and how many of them the vault cannot open."""
    cursor = await connection.execute("select secret from accounts where secret is not null")
    secrets = [secret for (secret,) in await cursor.fetchall()]
    return len(secrets), sum(not (vault and vault.opens(secret)) for secret in secrets)
