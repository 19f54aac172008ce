"""The whole catalogue of a provider: what a coin is about, when it was last listed, and search by similarity."""

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
    add column described_at timestamptz,  -- when description and homepage were asked for
    add column listed_at timestamptz;     -- when the provider last listed the coin
create index coins_search on coins using gin (lower(name) gin_trgm_ops, lower(symbol) gin_trgm_ops,
                                              lower(slug) gin_trgm_ops);
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(COINS)


def downgrade() -> None:
    raise NotImplementedError("migrations are not undone: restore the backup from before instead")
