"""The environment, read once by the entry points and passed down."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from db.secrets import Vault
from ingest.cron import check_cron
from ingest.settings import IngestSettings, Plan

DEFAULT_COINS = (
    "bitcoin",
    "ethereum",
    "tether",
    "ripple",
    "binancecoin",
    "solana",
    "usd-coin",
    "dogecoin",
    "cardano",
    "tron",
    "shiba-inu",
)
DEFAULT_RATES = ("jpy", "chf", "cad", "aud")
Names = Annotated[tuple[str, ...], NoDecode]
NEVER = "off"
# A day that is over is final at 00:45 (CoinGecko's documentation of `/coins/{id}/market_chart/range`).
DEFAULT_CRON = "50 0 * * *"
DEFAULT_SYNC_CRON = "20 * * * *"
# As browsers send it (RFC 6454, 6.2): scheme, host, and a port unless it is the scheme's own.
_ORIGIN = re.compile(r"(?:http(?!.*:80$)|https(?!.*:443$))://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?")


class SettingsError(Exception):
    """The environment holds something that makes no sense; the text names the variable."""


class Settings(BaseSettings):
    """Each field is one environment variable; `docs/configuration.md` lists them, and a test compares the two."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True, env_ignore_empty=True)

    database_url: SecretStr | None = Field(
        None, alias="DATABASE_URL", description="PostgreSQL or TimescaleDB, as `postgresql://user:password@host/name`."
    )
    database_read_url: SecretStr | None = Field(
        None, alias="DATABASE_READ_URL", description="A streaming replica of it, to read prices from."
    )
    pool_size: int = Field(
        10, ge=1, le=1000, alias="PRICEGRAPH_POOL_SIZE", description="Connections of one process to a database at most."
    )
    host: str = Field("127.0.0.1", alias="PRICEGRAPH_HOST", description="Address to listen on.")
    port: int | None = Field(
        None, ge=1, le=65535, alias="PRICEGRAPH_PORT", description="Port to listen on; 8000 unless set."
    )
    data_dir: Path = Field(
        Path(".pricegraph"), alias="PRICEGRAPH_DATA_DIR", description="Where `pricegraph demo` keeps its database."
    )
    coins: Names = Field(
        DEFAULT_COINS, alias="PRICEGRAPH_COINS", description="CoinGecko ids of the coins to refresh, with commas."
    )
    currencies: Names = Field(
        ("usd", "eur", "gbp", "btc"),
        alias="PRICEGRAPH_CURRENCIES",
        description="Codes of the currencies to store prices in, with commas.",
    )
    history_days: int = Field(
        90,
        ge=1,
        le=6000,
        alias="PRICEGRAPH_HISTORY_DAYS",
        description="How many days a refresh goes back unless told.",
    )
    rate_currencies: Names = Field(
        DEFAULT_RATES,
        alias="PRICEGRAPH_RATE_CURRENCIES",
        description="Codes of further currencies, stored for one coin only and converted for others; `off`: none.",
    )
    rate_coin: str = Field(
        "bitcoin", alias="PRICEGRAPH_RATE_COIN", description="CoinGecko id of that coin; it is refreshed in any case."
    )
    refresh_cron: str = Field(
        DEFAULT_CRON,
        alias="PRICEGRAPH_REFRESH_CRON",
        description="When workers refresh everything, as a cron expression in UTC; `off`: only when asked.",
    )
    token: SecretStr | None = Field(
        None,
        alias="PRICEGRAPH_TOKEN",
        description="A bearer token with every scope, for the operator; 16 or more characters.",
    )
    require_token: bool = Field(
        False,
        alias="PRICEGRAPH_REQUIRE_TOKEN",
        description="`true`: reading needs a token too; the pages, the schema and the health checks stay open.",
    )
    sync_cron: str = Field(
        DEFAULT_SYNC_CRON,
        alias="PRICEGRAPH_SYNC_CRON",
        description="When workers sync all accounts that have a source, as a cron expression; `off`: only when asked.",
    )
    encryption_key: SecretStr | None = Field(
        None,
        alias="PRICEGRAPH_ENCRYPTION_KEY",
        description="What encrypts the keys of Coinbase accounts; `pricegraph keys new` prints one.",
    )
    cache_bytes: int = Field(
        128_000_000,
        ge=0,
        alias="PRICEGRAPH_CACHE_BYTES",
        description="How much each API process keeps of closed history, encoded; 0 keeps nothing.",
    )
    cors_origins: Names = Field(
        (),
        alias="PRICEGRAPH_CORS_ORIGINS",
        description="Origins whose web pages may call the API, as `https://app.example.com`, with commas; `*` for all.",
    )
    url: str = Field(
        "http://127.0.0.1:8000",
        alias="PRICEGRAPH_URL",
        description="The server that `pricegraph refresh`, `track`, `untrack` and `import` call.",
    )
    coingecko_plan: Plan = Field(
        Plan.PUBLIC, alias="COINGECKO_PLAN", description="`public` (no key), `demo`, `basic`, `analyst` or `pro`."
    )
    coingecko_api_key: SecretStr | None = Field(
        None, alias="COINGECKO_API_KEY", description="The key of that plan; sent as a header, never logged."
    )
    coingecko_url: str | None = Field(
        None, alias="COINGECKO_URL", description="Another address of the API; the plan's own unless set."
    )
    coingecko_calls_per_minute: int | None = Field(
        None,
        ge=2,
        alias="COINGECKO_CALLS_PER_MINUTE",
        description="Calls a minute, when yours differ from the plan's (3, 80, 240, 400, 400).",
    )

    coinbase_url: str | None = Field(
        None, alias="COINBASE_URL", description="Another address of Coinbase's Advanced Trade API; its own unless set."
    )
    esplora_url: str | None = Field(
        None,
        alias="ESPLORA_URL",
        description="Another Esplora server, as `https://mempool.space/api`; that of Blockstream unless set.",
    )

    @field_validator("coins", "currencies", "rate_currencies", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(dict.fromkeys(re.findall(r"[^\s,]+", value.lower()))) if isinstance(value, str) else value

    @field_validator("rate_currencies")
    @classmethod
    def _perhaps_none(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return () if value == (NEVER,) else value

    @field_validator("rate_coin", "refresh_cron", "sync_cron", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return " ".join(value.lower().split()) if isinstance(value, str) else value

    @field_validator("refresh_cron", "sync_cron")
    @classmethod
    def _check_cron(cls, value: str) -> str:
        if value != NEVER:
            check_cron(value)
        return value

    @field_validator("database_url", "database_read_url", mode="before")
    @classmethod
    def _check_database(cls, value: Any) -> Any:
        if isinstance(value, str) and not _is_database_url(value):
            raise ValueError("must read like postgresql://user:password@host/name, with special signs percent-encoded")
        return value

    @field_validator("coingecko_url", "coinbase_url", "esplora_url", "url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if value is not None and not re.match(
            r"https?://([^/@\s]*@)?([\w.-]+|\[[0-9a-fA-F:]+\])(:\d{1,5})?(/|$)", value
        ):
            raise ValueError("must read like https://api.example.com or http://127.0.0.1:8000/path")
        return value

    @field_validator("token")
    @classmethod
    def _check_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 16:
            raise ValueError("must have 16 characters or more; `openssl rand -hex 32` makes a good one")
        return value

    @field_validator("encryption_key")
    @classmethod
    def _check_encryption_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            Vault.from_keys(value.get_secret_value())
        return value

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(origin == "*" or _ORIGIN.fullmatch(origin) for origin in value):
            raise ValueError("each must read like https://app.example.com or http://localhost:5173, with no path; or *")
        return value

    def need_database_url(self) -> str:
        """The database's address, for the commands that cannot do without."""
        if self.database_url is None:
            raise SettingsError(
                "DATABASE_URL is not set; set it to postgresql://user:password@host/name, or run `pricegraph demo`"
            )
        return self.database_url.get_secret_value()

    def vault(self) -> Vault | None:
        """What opens the keys of accounts; None: no account that needs a key can be added or synced."""
        return Vault.from_keys(self.encryption_key.get_secret_value()) if self.encryption_key else None

    def ingest(self) -> IngestSettings:
        return IngestSettings(
            plan=self.coingecko_plan,
            api_key=self.coingecko_api_key.get_secret_value() if self.coingecko_api_key else None,
            coingecko_url=self.coingecko_url,
            calls_per_minute=self.coingecko_calls_per_minute,
            simulated=self.coingecko_url is not None and _is_loopback(self.coingecko_url),
            coins=self.coins,
            currencies=self.currencies,
            # What is stored for every coin needs no rate.
            rate_currencies=tuple(code for code in self.rate_currencies if code not in self.currencies),
            rate_coin=self.rate_coin,
            refresh_cron=None if self.refresh_cron == NEVER else self.refresh_cron,
            history_days=self.history_days,
            sync_cron=None if self.sync_cron == NEVER else self.sync_cron,
            coinbase_url=self.coinbase_url,
            esplora_url=self.esplora_url,
            vault=self.vault(),
        )


def read_settings(**given: object) -> Settings:
    """The settings from the environment; what is given wins. Errors name variables, and hold no values."""
    try:
        settings = Settings(**given)  # type: ignore[arg-type]  # by field name, checked by pydantic
    except ValidationError as error:
        problems = [f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors()]
        raise SettingsError("; ".join(problems)) from None
    if settings.coingecko_plan is not Plan.PUBLIC and settings.coingecko_api_key is None:
        raise SettingsError(f"COINGECKO_PLAN is {settings.coingecko_plan}, so COINGECKO_API_KEY must hold its key")
    return settings


def _is_database_url(value: str) -> bool:
    """Also refuses what libpq would quote in its errors: after an unencoded sign, pieces of the password count as host,
    port or name.
    """
    try:
        parts = {name: str(part) for name, part in conninfo_to_dict(value).items()}
    except ProgrammingError:
        return False
    mistaken = "@" in parts.get("host", "") + parts.get("dbname", "") or re.search(r"[^\d,]", parts.get("port", ""))
    return value.startswith(("postgresql://", "postgres://")) and not mistaken


def _is_loopback(url: str) -> bool:
    """A provider on this machine is the simulator: no real one is."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
