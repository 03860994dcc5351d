"""Where a log's place leads: a folder or a database."""

from __future__ import annotations

import re

from monitoring_tasks.client.columns import Columns
from monitoring_tasks.client.files import Folder
from monitoring_tasks.client.writer import Destination


def destination(place: str, table: str, *, columns: Columns, roles: tuple[str, str]) -> Destination:
    """What writes to a place; nothing is opened yet. `roles` are the columns of the id and of the moment.

    Raises `ConfigurationError` for a scheme that nothing installed can write to.
    """
    match = re.match(r"([A-Za-z][\w.-]*)(\+\w+)?://", place)
    if match is not None and match[1].lower() in ("sqlite", "postgres", "postgresql"):
        # Only who logs to a database waits for SQLAlchemy's import.
        from monitoring_tasks.client.database import Table

        return Table(place, table, columns=columns, roles=roles)
    return Folder(place, columns=columns, moment=roles[1])
