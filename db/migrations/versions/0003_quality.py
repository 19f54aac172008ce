"""Revisions in the order they happened, who set a price by hand, and what is wrong with the data."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

REVISIONS = """
alter table price_revisions add column id bigint generated always as identity;  -- the order of the changes
create unique index price_revisions_newest on price_revisions (coin_id, currency_id, granularity, id);
-- What people did to single points, and why.
create table manual_changes (
    id bigint generated always as identity primary key,
    coin_id int not null,
    currency_id smallint not null,
    granularity text not null check (granularity in ('HOURLY', 'DAILY')),
    ts timestamptz not null,
    revision int,                         -- of the point that came of it; null: it changed nothing
    note text,
    changed_by text not null,
    changed_at timestamptz not null,
    unique (coin_id, currency_id, granularity, ts, revision)
);
"""
ISSUES = """
create table data_issues (
    id bigint generated always as identity primary key,
    kind text not null check (kind in ('SCHEMA_DRIFT', 'ID_NOT_FOUND', 'REJECTED_ROWS', 'OUTLIER')),
    state text not null default 'OPEN' check (state in ('OPEN', 'ACKNOWLEDGED', 'RESOLVED')),
    coin_id int not null references coins,
    currency_id smallint references currencies,   -- null: whatever the currency
    provider_id smallint not null references providers,
    from_ts timestamptz,                  -- the samples concerned; null: whatever the time
    to_ts timestamptz,
    message text not null,
    occurrences int not null,
    evidence jsonb not null,              -- [{time, value, note}], the newest samples first
    detected_at timestamptz not null,
    last_seen_at timestamptz not null,
    acknowledged_by text,
    acknowledged_at timestamptz,
    resolved_at timestamptz
);
create unique index data_issues_one_open on data_issues (kind, coin_id, currency_id, provider_id)
    nulls not distinct where state <> 'RESOLVED';
create index data_issues_coin on data_issues (coin_id, id);
create index data_issues_resolved on data_issues (resolved_at) where state = 'RESOLVED';
"""


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    connection.execute(REVISIONS)
    connection.execute(ISSUES)


def downgrade() -> None:
    raise NotImplementedError("migrations are not undone: restore the backup from before instead")
