"""What the ingest module needs to know; built by the entry points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from db.secrets import Vault


class Plan(StrEnum):
    """CoinGecko's plans."""

    PUBLIC = "public"
    DEMO = "demo"
    BASIC = "basic"
    ANALYST = "analyst"
    PRO = "pro"


@dataclass(frozen=True)
class IngestSettings:
    """`calls_per_minute` overrides the plan's pace; `coingecko_url` the plan's host.

    Prices in the `rate_currencies` are stored for the coin `rate_coin` alone. Without `refresh_cron` no price is
    fetched unasked, without `sync_cron` no account is synced so; see `ingest.schedule`. `coinbase_url` and
    `esplora_url` stand for the sources' own addresses; the `vault` opens the keys of accounts.
    """

    plan: Plan = Plan.PUBLIC
    api_key: str | None = field(default=None, repr=False)
    coingecko_url: str | None = None
    calls_per_minute: int | None = None
    simulated: bool = False
    coins: Sequence[str] = ()
    currencies: Sequence[str] = ()
    rate_currencies: Sequence[str] = ()
    rate_coin: str = "bitcoin"
    refresh_cron: str | None = None
    sync_cron: str | None = None
    coinbase_url: str | None = None
    esplora_url: str | None = None
    vault: Vault | None = field(default=None, repr=False)
    history_days: int = 90
    concurrency: int = 4
