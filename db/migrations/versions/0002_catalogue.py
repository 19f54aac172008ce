"""The whole catalogue of a provider: what a coin is about, whether it is still listed, and search by similarity."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COINS = """
create extension if not exists pg_trgm;
alter table coins
    add column description text,
    add column homepage text,
    -- When a worker may next ask what the coin is about.
    add column describe_at timestamptz not null default '-infinity',
    -- `platform:address`, as the provider lists them.
    add column contracts text[] not null default '{}',
    add column unlisted_at timestamptz,   -- since when the provider's list lacks it; null: it is listed
    add column untracked_at timestamptz;  -- when somebody stopped its refresh; null: the configuration may start it
create index coins_tracked on coins (id) where tracked;
create index coins_lower_slug on coins (lower(slug));
create index coins_lower_name on coins (lower(name));
create index coins_search on coins using gin (lower(name) gin_trgm_ops, lower(symbol) gin_trgm_ops,
                                              lower(slug) gin_trgm_ops);
"""
PROVIDER_IDS = """
alter table coin_provider_ids add column former boolean not null default false;  -- the provider renamed it since
create unique index coin_provider_ids_current on coin_provider_ids (provider_id, coin_id) where not former;
create index coin_provider_ids_lower on coin_provider_ids (lower(provider_coin_id));
"""
SYNC = """
-- When a worker may next ask for the whole list.
alter table providers add column catalogue_at timestamptz not null default '-infinity';
"""


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    for statements in (COINS, PROVIDER_IDS, SYNC):
        connection.execute(statements)


def downgrade() -> None:
    raise NotImplementedError("migrations are not undone: restore the backup from before instead")
