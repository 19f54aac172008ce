"""Which buckets of a series are stored, kept as windows by triggers: planning need not count points."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# A row for each stretch of a series, 90 days of hours or three years of days: however many holes there are, none grows
# beyond some twenty kilobytes.
WINDOWS = """
create table stored_windows (
    coin_id int not null,
    currency_id smallint not null,
    granularity text not null check (granularity in ('HOURLY', 'DAILY')),
    from_ts timestamptz not null,
    stored tstzmultirange not null,
    primary key (coin_id, currency_id, granularity, from_ts)
) with (fillfactor = 70);                 -- updated in place, with every point that is new
"""
# Of an insert that became an update the table of new rows holds nothing. In the order of the key, so that statements
# that write to the same rows do not wait for each other in a circle.
ADD = """
create function add_stored_windows() returns trigger language plpgsql as $$
declare
    width interval := tg_argv[1];
    stretch interval := tg_argv[2];
begin
    insert into stored_windows as w (coin_id, currency_id, granularity, from_ts, stored)
    select coin_id, currency_id, tg_argv[0], date_bin(stretch, ts, 'epoch') as from_ts,
           range_agg(tstzrange(ts, ts + width))
    from new_points
    group by coin_id, currency_id, from_ts
    order by coin_id, currency_id, from_ts
    on conflict (coin_id, currency_id, granularity, from_ts) do update set stored = w.stored + excluded.stored;
    return null;
end $$;
"""
# One by one: TimescaleDB allows no table of deleted rows, for it may delete compressed ones by the batch, unread.
TAKE = """
create function take_stored_window() returns trigger language plpgsql as $$
declare
    width interval := tg_argv[1];
    stretch interval := tg_argv[2];
begin
    update stored_windows set stored = stored - tstzmultirange(tstzrange(old.ts, old.ts + width))
    where coin_id = old.coin_id and currency_id = old.currency_id and granularity = tg_argv[0]
      and from_ts = date_bin(stretch, old.ts, 'epoch');
    if tg_op = 'UPDATE' then
        insert into stored_windows as w (coin_id, currency_id, granularity, from_ts, stored)
        values (new.coin_id, new.currency_id, tg_argv[0], date_bin(stretch, new.ts, 'epoch'),
                tstzmultirange(tstzrange(new.ts, new.ts + width)))
        on conflict (coin_id, currency_id, granularity, from_ts) do update set stored = w.stored + excluded.stored;
    end if;
    return null;
end $$;

create function take_all_stored_windows() returns trigger language plpgsql as $$
begin
    delete from stored_windows where granularity = tg_argv[0];
    return null;
end $$;
"""
# For what happens behind the back of triggers. Nobody may write meanwhile; readers may read.
REBUILD = """
create function rebuild_stored_windows() returns void language plpgsql as $$
begin
    lock table price_hourly, price_daily in share row exclusive mode;
    delete from stored_windows;
    {tables}
end $$;
"""
REBUILD_TABLE = """
    insert into stored_windows (coin_id, currency_id, granularity, from_ts, stored)
    select coin_id, currency_id, '{granularity}', date_bin('{stretch}', ts, 'epoch') as from_ts,
           range_agg(tstzrange(ts, ts + interval '{width}'))
    from {table} group by coin_id, currency_id, from_ts;
"""
TRIGGERS = """
create trigger add_stored_windows after insert on {table} referencing new table as new_points
    for each statement execute function add_stored_windows('{granularity}', '{width}', '{stretch}');
create trigger take_stored_window after delete or update of coin_id, currency_id, ts on {table}
    for each row execute function take_stored_window('{granularity}', '{width}', '{stretch}');
create trigger take_all_stored_windows after truncate on {table}
    for each statement execute function take_all_stored_windows('{granularity}');
"""
# In hours: a day across a change of clocks in the session's time zone would not have 24 of them.
TABLES = (
    {"granularity": "HOURLY", "table": "price_hourly", "width": "1 hour", "stretch": "2160 hours"},
    {"granularity": "DAILY", "table": "price_daily", "width": "24 hours", "stretch": "26280 hours"},
)
# What came before: windows that planning had counted. Last, as nobody can read a table while its trigger is dropped.
NO_LONGER = """
drop trigger if exists forget_gapless on {table};
drop trigger if exists forget_gapless_all on {table};
"""


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    rebuild = REBUILD.format(tables="".join(REBUILD_TABLE.format(**table) for table in TABLES))
    for text in (WINDOWS, ADD, TAKE, rebuild, *(TRIGGERS.format(**table) for table in TABLES)):
        connection.execute(text)
    connection.execute("select rebuild_stored_windows()")
    for table in TABLES:
        connection.execute(NO_LONGER.format(**table))
    connection.execute("drop function forget_gapless()")
    connection.execute("drop table gapless_windows")


def downgrade() -> None:
    raise NotImplementedError("migrations are not undone: restore the backup from before instead")
