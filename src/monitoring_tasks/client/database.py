"""A table of a SQLite or PostgreSQL database, to which many processes add, each batch once."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError

from monitoring_tasks.client.columns import Columns, Kind, Row, is_text
from monitoring_tasks.client.writer import Write
from monitoring_tasks.errors import ConfigurationError

_SLICE = 1000
_ALLOWED = "sqlite:////folder/file.db or postgresql://user:password@host:5432/database"
Record = dict[str, Any]
_SYSTEM = {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}
"""Columns that each table of PostgreSQL has already."""
_LONGEST = 63
_DENIED = ("42501", "54000", "54011")
"""PostgreSQL's codes: no right to add a column, a limit of the program, too many columns."""


class Table:
    """A table that is created when it is missing, and gets a column when the first value for it comes.

    A batch is one transaction, in which the writer notes the batch's number in `<table>_writers`: when the answer to
    the commit was lost, the next try finds the number there and writes nothing. A row the database refuses (a
    constraint, a number too large for its column) is left out and counted in `unfit` as `rows refused`; its batch goes
    on. Types are the table's where it has the column. A column that the table cannot have (by its name, or because it
    may not be added) is left out, and its values are counted in `unfit`. Raises `ConfigurationError` for a URL that is
    none.
    """

    def __init__(self, url: str, table: str, *, columns: Columns, roles: tuple[str, str]) -> None:
        self.columns = columns
        columns.writable = self._writable
        self._engine = sa.create_engine(_with_driver(url), poolclass=sa.NullPool)
        self._schema, _, self._name = table.rpartition(".")
        self._id, self._moment = roles
        self._sqlite = self._engine.dialect.name == "sqlite"

    @property
    def place(self) -> str:
        """Table, database and host, without user and password."""
        url = self._engine.url
        return f"table {self._name} in {url.get_backend_name()} {'/'.join(filter(None, (url.host, url.database)))}"

    def renew(self) -> None:
        """Write under another writer's name; connections are never shared, none is kept open."""
        self._writer = f"{os.getpid()}-{secrets.token_hex(8)}"
        self._batches = 0
        self._there: dict[str, Any] | None = None
        self._denied: set[str] = set()

    def close(self) -> None:
        """Take the writer's own line from the list of writers."""
        with self._engine.begin() as connection:
            writers = self._writers
            connection.execute(sa.delete(writers).where(writers.c.writer == self._writer))

    def writes(self, rows: Sequence[Row]) -> list[Write]:
        """All rows in one transaction."""
        self._batches += 1
        return [partial(self._write, rows, self._batches)]

    def _write(self, rows: Sequence[Row], batch: int) -> None:
        if self._there is None:
            self._there = self._look()
        unfit = self.columns.unfit.copy()
        columns = self._read(rows)
        try:
            self._extend(list(columns))
            some = {name: values for name, values in columns.items() if name not in self._denied}
            with self._engine.begin() as connection:
                if self._claims(connection, batch):
                    self._insert(connection, some)
            for name in self._denied & set(columns):
                self.columns.count(name, sum(value is not None for value in columns[name]))
        except Exception:
            # The next try counts them again, and somebody may have changed the table.
            self.columns.unfit, self._there = unfit, None
            raise

    def _read(self, rows: Sequence[Row]) -> dict[str, list[Any]]:
        """The rows by column, as the database's driver takes them."""
        if self.columns.kinds[self._id] is str:
            # The table may keep as text what the server calls by number.
            rows = [{**row, self._id: str(row[self._id])} for row in rows]
        found: dict[str, list[Any]] = {}
        for first in range(0, len(rows), _SLICE):
            for name, values in self.columns.values(rows[first : first + _SLICE]).items():
                known = found.setdefault(name, [None] * first)
                known += [None] * (first - len(known))
                known += self._written(name, values)
            # The server's threads need not wait for a whole batch.
            time.sleep(0)
        return {name: values + [None] * (len(rows) - len(values)) for name, values in found.items()}

    def _written(self, name: str, values: list[Any]) -> list[Any]:
        kind = self.columns.kinds[name]
        if self._sqlite and kind is datetime:
            return [value and f"{value:%Y-%m-%d %H:%M:%S.%f}" for value in values]
        if self._sqlite and kind is bool:
            return [value if value is None else int(value) for value in values]
        zone = getattr((self._there or {}).get(name), "timezone", True)
        return values if zone else [value and value.astimezone(UTC).replace(tzinfo=None) for value in values]

    def _writable(self, name: str) -> bool:
        """Whether the table can have a column of that name beside the others."""
        if not name.strip() or "\0" in name or not is_text(name):
            return False
        # The library takes this for one of the parameters below.
        known = not self._sqlite and name in _SYSTEM
        return not known and not re.search(r"%\(c\d+\)s", name) and not self._doubles(name)

    def _doubles(self, name: str) -> bool:
        """Whether the database would take the name for that of another column of the log."""
        return any(other != name and self._stored(other) == self._stored(name) for other in self.columns.kinds)

    def _stored(self, name: str) -> bytes:
        """A name as the database tells it from others."""
        return name.encode().lower() if self._sqlite else name.encode()[:_LONGEST].decode(errors="ignore").encode()

    def _look(self) -> dict[str, Any]:
        """The columns there are; none when there is no table yet."""
        inspector = sa.inspect(self._engine)
        if not inspector.has_table(self._name, schema=self._schema or None):
            return {}
        found = {
            str(column["name"]): column["type"] for column in inspector.get_columns(self._name, self._schema or None)
        }
        if not self._sqlite:
            self.columns.kinds.update({name: _kind(column) for name, column in found.items()})
        return found

    def _extend(self, names: Sequence[str]) -> None:
        """Create what is missing: the table, the list of writers, columns."""
        there = {self._stored(name) for name in self._there or {}}
        missing = [name for name in names if self._stored(name) not in there and name not in self._denied]
        if there and not missing and self._batches > 1:
            return
        with self._engine.begin() as connection:
            self._writers.create(connection, checkfirst=True)
            if not there:
                self._table(names).create(connection, checkfirst=True)
            for name in missing if there else ():
                self._try_to_add(connection, name)
        self._there = self._look()

    def _try_to_add(self, connection: sa.Connection, name: str) -> None:
        try:
            with connection.begin_nested():
                self._add(connection, name)
        except DBAPIError as error:
            if getattr(error.orig, "pgcode", None) not in _DENIED:
                raise
            self._denied.add(name)

    def _add(self, connection: sa.Connection, name: str) -> None:
        quoted = connection.dialect.identifier_preparer
        kind = self._type(name).compile(dialect=connection.dialect)
        unless = "" if self._sqlite else "IF NOT EXISTS "
        table = quoted.format_table(sa.table(self._name, schema=self._schema or None))
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {unless}{quoted.quote(name)} {kind}")

    def _table(self, names: Sequence[str]) -> sa.Table:
        known = dict.fromkeys([self._id, self._moment, *names, *self.columns.kinds])
        table = sa.Table(
            self._name,
            sa.MetaData(schema=self._schema or None),
            *(sa.Column(name, self._type(name), nullable=name not in (self._id, self._moment)) for name in known),
        )
        sa.Index(None, table.c[self._moment], _table=table)
        return table

    def _type(self, name: str) -> sa.types.TypeEngine[Any]:
        kind = self.columns.kinds[name]
        return sa.Text() if self._sqlite and kind is datetime else _TYPES[kind]

    @property
    def _writers(self) -> sa.Table:
        return sa.Table(
            f"{self._name}_writers",
            sa.MetaData(schema=self._schema or None),
            sa.Column("writer", sa.Text, primary_key=True),
            sa.Column("batch", sa.BigInteger, nullable=False),
        )

    def _claims(self, connection: sa.Connection, batch: int) -> bool:
        """Whether the batch is new; notes it in the same transaction."""
        writers, mine = self._writers, {"writer": self._writer}
        newer = sa.update(writers).where(writers.c.writer == self._writer, writers.c.batch < batch).values(batch=batch)
        if connection.execute(newer).rowcount:
            return True
        known = connection.execute(sa.select(writers.c.batch).where(writers.c.writer == self._writer)).first()
        if known is None:
            connection.execute(sa.insert(writers), [{**mine, "batch": batch}])
        return known is None

    def _insert(self, connection: sa.Connection, columns: Mapping[str, list[Any]]) -> None:
        # Names of our own for the parameters: a column's may hold what a driver takes for its own signs.
        target = sa.table(self._name, *map(sa.column, columns), schema=self._schema or None)
        statement = sa.insert(target).values({name: sa.bindparam(f"c{place}") for place, name in enumerate(columns)})
        values = zip(*columns.values(), strict=True)
        records = [{f"c{place}": value for place, value in enumerate(row)} for row in values]
        try:
            with connection.begin_nested():
                connection.execute(statement, records)
        except DBAPIError as error:
            if not _is_of_rows(error):
                raise
            self._insert_singly(connection, statement, records)

    def _insert_singly(self, connection: sa.Connection, statement: sa.Insert, records: Sequence[Record]) -> None:
        for record in records:
            try:
                with connection.begin_nested():
                    connection.execute(statement, [record])
            except DBAPIError as error:
                if not _is_of_rows(error):
                    raise
                self.columns.unfit["rows refused"] += 1


def _is_of_rows(error: DBAPIError) -> bool:
    """Whether the database refused what the rows hold, a row that is too large for its page included."""
    return isinstance(error, IntegrityError | DataError) or getattr(error.orig, "pgcode", None) in _DENIED[1:]


def _with_driver(url: str) -> sa.URL:
    try:
        made = sa.make_url(url)
    except (ArgumentError, ValueError):
        # The library's own text quotes the URL, password and all.
        raise ConfigurationError(f"the URL of a log is none that SQLAlchemy reads: write {_ALLOWED}") from None
    if made.get_backend_name() == "sqlite" and made.database:
        return made
    if made.drivername not in ("postgres", "postgresql", "postgresql+psycopg2", "postgresql+psycopg"):
        raise ConfigurationError(f"a log cannot be kept in {made.drivername}://{made.database or ''}: write {_ALLOWED}")
    # SQLAlchemy 2.1 changed the driver that "postgresql" stands for.
    driver = made.drivername if "+" in made.drivername else "postgresql+psycopg2"
    # A server that is gone answers to nothing, for minutes.
    return made.set(drivername=driver, query={"connect_timeout": "10", **made.query})


def _kind(column: Any) -> Kind:
    kinds: tuple[tuple[Any, Kind], ...] = (
        (sa.Boolean, bool),
        (sa.Integer, int),
        ((sa.Numeric, sa.Float), float),
        (sa.DateTime, datetime),
        (sa.Date, datetime),
    )
    return next((kind for types, kind in kinds if isinstance(column, types)), str)


_TYPES: Mapping[Kind, sa.types.TypeEngine[Any]] = {
    float: sa.Double(),
    int: sa.BigInteger(),
    str: sa.Text(),
    bool: sa.Boolean(),
    datetime: sa.DateTime(timezone=True),
}
