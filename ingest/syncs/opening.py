"""From an account to its source: which client it needs, with which key, at whose pace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from db.accounts import AccountKind
from db.providers import Budget
from db.secrets import SecretUnreadable, Vault
from db.sync_runs import ClaimedSync
from ingest.accounts import coinbase, esplora
from ingest.clock import Clock
from ingest.errors import FatalProviderError, Kind
from ingest.pacing import Pacer
from ingest.settings import IngestSettings
from ingest.syncs.bitcoin import BUDGET as BITCOIN_BUDGET
from ingest.syncs.bitcoin import BitcoinSource
from ingest.syncs.coinbase import BUDGET as COINBASE_BUDGET
from ingest.syncs.coinbase import CoinbaseSource
from ingest.syncs.source import Source

BUDGETS: dict[str, Budget] = {
    AccountKind.COINBASE: COINBASE_BUDGET,
    AccountKind.BITCOIN: BITCOIN_BUDGET,
}
_NO_VAULT = (
    "this account's key is encrypted, and this worker has nothing to open it with: set PRICEGRAPH_ENCRYPTION_KEY"
)


@dataclass(frozen=True)
class Sources:
    """Where the sources are; None: at their own addresses. Without a `vault` no account that has a key can be read."""

    clock: Clock
    coinbase_url: str | None = None
    esplora_url: str | None = None
    vault: Vault | None = None

    @classmethod
    def of(cls, settings: IngestSettings, clock: Clock) -> Sources:
        return cls(clock, settings.coinbase_url, settings.esplora_url, settings.vault)

    @staticmethod
    def budget_key(sync: ClaimedSync) -> str:
        return BUDGETS[sync.kind].key

    @asynccontextmanager
    async def open(self, sync: ClaimedSync, pacer: Pacer) -> AsyncIterator[Source]:
        """Raises ProviderError where the account cannot be asked at all."""
        if sync.kind == AccountKind.BITCOIN:
            async with esplora.make_client(self.esplora_url) as client:
                found = esplora.Esplora(client, self.clock.now)
                yield BitcoinSource(found, pacer, str(sync.address))
        else:
            async with self._make_coinbase_client(sync) as client:
                yield CoinbaseSource(coinbase.Coinbase(client, self.clock.now), pacer, sync.account_id)

    def _make_coinbase_client(self, sync: ClaimedSync) -> httpx.AsyncClient:
        if self.vault is None:
            raise FatalProviderError(Kind.BAD_REQUEST, _NO_VAULT)
        try:
            key = self.vault.decrypt(sync.secret or b"")
            return coinbase.make_client(self.coinbase_url, str(sync.key_name), key, self.clock.now)
        except SecretUnreadable as error:
            raise FatalProviderError(Kind.BAD_REQUEST, str(error)) from None
        except ValueError as error:
            raise FatalProviderError(Kind.AUTH, str(error)) from None
