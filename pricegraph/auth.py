"""Who asks: bearer tokens."""

from __future__ import annotations

import hmac

from db.pool import Database
from db.tokens import Scope, read_token
from resolvers.context import Caller
from resolvers.errors import ApiError, Code

# The name and, for portfolios, the owner of the token from the settings.
OPERATOR = "operator"


class Authenticator:
    """Knows the operator's token from the settings, and the others from the database."""

    def __init__(self, database: Database, operator_token: str | None, *, required: bool = False) -> None:
        self._database = database
        self._operator_token = operator_token
        self._required = required

    async def identify(self, authorization: str | None) -> Caller | None:
        """None for a request without credentials, unless they are `required`; UNAUTHENTICATED for those that nobody
        knows.
        """
        if authorization is None:
            if self._required:
                raise ApiError(
                    Code.UNAUTHENTICATED,
                    "this server answers to tokens only: send the header  Authorization: Bearer <token>; "
                    "`pricegraph token create` makes one",
                )
            return None
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise ApiError(Code.UNAUTHENTICATED, "the header must read  Authorization: Bearer <token>")
        if self._operator_token and hmac.compare_digest(token.encode(), self._operator_token.encode()):
            return Caller(OPERATOR, frozenset(Scope), OPERATOR)
        async with self._database.connection() as connection:
            row = await read_token(connection, token)
        if row is None:
            raise ApiError(
                Code.UNAUTHENTICATED, "this token is unknown or revoked; `pricegraph token create` makes one"
            )
        return Caller(f"token:{row.name}", frozenset(row.scopes), row.owner)
