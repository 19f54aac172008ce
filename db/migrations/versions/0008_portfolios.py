"""Portfolios: accounts, their transactions, what their sources reported, and the runs that ask the sources."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OWNERS = """
-- Whose data a token sees: several tokens may have one owner.
alter table api_tokens add column owner text;
update api_tokens set owner = name;
alter table api_tokens alter column owner set not null;
"""
ASSETS = """
-- What can be held: a coin, or money.
create table assets (
    id int generated always as identity primary key,
    coin_id int unique references coins,
    currency_id smallint unique references currencies,
    check (num_nonnulls(coin_id, currency_id) = 1)
);
"""
ACCOUNTS = """
create table portfolios (
    id bigint generated always as identity primary key,
    owner text not null,
    name text not null check (name <> ''),
    currency_id smallint not null references currencies,
    created_at timestamptz not null,
    unique (owner, name)
);
create table accounts (
    id bigint generated always as identity primary key,
    portfolio_id bigint not null references portfolios on delete cascade,
    kind text not null check (kind in ('MANUAL', 'COINBASE', 'BITCOIN')),
    label text not null check (label <> ''),
    created_at timestamptz not null,
    address text,              -- BITCOIN
    key_name text,             -- COINBASE: which key; names no secret
    secret bytea,              -- COINBASE: the private key, encrypted
    -- How the newest sync went; SYNCING and STALE follow from the runs and the clock.
    status text not null default 'OK' check (status in ('OK', 'AUTH_FAILED', 'INCOMPLETE', 'ERROR')),
    problem text,              -- in words; null when there is none
    last_synced_at timestamptz,
    unique (portfolio_id, label),
    check ((kind = 'BITCOIN') = (address is not null)),
    check ((kind = 'COINBASE') = (key_name is not null and secret is not null))
);
-- Assets of a source that no coin is known for, by the source's own name: not valued, and said so.
create table unknown_assets (
    account_id bigint not null references accounts on delete cascade,
    code text not null,
    quantity numeric(38, 18) not null,
    seen_at timestamptz not null,
    primary key (account_id, code)
);
"""
TRANSACTIONS = """
create table transactions (
    id bigint generated always as identity primary key,
    account_id bigint not null references accounts on delete cascade,
    asset_id int not null references assets,
    kind text not null
        check (kind in ('BUY', 'SELL', 'DEPOSIT', 'WITHDRAWAL', 'FEE', 'REWARD', 'TRANSFER_IN', 'TRANSFER_OUT')),
    at timestamptz not null check (isfinite(at)),
    -- Never negative; the kind says which way it goes.
    quantity numeric(38, 18) not null check (quantity > 0 and quantity <> 'NaN'),
    unit_price numeric(38, 18) check (unit_price >= 0 and unit_price <> 'NaN'),
    unit_price_currency_id smallint references currencies,
    fee numeric(38, 18) check (fee >= 0 and fee <> 'NaN'),
    fee_currency_id smallint references currencies,
    external_id text,          -- the source's own; a transaction comes in once
    created_at timestamptz not null,
    -- A change of the quantity held: what every sum is made of.
    change numeric(38, 18) not null generated always as
        (case when kind in ('BUY', 'DEPOSIT', 'REWARD', 'TRANSFER_IN') then quantity else -quantity end) stored,
    check ((unit_price is null) = (unit_price_currency_id is null)),
    check ((fee is null) = (fee_currency_id is null))
);
create unique index transactions_external on transactions (account_id, external_id) where external_id is not null;
create index transactions_account on transactions (account_id, at, id);
-- The two sides of a transfer between accounts of one portfolio. What is in here makes no gain.
create table transfers (
    outgoing_id bigint primary key references transactions on delete cascade,
    incoming_id bigint not null unique references transactions on delete cascade
);
-- Pairs that a person took apart: they are not found again.
create table transfers_refused (
    outgoing_id bigint not null references transactions on delete cascade,
    incoming_id bigint not null references transactions on delete cascade,
    primary key (outgoing_id, incoming_id)
);
create index transfers_refused_incoming on transfers_refused (incoming_id);
"""
BALANCES = """
-- What sources reported. Append-only: a row says what was reported at that time, and stays.
create table balances (
    account_id bigint not null references accounts on delete cascade,
    asset_id int not null references assets,
    taken_at timestamptz not null,
    quantity numeric(38, 18) not null,
    primary key (account_id, asset_id, taken_at)
);
create function balances_are_kept() returns trigger language plpgsql as $$
begin
    -- An account that is removed takes its rows with it: that is a delete of depth 2, by the foreign key.
    if tg_op = 'DELETE' and pg_trigger_depth() > 1 then
        return old;
    end if;
    raise exception 'balances are append-only' using errcode = 'restrict_violation';
end $$;
create trigger balances_append_only before update or delete on balances
    for each row execute function balances_are_kept();
"""
SYNCS = """
create table sync_runs (
    id bigint generated always as identity primary key,
    account_id bigint not null references accounts on delete cascade,
    status text not null
        check (status in ('QUEUED', 'RUNNING', 'WAITING_RATE_LIMIT', 'SUCCEEDED', 'PARTIAL', 'FAILED', 'CANCELLED')),
    requested_by text not null,
    attempts int not null default 0,
    requests int not null default 0,
    progress jsonb,            -- how far it has come; where it goes on after a crash
    transactions_new int not null default 0,
    error_code text,
    error_message text,
    created_at timestamptz not null,
    started_at timestamptz,
    heartbeat_at timestamptz,
    resumes_at timestamptz,
    finished_at timestamptz
);
create unique index sync_runs_open on sync_runs (account_id) where finished_at is null;
create index sync_runs_account on sync_runs (account_id, id desc);
"""


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    for statements in (OWNERS, ASSETS, ACCOUNTS, TRANSACTIONS, BALANCES, SYNCS):
        connection.execute(statements)


def downgrade() -> None:
    raise NotImplementedError("migrations are not undone: restore the backup from before instead")
