"""Alembic migrations of the results store. A test holds them equal to the tables of `monitoring_tasks.store.schema`."""
