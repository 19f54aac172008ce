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
# Rows one by one, for TimescaleDB allows no table of deleted ones: it may delete compressed ones by the batch, unread.
# So they are noted, and taken at the end of the statement all at once: to change a row again and again in a transaction
# takes longer each time. Nobody ever sees a note of somebody else.
TAKE = """
create unlogged table moved_points (
    coin_id int not null,
    currency_id smallint not null,
    granularity text not null,
    ts timestamptz not null,
    stored boolean not null               -- whether there is a point now
);

create function note_moved_point() returns trigger language plpgsql as $$
begin
    insert into moved_points values (old.coin_id, old.currency_id, tg_argv[0], old.ts, false);
    if tg_op = 'UPDATE' then
        insert into moved_points values (new.coin_id, new.currency_id, tg_argv[0], new.ts, true);
    end if;
    return null;
end $$;

create function take_stored_windows() returns trigger language plpgsql as $$
declare
    width interval := tg_argv[1];
    stretch interval := tg_argv[2];
begin
    update stored_windows w set stored = w.stored - m.gone
    from (
        select coin_id, currency_id, date_bin(stretch, ts, 'epoch') as from_ts,
               range_agg(tstzrange(ts, ts + width)) as gone
        from moved_points where granularity = tg_argv[0] and not stored
        group by coin_id, currency_id, from_ts
    ) m
    where (w.coin_id, w.currency_id, w.granularity, w.from_ts) = (m.coin_id, m.currency_id, tg_argv[0], m.from_ts);
    insert into stored_windows as w (coin_id, currency_id, granularity, from_ts, stored)
    select coin_id, currency_id, tg_argv[0], date_bin(stretch, ts, 'epoch') as from_ts,
           range_agg(tstzrange(ts, ts + width))
    from moved_points where granularity = tg_argv[0] and stored
    group by coin_id, currency_id, from_ts
    order by coin_id, currency_id, from_ts
    on conflict (coin_id, currency_id, granularity, from_ts) do update set stored = w.stored + excluded.stored;
    delete from moved_points where granularity = tg_argv[0];
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
create trigger note_moved_point after delete or update of coin_id, currency_id, ts on {table}
    for each row execute function note_moved_point('{granularity}');
create trigger take_stored_windows after delete or update of coin_id, currency_id, ts on {table}
    for each statement execute function take_stored_windows('{granularity}', '{width}', '{stretch}');
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
