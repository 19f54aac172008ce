"""The schedule; provisional points, which the next history answer confirms; runs that were cancelled; rates."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PROVISIONAL = """
alter table {table} add column provisional boolean not null default false;
create index {table}_provisional on {table} (coin_id, currency_id, ts) where provisional;
"""
SCHEDULE = """
-- The newest tick of each job that a worker took: of many workers one does it.
create table schedule_ticks (
    job text primary key,
    ticked_at timestamptz not null
);
alter table provider_budget add column last_success_at timestamptz;
"""
CANCELLED = """
alter table refresh_runs drop constraint refresh_runs_status_check;
alter table refresh_runs add constraint refresh_runs_status_check
    check (status in ('QUEUED', 'RUNNING', 'WAITING_RATE_LIMIT', 'SUCCEEDED', 'PARTIAL', 'FAILED', 'CANCELLED'));
"""
RATES = """
-- A currency is stored for every tracked coin (tracked), or for this coin alone: then prices of other coins are
-- converted through it.
alter table currencies add column rate_coin_id int references coins;
"""


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    for table in ("price_hourly", "price_daily"):
        connection.execute(PROVISIONAL.format(table=table))
    connection.execute(SCHEDULE)
    connection.execute(CANCELLED)
    connection.execute(RATES)


def downgrade() -> None:
    raise NotImplementedError("migrations are not undone: restore the backup from before instead")
