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
# They write with the rights of the tables' owner, so that who may insert prices needs no others, and find their tables
# whatever the session's search_path is, as when a dump is loaded.
FUNCTION = """
create function {name}() returns trigger language plpgsql security definer set search_path = {schema}, pg_temp as $$
{body}
$$;
revoke execute on function {name}() from public;
"""
# Of an insert that became an update the table of new rows holds nothing. In the order of the key, so that statements
# that write to the same rows do not wait for each other in a circle.
ADD = """
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
end
"""
# Rows one by one, for TimescaleDB allows no table of deleted ones: it may delete compressed ones by the batch, unread.
# So they are noted, and seen to at the end of the statement all at once: to change a row again and again in a
# transaction takes longer each time. Notes of other transactions are of writes to single chunks, which have no end.
NOTES = """
create unlogged table moved_points (
    coin_id int not null,
    currency_id smallint not null,
    granularity text not null,
    ts timestamptz not null,
    noted_by xid8 not null default pg_current_xact_id()
);
"""
NOTE = """
begin
    insert into moved_points values (old.coin_id, old.currency_id, tg_argv[0], old.ts);
    if tg_op = 'UPDATE' then
        insert into moved_points values (new.coin_id, new.currency_id, tg_argv[0], new.ts);
    end if;
    return null;
end
"""
# Whatever was noted: is there a point now? The same statement may have put one where it took one away.
TAKE = """
declare
    parameters constant text[] := array[tg_argv[0], tg_argv[1], tg_argv[2]];
    moved constant text := format($q$
        select coin_id, currency_id, date_bin($1[3]::interval, ts, 'epoch') as from_ts,
               range_agg(tstzrange(ts, ts + $1[2]::interval)) as windows
        from moved_points m
        where granularity = $1[1] and noted_by = pg_current_xact_id()
          and %%s (select from %I p where (p.coin_id, p.currency_id, p.ts) = (m.coin_id, m.currency_id, m.ts))
        group by coin_id, currency_id, from_ts
        order by coin_id, currency_id, from_ts
    $q$, tg_table_name);
begin
    execute format($q$
        update stored_windows w set stored = w.stored - m.windows from (%s) m
        where (w.coin_id, w.currency_id, w.granularity, w.from_ts) = (m.coin_id, m.currency_id, $1[1], m.from_ts)
    $q$, format(moved, 'not exists')) using parameters;
    execute format($q$
        insert into stored_windows as w (coin_id, currency_id, granularity, from_ts, stored)
        select coin_id, currency_id, $1[1], from_ts, windows from (%s) m
        on conflict (coin_id, currency_id, granularity, from_ts) do update set stored = w.stored + excluded.stored
    $q$, format(moved, 'exists')) using parameters;
    delete from moved_points where granularity = tg_argv[0] and noted_by = pg_current_xact_id();
    return null;
end
"""
# An older snapshot would not see what others wrote down since.
REFUSE = """
create function refuse_old_snapshot() returns void language plpgsql as $$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'only in a transaction that is READ COMMITTED' using errcode = 'invalid_transaction_state';
    end if;
end $$;
"""
TAKE_ALL = """
begin
    perform refuse_old_snapshot();
    delete from stored_windows where granularity = tg_argv[0];
    return null;
end
"""
FUNCTIONS = {
    "add_stored_windows": ADD,
    "note_moved_point": NOTE,
    "take_stored_windows": TAKE,
    "take_all_stored_windows": TAKE_ALL,
}
# For what happens behind the back of triggers. Nobody may write meanwhile; readers may read.
REBUILD = """
create function rebuild_stored_windows() returns void language plpgsql set search_path = {schema}, pg_temp as $$
begin
    perform refuse_old_snapshot();
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
# What came before: windows that planning had counted. Its triggers go with the next migration, in a transaction of
# their own: nobody can read a table while a trigger of it is dropped.
NO_LONGER = """
create or replace function forget_gapless() returns trigger language plpgsql as $$ begin return null; end $$;
drop table gapless_windows;
"""


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    [schema] = connection.execute("select quote_ident(current_schema())").fetchone()
    rebuild = "".join(REBUILD_TABLE.format(**table) for table in TABLES)
    texts = [WINDOWS, NOTES, REFUSE]
    texts += [FUNCTION.format(name=name, schema=schema, body=body) for name, body in FUNCTIONS.items()]
    texts += [REBUILD.format(schema=schema, tables=rebuild)]
    texts += [TRIGGERS.format(**table) for table in TABLES]
    for text in (*texts, "select rebuild_stored_windows()", NO_LONGER):
        connection.execute(text)


def downgrade() -> None:
    raise NotImplementedError("migrations are not undone: restore the backup from before instead")
