"""The triggers of what stored_windows replaced."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = ("price_hourly", "price_daily")


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    for table in TABLES:
        connection.execute(f"drop trigger if exists forget_gapless on {table}")
        connection.execute(f"drop trigger if exists forget_gapless_all on {table}")
    connection.execute("drop function forget_gapless()")


def downgrade() -> None:
    raise NotImplementedError("migrations are not undone: restore the backup from before instead")
