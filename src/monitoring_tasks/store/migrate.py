"""Bringing a database to the schema of this code, safely when several processes open it at once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from monitoring_tasks.errors import StoreUnavailable
from monitoring_tasks.store.schema import REVISION, VERSION_TABLE

if TYPE_CHECKING:
    from alembic.config import Config

_log = logging.getLogger(__name__)
_LOCK = 0x6D6F6E69746F72  # any number will do that nobody else uses in this database ("monitor" in ASCII)


def migrate(engine: Engine) -> None:
    """Bring the database to the newest schema; nothing but one look when it is there already.

    The schema is changed in one transaction under a lock (PostgreSQL: advisory; SQLite: the write lock), so that of
    several processes one migrates and the others find it done. Raises `StoreUnavailable` when the database is newer.
    """
    with engine.connect() as connection:
        if revision(connection) == REVISION:
            return
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        _lock(connection)
        found = revision(connection)
        if found != REVISION:
            _upgrade(connection, found)


def revision(connection: Connection) -> str | None:
    """The schema revision of the database; None when it is empty."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608  own constant
    return found


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = '60s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})


def _upgrade(connection: Connection, found: str | None) -> None:
    # Imported here: most processes find the schema in place and need no Alembic.
    from alembic import command
    from alembic.script import ScriptDirectory

    config = alembic_config(connection)
    known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    if found is not None and found not in known:
        raise StoreUnavailable(
            f"the results store is at schema revision {found!r}, which is newer than this code knows (newest: "
            f"{REVISION!r}): install the version of monitoring-tasks that migrated it, or a later one"
        )
    command.upgrade(config, "head")
    _log.info("results store migrated from=%s to=%s", found, REVISION)


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration for the migrations in this package, run on an open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "monitoring_tasks.store:migrations")
    config.attributes["connection"] = connection
    return config
