"""The first tables: reference data, prices, refreshes, budgets, tokens and the job queue.

Plain SQL: the statements are what an operator reads in the database, and TimescaleDB's have no other form.
"""

from alembic import op
from procrastinate.schema import SchemaManager

from db.reference import CURRENCIES, PROVIDERS
from db.store import Store, read_store

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

REFERENCE = """
create table providers (
    id smallint primary key,
    code text not null unique,
    rank smallint not null,               -- the lower one wins
    budget_key text,                      -- the budget that the workers use now
    reach_days int,                       -- how far back the plan's history goes; null: all of it
    simulated boolean not null default false
);
create table coins (
    id int generated always as identity primary key,
    slug text not null unique check (slug <> ''),
    symbol text not null,
    name text not null,
    status text not null default 'ACTIVE' check (status in ('ACTIVE', 'INACTIVE', 'DELISTED')),
    rank int,
    tracked boolean not null default false,
    image_url text,
    created_at timestamptz not null default now()
);
create index coins_rank on coins ((coalesce(rank, 2147483647)), id);
create index coins_name on coins (name, id);
create index coins_symbol on coins (lower(symbol));
create table coin_provider_ids (
    provider_id smallint not null references providers,
    provider_coin_id text not null,
    coin_id int not null references coins,
    primary key (provider_id, provider_coin_id)
);
create index coin_provider_ids_coin on coin_provider_ids (coin_id);
create table currencies (
    id smallint generated always as identity primary key,
    code text not null unique check (code = lower(code)),
    name text not null,
    kind text not null check (kind in ('FIAT', 'CRYPTO', 'COMMODITY')),
    decimals smallint not null,
    tracked boolean not null default false
);
"""

# No foreign keys here: coins and currencies are never deleted, and a check per row would double the cost of a load.
PRICES = """
create table {table} (
    coin_id int not null,
    currency_id smallint not null,
    ts timestamptz not null,              -- start of the bucket, UTC
    price double precision not null,
    market_cap double precision,
    volume_24h double precision,
    high double precision,
    low double precision,
    observed_at timestamptz not null,     -- the provider's stamp of the sample
    provider_id smallint not null,
    revision int not null default 0,
    -- NaN is greater than every number in PostgreSQL, so the upper bound refuses it too.
    check (price > 0 and price < 'infinity'),
    check (market_cap >= 0 and market_cap < 'infinity'),
    check (volume_24h >= 0 and volume_24h < 'infinity'),
    check (high > 0 and high < 'infinity'),
    check (low > 0 and low < 'infinity')
);
"""
KEY = """
alter table {table} add primary key (coin_id, currency_id, ts) include (price, market_cap, volume_24h);
"""
HYPERTABLE = """
select create_hypertable('{table}', by_range('ts', interval '{chunk}'), create_default_indexes => false);
"""
COMPRESSION = """
alter table {table} set (timescaledb.compress, timescaledb.compress_segmentby = 'coin_id, currency_id',
                         timescaledb.compress_orderby = 'ts');
select add_compression_policy('{table}', interval '{after}');
"""

LATEST_AND_REVISIONS = """
create table price_latest (
    coin_id int not null,
    currency_id smallint not null,
    price double precision not null check (price > 0 and price < 'infinity'),
    market_cap double precision check (market_cap >= 0 and market_cap < 'infinity'),
    volume_24h double precision check (volume_24h >= 0 and volume_24h < 'infinity'),
    observed_at timestamptz not null,
    provider_id smallint not null,
    primary key (coin_id, currency_id)
) with (fillfactor = 70);                 -- updated in place, over and over
create table price_revisions (
    coin_id int not null,
    currency_id smallint not null,
    granularity text not null check (granularity in ('HOURLY', 'DAILY')),
    ts timestamptz not null,
    revision int not null,
    price double precision not null,
    market_cap double precision,
    volume_24h double precision,
    high double precision,
    low double precision,
    observed_at timestamptz not null,
    provider_id smallint not null,
    replaced_at timestamptz not null,
    primary key (coin_id, currency_id, granularity, ts, revision)
);
"""

REFRESH = """
create table refresh_runs (
    id bigint generated always as identity primary key,
    status text not null
        check (status in ('QUEUED', 'RUNNING', 'WAITING_RATE_LIMIT', 'SUCCEEDED', 'PARTIAL', 'FAILED')),
    requested_by text not null,
    idempotency_key text,
    request jsonb not null,
    tasks_total int not null,
    tasks_open int not null,
    tasks_deferred int not null,
    created_at timestamptz not null,
    started_at timestamptz,
    heartbeat_at timestamptz,
    resumes_at timestamptz,
    finished_at timestamptz
);
create index refresh_runs_key on refresh_runs (requested_by, idempotency_key, created_at)
    where idempotency_key is not null;
create table refresh_tasks (
    id bigint generated always as identity primary key,
    coin_id int not null references coins,
    currency_id smallint not null references currencies,
    granularity text not null check (granularity in ('HOURLY', 'DAILY')),
    provider_id smallint not null references providers,
    from_ts timestamptz not null,
    to_ts timestamptz not null check (to_ts > from_ts),
    status text not null default 'PENDING'
        check (status in ('PENDING', 'RUNNING', 'UPDATED', 'UNCHANGED', 'SKIPPED', 'DEFERRED', 'FAILED')),
    attempts int not null default 0,
    requests int not null default 0,
    rows_inserted int not null default 0,
    rows_corrected int not null default 0,
    rows_unchanged int not null default 0,
    rows_rejected int not null default 0,
    error_code text,
    error_message text,
    retry_at timestamptz,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz
);
create unique index refresh_tasks_one_open
    on refresh_tasks (coin_id, currency_id, granularity, from_ts, to_ts)
    where status in ('PENDING', 'RUNNING', 'DEFERRED');
create table refresh_run_tasks (
    run_id bigint not null references refresh_runs,
    task_id bigint not null references refresh_tasks,
    primary key (run_id, task_id)
);
create index refresh_run_tasks_task on refresh_run_tasks (task_id);
-- What was asked and left a hole; the records of one series never overlap.
create table fetch_windows (
    id bigint generated always as identity primary key,
    coin_id int not null,
    currency_id smallint not null,
    granularity text not null check (granularity in ('HOURLY', 'DAILY')),
    provider_id smallint not null references providers,
    from_ts timestamptz not null,
    to_ts timestamptz not null check (to_ts > from_ts),
    outcome text not null
        check (outcome in ('NO_DATA', 'REJECTED', 'PLAN_LIMIT', 'RATE_LIMITED', 'PROVIDER_ERROR')),
    asked_at timestamptz not null,
    expires_at timestamptz                -- when asking again makes sense; null: not by itself
);
create index fetch_windows_series on fetch_windows (coin_id, currency_id, granularity, from_ts);
"""

BUDGETS = """
create table provider_budget (
    key text primary key,
    calls int not null check (calls > burst),
    period interval not null,
    burst int not null check (burst >= 1),
    tat timestamptz not null default '-infinity',  -- theoretical arrival time (GCRA)
    monthly_limit int,
    month date not null default '-infinity',
    month_used int not null default 0,
    failures int not null default 0,               -- in a row
    blocked_until timestamptz,
    blocked_reason text
);
-- Generic cell rate algorithm: one row is the whole state, so any number of processes share it. The rate is
-- (calls - burst) / period: with a full burst on top no window of one period ever holds more than `calls`.
-- Answers the seconds to wait before the call; a reason says that nothing was reserved, and why.
-- After five failures in a row the provider counts as down: one probe a minute goes through, until one succeeds.
create function take_budget(k text, now_ timestamptz, out wait double precision, out reason text, out probe boolean)
language plpgsql as $$
declare b provider_budget; t timestamptz; slot interval; month_end timestamptz;
begin
    select * into strict b from provider_budget where key = k for update;
    probe := false;
    if b.blocked_until > now_ then
        wait := extract(epoch from b.blocked_until - now_);
        reason := b.blocked_reason;
        return;
    end if;
    if b.month = date_trunc('month', now_ at time zone 'UTC') and b.month_used >= b.monthly_limit then
        month_end := (b.month + interval '1 month') at time zone 'UTC';
        wait := extract(epoch from month_end - now_);
        reason := 'QUOTA';
        return;
    end if;
    if b.failures >= 5 then
        probe := true;
        update provider_budget set blocked_until = now_ + interval '60 seconds', blocked_reason = 'DOWN' where key = k;
    end if;
    slot := b.period / (b.calls - b.burst);
    t := greatest(b.tat, now_) + slot;
    update provider_budget set tat = t where key = k;
    wait := greatest(0, extract(epoch from (t - slot * b.burst) - now_));
end $$;
"""

TOKENS = """
create table api_tokens (
    id int generated always as identity primary key,
    name text not null unique,
    hash bytea not null unique,           -- SHA-256; the token itself is shown once and never stored
    scopes text[] not null,
    created_at timestamptz not null,
    revoked_at timestamptz
);
"""


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    store = read_store(connection)
    connection.execute(REFERENCE)
    for table, chunk, after in (
        ("price_hourly", "30 days", "35 days"),
        ("price_daily", "365 days", "400 days"),
    ):
        connection.execute(PRICES.format(table=table))
        if store is not Store.POSTGRESQL:
            connection.execute(HYPERTABLE.format(table=table, chunk=chunk))
        connection.execute(KEY.format(table=table))
        if store is Store.TIMESCALEDB_COMMUNITY:
            connection.execute(COMPRESSION.format(table=table, after=after))
    connection.execute(LATEST_AND_REVISIONS)
    connection.execute(REFRESH)
    connection.execute(BUDGETS)
    connection.execute(TOKENS)
    connection.execute(SchemaManager.get_schema())
    with connection.cursor() as cursor:
        cursor.executemany("insert into providers (id, code, rank) values (%s, %s, %s)", PROVIDERS)
        cursor.executemany("insert into currencies (code, name, kind, decimals) values (%s, %s, %s, %s)", CURRENCIES)


def downgrade() -> None:
    raise NotImplementedError("the first migration is not undone: drop the database instead")
