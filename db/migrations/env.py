"""Alembic's entry: runs on the connection that `db.migrate` hands over, which holds the migration lock."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
