"""Longer chunks, for each costs every statement a look, whether it holds something of the window or not.

Chunks that exist stay as they are.
"""

from alembic import op

from db.store import Store, read_store

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Ordinary tables stay ordinary: they may have been made before the extension was.
LENGTHEN = """
select set_chunk_time_interval(to_regclass(%(table)s), %(chunk)s::interval)
from timescaledb_information.hypertables
where format('%%I.%%I', hypertable_schema, hypertable_name)::regclass = to_regclass(%(table)s)
"""


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    if read_store(connection) is not Store.POSTGRESQL:
        for table, chunk in (("price_hourly", "90 days"), ("price_daily", "1095 days")):
            connection.execute(LENGTHEN, {"table": table, "chunk": chunk})


def downgrade() -> None:
    raise NotImplementedError("migrations are not undone: restore the backup from before instead")
