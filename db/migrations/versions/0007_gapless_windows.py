"""Windows of a series in which planning has missed no bucket, so that they are counted once."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

GAPLESS = """
-- The windows of one series never touch.
create table gapless_windows (
    coin_id int not null,
    currency_id smallint not null,
    granularity text not null check (granularity in ('HOURLY', 'DAILY')),
    from_ts timestamptz not null,
    to_ts timestamptz not null check (to_ts > from_ts),
    primary key (coin_id, currency_id, granularity, from_ts)
) with (fillfactor = 70);                 -- updated in place, day by day
"""
# Whoever removes a point says so before the transaction ends, and planning when it writes down what it saw; the lock is
# for both. Row by row, as hypertables allow nothing else. Migration 0010 puts something simpler in its place.
FORGET = """
create function forget_gapless() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(7204511971);
    if tg_op = 'TRUNCATE' then
        delete from gapless_windows where granularity = tg_argv[0];
    else
        delete from gapless_windows
        where coin_id = old.coin_id and currency_id = old.currency_id and granularity = tg_argv[0]
          and from_ts <= old.ts and to_ts > old.ts;
    end if;
    return null;
end $$;
"""
TRIGGERS = """
create trigger forget_gapless after delete or update of coin_id, currency_id, ts on {table}
    for each row execute function forget_gapless('{granularity}');
create trigger forget_gapless_all after truncate on {table}
    for each statement execute function forget_gapless('{granularity}');
"""


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    connection.execute(GAPLESS)
    connection.execute(FORGET)
    for granularity, table in (("HOURLY", "price_hourly"), ("DAILY", "price_daily")):
        connection.execute(TRIGGERS.format(table=table, granularity=granularity))


def downgrade() -> None:
    raise NotImplementedError("migrations are not undone: restore the backup from before instead")
