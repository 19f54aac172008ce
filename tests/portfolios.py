"""Portfolios of two people, through the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from db.pool import Database
from db.secrets import Vault
from db.tokens import Scope, create_token
from tests.api import Api, make_app
from tests.world import NOW

BOTH = (Scope.PORTFOLIO_READ, Scope.PORTFOLIO_WRITE)
ENCRYPTION_KEY = Vault.new_key()
KEY_NAME = "organizations/1/apiKeys/2"
PRIVATE_KEY = (
    generate_private_key(SECP256R1())
    .private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    .decode()
)
ADDRESS = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"

CREATE = """
mutation($name: String! = "main", $currency: String! = "usd") {
  createPortfolio(name: $name, currency: $currency) {
    portfolio { id name currency { code } createdAt } errors { code message field }
  }
}
"""
ADD_ACCOUNT = """
mutation($input: AddAccountInput!) {
  addAccount(input: $input) {
    account { __typename id label status problem lastSyncedAt } errors { code message field retryable }
  }
}
"""
ADD = """
mutation($input: AddTransactionsInput!) {
  addTransactions(input: $input) {
    transactions {
      id kind coin { slug } currency { code } quantity unitPrice { amount currency { code } }
      fee { amount currency { code } } at externalId account { label }
    }
    known
    errors { code message field }
  }
}
"""
MANUAL = {"manual": True}
BITCOIN = {"bitcoin": {"address": ADDRESS}}
COINBASE = {"coinbase": {"keyName": KEY_NAME, "privateKey": PRIVATE_KEY}}


@dataclass
class Person:
    """Somebody with a token."""

    api: Api

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        return await self.api.ask(query, **variables)

    async def change(self, mutation: str, **variables: Any) -> dict[str, Any]:
        """The payload of a mutation."""
        [payload] = (await self.ask(mutation, **variables)).values()
        return dict(payload)

    async def create_portfolio(self, **given: Any) -> str:
        payload = await self.change(CREATE, **given)
        assert payload["errors"] == []
        return str(payload["portfolio"]["id"])

    async def add_account(self, portfolio: str, source: dict[str, Any] = MANUAL, label: str = "cold") -> str:
        given = {"portfolio": portfolio, "label": label, "source": source}
        payload = await self.change(ADD_ACCOUNT, input=given)
        assert payload["errors"] == []
        return str(payload["account"]["id"])

    async def add(self, account: str, *transactions: dict[str, Any]) -> list[str]:
        """Their ids."""
        payload = await self.change(ADD, input={"account": account, "transactions": transactions})
        assert payload["errors"] == []
        return [one["id"] for one in payload["transactions"]]


def bought(quantity: str = "0.5", at: str = "now-1d", **more: Any) -> dict[str, Any]:
    return {"kind": "BUY", "coin": "coin-1", "quantity": quantity, "at": at} | more


@asynccontextmanager
async def open_person(
    database: Database, name: str, *scopes: Scope, owner: str | None = None, **settings: Any
) -> AsyncIterator[Person]:
    """A client with a token of these scopes; with both of portfolios unless told."""
    async with database.connection() as connection:
        token = await create_token(connection, name, scopes or BOTH, NOW, owner)
    transport = httpx.ASGITransport(make_app(database, **({"encryption_key": ENCRYPTION_KEY} | settings)))
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers, timeout=60) as client:
        yield Person(Api(client))
