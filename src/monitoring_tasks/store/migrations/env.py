"""Run by Alembic: applies the migrations on the connection that `monitoring_tasks.store.migrate` has opened."""

from __future__ import annotations

from alembic import context

from monitoring_tasks.store.schema import METADATA, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, version_table=VERSION_TABLE
)
with context.begin_transaction():
    context.run_migrations()
