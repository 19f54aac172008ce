"""What is wrong with the data, as far as the workers noticed; and revisions in the order they happened."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

QUALITY = """
create index price_revisions_coin on price_revisions (coin_id, replaced_at);
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(QUALITY)


def downgrade() -> None:
    raise NotImplementedError("migrations are not undone: restore the backup from before instead")
