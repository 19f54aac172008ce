"""A version for each series, so that what a process keeps of closed history is known to be current."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Random, not counted up: after a restored backup, or a failover that lost a transaction, a counter would come by the
# same number again with other data behind it.
VERSIONS = """
create table series_versions (
    coin_id int not null,
    currency_id smallint not null,
    granularity text not null check (granularity in ('HOURLY', 'DAILY')),
    version bigint not null default (random() * 2 ^ 62)::bigint,
    primary key (coin_id, currency_id, granularity)
) with (fillfactor = 70);                 -- updated in place, over and over
insert into series_versions (coin_id, currency_id, granularity)
select coin_id, currency_id, granularity from price_latest, unnest(array['HOURLY', 'DAILY']) granularity;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(VERSIONS)


def downgrade() -> None:
    raise NotImplementedError("migrations are not undone: restore the backup from before instead")
