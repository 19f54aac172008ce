"""The enums; each value carries its description into the SDL."""

from __future__ import annotations

from enum import Enum

import strawberry
from strawberry import enum_value as value


@strawberry.enum(description="Whether a coin is still listed by its provider.")
class CoinStatus(Enum):
    ACTIVE = value("ACTIVE", description="Listed and priced.")
    INACTIVE = value("INACTIVE", description="Listed, but no longer priced.")
    DELISTED = value("DELISTED", description="No longer listed; its history stays.")


@strawberry.enum(description="The order of `coins`.")
class CoinOrder(Enum):
    RANK = value("RANK", description="By market capitalisation rank, the largest first; coins without a rank last.")
    NAME = value("NAME", description="By name.")
    SLUG = value("SLUG", description="By slug.")


@strawberry.enum(description="What kind of money a currency is.")
class CurrencyKind(Enum):
    FIAT = value("FIAT", description="Issued by a state.")
    CRYPTO = value("CRYPTO", description="A coin that serves as quote currency.")
    COMMODITY = value("COMMODITY", description="A weight of metal.")


@strawberry.enum(description="The two stores of points.")
class Granularity(Enum):
    HOURLY = value("HOURLY", description="One point an hour.")
    DAILY = value("DAILY", description="One point a UTC day.")


@strawberry.enum(description="The distance between two points.")
class Interval(Enum):
    AUTO = value("AUTO", description="The smallest interval that needs at most 500 points; the answer names it.")
    HOUR_1 = value("HOUR_1", description="One hour, from the hourly store.")
    DAY_1 = value("DAY_1", description="One UTC day, from the daily store.")


@strawberry.enum(description="What stands for a bucket that is not stored. Nothing is ever invented.")
class GapPolicy(Enum):
    NULLS = value("NULLS", description="A point with origin MISSING and null values.")
    OMIT = value("OMIT", description="No point.")


@strawberry.enum(description="Where a point's values come from.")
class PointOrigin(Enum):
    OBSERVED = value("OBSERVED", description="A sample that a provider gave.")
    MISSING = value("MISSING", description="Not stored: the values are null. `coverage { gaps }` says why.")


@strawberry.enum(description="An outside source of prices.")
class Provider(Enum):
    COINGECKO = value("COINGECKO", description="CoinGecko, API v3.")


@strawberry.enum(description="Why buckets are missing.")
class GapReason(Enum):
    NOT_FETCHED = value("NOT_FETCHED", description="Nobody has asked for them yet; a refresh will.")
    BEFORE_LISTING = value("BEFORE_LISTING", description="Older than the first price the provider has.")
    RATE_LIMITED = value("RATE_LIMITED", description="The provider's rate limit or monthly quota stood in the way.")
    PLAN_LIMIT = value("PLAN_LIMIT", description="Older than the provider's plan reaches back.")
    PROVIDER_HAS_NO_DATA = value("PROVIDER_HAS_NO_DATA", description="The provider was asked and has none.")
    PROVIDER_ERROR = value("PROVIDER_ERROR", description="The provider failed when it was asked.")
    REJECTED_BY_CHECK = value("REJECTED_BY_CHECK", description="The provider's values failed a check: none is stored.")


@strawberry.enum(description="How far a refresh is.")
class RunStatus(Enum):
    QUEUED = value("QUEUED", description="Recorded; no worker has begun.")
    RUNNING = value("RUNNING", description="Workers are at it.")
    WAITING_RATE_LIMIT = value(
        "WAITING_RATE_LIMIT", description="Every open task waits for the provider; it goes on by itself at `resumesAt`."
    )
    SUCCEEDED = value("SUCCEEDED", description="Every task ended well.")
    PARTIAL = value("PARTIAL", description="Some tasks failed.")
    FAILED = value("FAILED", description="Every task failed.")


@strawberry.enum(description="How far one window of a refresh is.")
class TaskStatus(Enum):
    PENDING = value("PENDING", description="Queued.")
    RUNNING = value("RUNNING", description="A worker is at it.")
    UPDATED = value("UPDATED", description="Fetched; points were added or corrected.")
    UNCHANGED = value("UNCHANGED", description="Fetched; everything was there already, or the provider had nothing.")
    DEFERRED = value("DEFERRED", description="Put aside until the provider may be asked again.")
    FAILED = value("FAILED", description="Given up; `error` says why.")


@strawberry.enum(description="Which buckets a refresh asks for.")
class RefreshMode(Enum):
    MISSING = value("MISSING", description="Every hole inside the range, not only what lies after the newest point.")
    FORCE = value("FORCE", description="Everything inside the range again; changed values are corrected.")


@strawberry.enum(description="What `refreshPrices` did.")
class RefreshOutcome(Enum):
    STARTED = value("STARTED", description="A run was recorded and queued.")
    JOINED = value("JOINED", description="The same work was under way already; `run` shares it, or is that run.")
    FINISHED = value("FINISHED", description="The run has ended; `run { status exitCode }` says how.")
    PLANNED = value("PLANNED", description="A dry run: see `estimate`.")
    NOTHING_TO_DO = value("NOTHING_TO_DO", description="Nothing is missing that the provider could have.")
    REJECTED = value("REJECTED", description="Refused; `errors` say why, and nothing was recorded.")


@strawberry.enum(description="What the database offers.")
class Store(Enum):
    TIMESCALEDB_COMMUNITY = value("TIMESCALEDB_COMMUNITY", description="Hypertables with compression.")
    TIMESCALEDB_APACHE = value("TIMESCALEDB_APACHE", description="Hypertables.")
    POSTGRESQL = value("POSTGRESQL", description="Ordinary tables; the same answers.")


@strawberry.enum(description="What went wrong, for programs to branch on.")
class ErrorCode(Enum):
    UNAUTHENTICATED = value("UNAUTHENTICATED", description="No token was sent, or nobody knows it.")
    FORBIDDEN = value("FORBIDDEN", description="The token may not do this.")
    BAD_INPUT = value("BAD_INPUT", description="An argument, or the document itself, is wrong.")
    NOT_FOUND = value("NOT_FOUND", description="Nothing has this slug, code or id.")
    RANGE_INVALID = value("RANGE_INVALID", description="The range is empty, inverted or outside of what makes sense.")
    COST_EXCEEDED = value("COST_EXCEEDED", description="More than fits in one request.")
    TIMEOUT = value("TIMEOUT", description="The database took too long.")
    UNAVAILABLE = value("UNAVAILABLE", description="The database is away for the moment.")
    NO_DATA = value("NO_DATA", description="There is nothing yet to answer from.")
    DATA_INCOMPLETE = value("DATA_INCOMPLETE", description="Buckets are missing, and `gaps: ERROR` was asked for.")
    FX_UNAVAILABLE = value("FX_UNAVAILABLE", description="There is no rate to convert the prices with.")
    PROVIDER_RATE_LIMITED = value("PROVIDER_RATE_LIMITED", description="The provider asked to wait.")
    PROVIDER_PLAN_LIMIT = value("PROVIDER_PLAN_LIMIT", description="The provider's plan does not include this.")
    PROVIDER_ERROR = value("PROVIDER_ERROR", description="The provider failed or refused.")
    CONFLICT = value("CONFLICT", description="It contradicts an earlier request.")
    INTERNAL = value("INTERNAL", description="A fault of the server's; its log has the request id.")
