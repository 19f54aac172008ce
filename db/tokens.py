"""API tokens: stored as SHA-256, shown once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from psycopg.errors import UniqueViolation

from db.pool import Connection


class Scope(StrEnum):
    REFRESH = "REFRESH"
    IMPORT = "IMPORT"
    PORTFOLIO_READ = "PORTFOLIO_READ"
    PORTFOLIO_WRITE = "PORTFOLIO_WRITE"
    ADMIN = "ADMIN"


class TokenNameTaken(Exception):
    """Choose another name: one that was used stays taken, so that a log line means one token."""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """`owner`: whose portfolios it is for; several tokens may have one owner."""

    name: str
    owner: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


_TOKENS = "select name, owner, scopes, created_at, revoked_at from api_tokens "


def hash_token(token: str) -> bytes:
    """Tokens are 256 random bits, so a fast hash is enough: there is nothing to guess."""
    return hashlib.sha256(token.encode()).digest()


async def create_token(
    connection: Connection, name: str, scopes: Sequence[Scope], now: datetime, owner: str | None = None
) -> str:
    """Create a token and answer it; it cannot be read again. Left out, the owner is called like the token."""
    token = "pg_" + secrets.token_urlsafe(32)
    try:
        await connection.execute(
            "insert into api_tokens (name, owner, hash, scopes, created_at) values (%s, %s, %s, %s, %s)",
            (name, owner or name, hash_token(token), [scope.value for scope in scopes], now),
        )
    except UniqueViolation as error:
        raise TokenNameTaken(f"a token was named {name!r} before; choose another name") from error
    return token


async def read_token(connection: Connection, token: str) -> TokenRow | None:
    """The live token's row; None for one that is unknown or revoked."""
    cursor = await connection.execute(
        _TOKENS + "where hash = %s and revoked_at is null",
        (hash_token(token),),
    )
    row = await cursor.fetchone()
    return _token(row) if row else None


async def list_tokens(connection: Connection) -> list[TokenRow]:
    cursor = await connection.execute(_TOKENS + "order by created_at")
    return [_token(row) for row in await cursor.fetchall()]


async def revoke_token(connection: Connection, name: str, now: datetime) -> bool:
    """False when no live token has the name. The row stays, and so does the name."""
    cursor = await connection.execute(
        "update api_tokens set revoked_at = %s where name = %s and revoked_at is null", (now, name)
    )
    return cursor.rowcount == 1


def _token(row: tuple[str, str, list[str], datetime, datetime | None]) -> TokenRow:
    name, owner, scopes, created_at, revoked_at = row
    return TokenRow(name, owner, tuple(scopes), created_at, revoked_at)
