"""The enums; each value carries its description into the SDL."""

from __future__ import annotations

from enum import Enum

import strawberry
from strawberry import enum_value as value

from db.reference import PROVIDER_CODES


@strawberry.enum(description="Whether a coin is still listed by its provider.")
class CoinStatus(Enum):
    ACTIVE = value("ACTIVE", description="Listed.")
    INACTIVE = value(
        "INACTIVE",
        description="Missing from the provider's list for less than 30 days. Refreshed only when it is named.",
    )
    DELISTED = value("DELISTED", description="Missing from the provider's list for 30 days or more. Its history stays.")


@strawberry.enum(description="What became of a name in `resolveCoins`.")
class ResolutionOutcome(Enum):
    EXACT = value("EXACT", description="It means one coin: see `coin`.")
    AMBIGUOUS = value("AMBIGUOUS", description="It may mean several: see `candidates`, and choose by slug.")
    NOT_FOUND = value("NOT_FOUND", description="No coin goes by it; `coins(filter: {search})` finds similar ones.")


@strawberry.enum(description="The order of `coins`.")
class CoinOrder(Enum):
    RELEVANCE = value(
        "RELEVANCE",
        description="For a search: the very word first, then what begins with it, then what is most like it; among "
        "equals by rank.",
    )
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
    HOUR_1 = value("HOUR_1", description="One hour.")
    HOUR_4 = value("HOUR_4", description="Four hours, from midnight UTC.")
    HOUR_12 = value("HOUR_12", description="Twelve hours, from midnight UTC.")
    DAY_1 = value("DAY_1", description="One UTC day.")
    WEEK_1 = value("WEEK_1", description="Seven days, from Monday (ISO 8601).")
    MONTH_1 = value("MONTH_1", description="A calendar month.")
    QUARTER_1 = value("QUARTER_1", description="Three calendar months, from January.")
    YEAR_1 = value("YEAR_1", description="A calendar year.")


@strawberry.enum(description="What stands for a bucket that is not stored. Nothing is invented unless asked for.")
class GapPolicy(Enum):
    NULLS = value("NULLS", description="A point with origin MISSING and null values.")
    OMIT = value("OMIT", description="No point.")
    CARRY = value(
        "CARRY",
        description="The last price before, with origin CARRIED, as long as it is no older than `carryLimit`; then a "
        "point as under NULLS.",
    )
    ERROR = value(
        "ERROR", description="The error DATA_INCOMPLETE instead of points that are missing, or made of too few samples."
    )


@strawberry.enum(description="Where a point's values come from.")
class PointOrigin(Enum):
    OBSERVED = value("OBSERVED", description="A sample that a provider gave.")
    MANUAL = value("MANUAL", description="Set by hand; it wins over every provider.")
    DERIVED = value("DERIVED", description="Observed in another currency and converted; see `fxRate`.")
    CARRIED = value("CARRIED", description="Not stored: the last price before stands in, as `gaps: CARRY` asked.")
    MISSING = value("MISSING", description="Not stored: the values are null. `coverage { gaps }` says why.")


@strawberry.enum(description="Whether a point can still change.")
class PointState(Enum):
    PARTIAL = value("PARTIAL", description="Its bucket is running now.")
    PROVISIONAL = value(
        "PROVISIONAL",
        description="Its bucket ended less than 48 hours ago, so that refreshes still compare it; or a sample of it is "
        "missing, or waits to be confirmed.",
    )
    FINAL = value(
        "FINAL", description="Settled, and all there. Only a forced refresh, or a price set by hand, can change it."
    )


@strawberry.enum(description="An outside source of prices.")
class Provider(Enum):
    COINGECKO = value("COINGECKO", description="CoinGecko, API v3.")
    MANUAL = value("MANUAL", description="A person, with `setManualPrice`; wins over every other source.")


# By their numbers in the database.
PROVIDERS = {id_: Provider[code] for id_, code in PROVIDER_CODES.items() if code in Provider.__members__}


@strawberry.enum(description="Why buckets are missing.")
class GapReason(Enum):
    NOT_FETCHED = value("NOT_FETCHED", description="Nobody has asked for them yet; a refresh of that time will.")
    BEFORE_LISTING = value("BEFORE_LISTING", description="Older than the first price the provider has.")
    RATE_LIMITED = value("RATE_LIMITED", description="The provider's rate limit or monthly quota stood in the way.")
    PLAN_LIMIT = value("PLAN_LIMIT", description="Older than the provider's plan reaches back.")
    PROVIDER_HAS_NO_DATA = value("PROVIDER_HAS_NO_DATA", description="The provider was asked and has none.")
    PROVIDER_ERROR = value("PROVIDER_ERROR", description="The provider failed when it was asked.")
    REJECTED_BY_CHECK = value("REJECTED_BY_CHECK", description="The provider's values failed a check: none is stored.")
    FX_UNAVAILABLE = value("FX_UNAVAILABLE", description="Stored, but there is no rate to convert it with.")


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
    CANCELLED = value("CANCELLED", description="Ended by `cancelRefresh`; what had been fetched by then is stored.")


@strawberry.enum(description="How far one window of a refresh is.")
class TaskStatus(Enum):
    PENDING = value("PENDING", description="Queued.")
    RUNNING = value("RUNNING", description="A worker is at it.")
    UPDATED = value("UPDATED", description="Fetched; points were added or corrected.")
    UNCHANGED = value("UNCHANGED", description="Fetched; everything was there already, or the provider had nothing.")
    SKIPPED = value("SKIPPED", description="Not fetched, for nobody wanted it any more.")
    DEFERRED = value("DEFERRED", description="Put aside until the provider may be asked again.")
    FAILED = value("FAILED", description="Given up; `error` says why.")


@strawberry.enum(description="Which buckets a refresh asks for.")
class RefreshMode(Enum):
    MISSING = value("MISSING", description="Every hole inside the range, not only what lies after the newest point.")
    FORCE = value("FORCE", description="Everything inside the range again; changed values are corrected.")


@strawberry.enum(description="Whether a provider is asked.")
class BreakerState(Enum):
    CLOSED = value("CLOSED", description="Yes, at the pace of its budget.")
    OPEN = value("OPEN", description="Not before `retryAt`; `reason` says why.")
    HALF_OPEN = value("HALF_OPEN", description="It was down: the next call finds out whether it is back.")


@strawberry.enum(description="What `refreshPrices` or `cancelRefresh` did.")
class RefreshOutcome(Enum):
    STARTED = value("STARTED", description="A run was recorded and queued.")
    JOINED = value("JOINED", description="The same work was under way already; `run` shares it, or is that run.")
    FINISHED = value("FINISHED", description="The run has ended; `run { status exitCode }` says how.")
    PLANNED = value("PLANNED", description="A dry run: see `estimate`.")
    NOTHING_TO_DO = value("NOTHING_TO_DO", description="Nothing is missing that the provider could have.")
    REJECTED = value("REJECTED", description="Refused; `errors` say why, and nothing was recorded.")


@strawberry.enum(description="What is wrong with the data.")
class IssueKind(Enum):
    SCHEMA_DRIFT = value("SCHEMA_DRIFT", description="The provider's answer has another form than before; not read.")
    ID_NOT_FOUND = value("ID_NOT_FOUND", description="The provider does not know the coin, or not any more.")
    REJECTED_ROWS = value("REJECTED_ROWS", description="Rows of an answer failed a check; none of them is stored.")
    OUTLIER = value(
        "OUTLIER",
        description="A sample is more than ten times both its neighbours in the same answer, or less than a tenth of "
        "both; stored all the same.",
    )


@strawberry.enum(description="How bad an issue is.")
class Severity(Enum):
    WARNING = value("WARNING", description="Single samples; the rest is stored.")
    ERROR = value("ERROR", description="Nothing new is stored of the series until it is mended.")


@strawberry.enum(description="What became of an issue.")
class IssueState(Enum):
    OPEN = value("OPEN", description="Nobody has acknowledged it.")
    ACKNOWLEDGED = value("ACKNOWLEDGED", description="Somebody knows; it stays so when it is noticed again.")
    RESOLVED = value("RESOLVED", description="A later answer showed it no more. The next time it is a new issue.")


@strawberry.enum(description="How an account is.")
class SyncStatus(Enum):
    OK = value("OK", description="What its source last said is stored; a manual account is always so.")
    SYNCING = value("SYNCING", description="A sync waits or runs: see `syncs`.")
    STALE = value("STALE", description="The last sync that went well is more than 26 hours ago, or there was none.")
    AUTH_FAILED = value(
        "AUTH_FAILED", description="The source refused the key: `replaceCoinbaseKey` gives the account another one."
    )
    INCOMPLETE = value("INCOMPLETE", description="Part of it is not known; `problem` says what.")
    ERROR = value("ERROR", description="The last sync failed; `problem` says why.")


@strawberry.enum(description="What a transaction is. Each one changes the quantity of one asset in one account.")
class TransactionKind(Enum):
    BUY = value("BUY", description="Bought: more of it.")
    SELL = value("SELL", description="Sold: less of it.")
    DEPOSIT = value("DEPOSIT", description="Came in from outside, or paid in for what was sold.")
    WITHDRAWAL = value("WITHDRAWAL", description="Went out, the network's fee included; or paid for what was bought.")
    FEE = value("FEE", description="Paid for a service: less of it.")
    REWARD = value("REWARD", description="Earned, by staking for example: more of it.")
    TRANSFER_IN = value("TRANSFER_IN", description="Came in from another account of the same owner.")
    TRANSFER_OUT = value("TRANSFER_OUT", description="Went out to another account of the same owner.")


@strawberry.enum(description="Which of the coins that were bought go first when some are sold.")
class CostBasisMethod(Enum):
    FIFO = value("FIFO", description="Those that came in first, at what they have cost.")
    AVERAGE = value("AVERAGE", description="All alike, at their average cost.")


@strawberry.enum(description="How the percent of a return is reckoned.")
class ReturnMethod(Enum):
    TIME_WEIGHTED = value(
        "TIME_WEIGHTED", description="How what was held did, whenever money came or went: for comparing with others."
    )
    MONEY_WEIGHTED = value(
        "MONEY_WEIGHTED", description="The rate that the money earned, each sum for the time it was in: IRR."
    )
    SIMPLE = value("SIMPLE", description="The gain by what was there at the start and was put in since.")


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
    PERSISTED_QUERY_NOT_FOUND = value(
        "PERSISTED_QUERY_NOT_FOUND", description="The server does not know, or has forgotten, a query by its hash."
    )
    NOT_FOUND = value("NOT_FOUND", description="Nothing has this slug, code or id.")
    RANGE_INVALID = value("RANGE_INVALID", description="The range is empty, inverted or outside of what makes sense.")
    COST_EXCEEDED = value(
        "COST_EXCEEDED", description="More than fits in one request, or one portfolio or account too many."
    )
    TIMEOUT = value("TIMEOUT", description="The database took too long.")
    UNAVAILABLE = value("UNAVAILABLE", description="The database is away for the moment.")
    NO_DATA = value("NO_DATA", description="There is nothing yet to answer from.")
    DATA_INCOMPLETE = value("DATA_INCOMPLETE", description="Buckets are missing, and `gaps: ERROR` was asked for.")
    FX_UNAVAILABLE = value("FX_UNAVAILABLE", description="There is no rate to convert the prices with.")
    PROVIDER_RATE_LIMITED = value("PROVIDER_RATE_LIMITED", description="The provider asked to wait.")
    PROVIDER_PLAN_LIMIT = value("PROVIDER_PLAN_LIMIT", description="The provider's plan does not include this.")
    PROVIDER_ERROR = value("PROVIDER_ERROR", description="The provider failed or refused.")
    CONFLICT = value("CONFLICT", description="It contradicts an earlier request, or what depends on it.")
    NOT_CONFIGURED = value("NOT_CONFIGURED", description="The server lacks a setting that this needs.")
    INTERNAL = value("INTERNAL", description="A fault of the server's; its log has the request id.")
