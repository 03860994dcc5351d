"""A table or query of a SQL database as a source of rows."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection, Engine, FromClause
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.sql.visitors import iterate

from monitoring_tasks.data.derived.columns import DerivedColumns
from monitoring_tasks.data.derived.sql import derived_there
from monitoring_tasks.data.dialects import DIALECTS, Dialect, SqlColumn
from monitoring_tasks.data.moments import no_such_column
from monitoring_tasks.derived_section import Derived
from monitoring_tasks.errors import ConfigurationError, MonitoringError, SourceInvalid, SourceUnavailable
from monitoring_tasks.window import Window

log = logging.getLogger(__name__)
# SQLite's own codes for: busy, locked, input/output, cannot open.
_TRANSIENT = {5, 6, 10, 14}


@dataclass(frozen=True)
class Snapshot:
    """An open read transaction on the rows of one window; every statement in it sees the same rows."""

    connection: Connection
    dialect: Dialect
    rows: FromClause
    columns: Mapping[str, SqlColumn]
    timestamp: SqlColumn
    where: ColumnElement[bool]
    derived: Mapping[str, ColumnElement[Any]] = field(default_factory=dict)
    """Columns that are computed of the others."""

    def select(self, *expressions: ColumnElement[Any]) -> sa.Select[Any]:
        """A statement on the window's rows, derived columns among theirs."""
        named = {each.name for one in expressions for each in iterate(one) if isinstance(each, sa.ColumnClause)}
        made = [value.label(name) for name, value in self.derived.items() if name in named]
        if not made:
            return sa.select(*expressions).select_from(self.rows).where(self.where)
        # The offset keeps databases from putting each expression in every place that names its column.
        rows = sa.select(sa.literal_column("*"), *made).select_from(self.rows).where(self.where).offset(0)
        return sa.select(*expressions).select_from(rows.subquery("derived"))

    def fetch(self, statement: sa.Select[Any]) -> list[Any]:
        """All rows a statement returns."""
        return list(self.connection.execute(statement))

    def batches(self, statement: sa.Select[Any], rows: int) -> Iterator[Sequence[Any]]:
        """The rows a statement returns, at most `rows` of them in memory at once."""
        with self.connection.execute(statement, execution_options={"yield_per": rows}) as result:
            yield from result.partitions()


class SqlRows:
    """The rows of a table or of a query; window and columns are the database's to cut out.

    Give one of `table` (optionally `schema.table`; a part with dots or capitals in double quotes) and `query`. SQLite
    and PostgreSQL are supported, else `ConfigurationError`. Moments: `timestamp with` or `without time zone` (UTC) and
    `date` on PostgreSQL; on SQLite text in UTC, with blank or T, with or without seconds, fraction and Z. Columns that
    a monitor derives are columns like the others, which the database computes.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        timestamp: str,
        table: str | None = None,
        query: str | None = None,
        derived: Mapping[str, Derived] | None = None,
    ) -> None:
        name = engine.dialect.name
        if name not in DIALECTS:
            raise ConfigurationError(f"a {name} database cannot be monitored: use one of {', '.join(DIALECTS)}")
        self._engine = engine
        self._dialect = DIALECTS[name]
        self._timestamp = timestamp
        self._derived = DerivedColumns(derived or {})
        self._rows = _table(table) if query is None else _subselect(query)
        self.place = f"{'query' if query else f'table {table}'} in {_address(engine.url)}"

    @contextmanager
    def snapshot(self, window: Window | None) -> Iterator[Snapshot]:
        """One read transaction on the window's rows (all rows when None).

        Raises `SourceUnavailable` when the database does not answer, `SourceInvalid` when the table or the timestamp
        column is missing or holds no moments. Rows without a timestamp belong to no window; their number is logged.
        """
        with self._explained(), self._connect() as connection:
            self._dialect.begin(connection)
            yield self._opened(connection, window)

    def shares_database(self, other: SqlRows) -> bool:
        """Whether one statement can read both."""
        return self._engine.url == other._engine.url

    def beside(self, snapshot: Snapshot, window: Window | None) -> Snapshot:
        """The window's rows in the transaction of another source of the same database; raises as `snapshot` does."""
        with self._explained():
            return self._opened(snapshot.connection, window)

    def columns(self) -> Mapping[str, SqlColumn]:
        """The columns there are, by name."""
        with self.snapshot(None) as snapshot:
            return snapshot.columns

    def fingerprint(self, window: Window | None) -> str:
        """16 hex digits of the number of rows in the window and their first and last moment."""
        with self.snapshot(window) as snapshot:
            moment = snapshot.timestamp.expression
            facts = snapshot.fetch(snapshot.select(sa.func.count(), sa.func.min(moment), sa.func.max(moment)))[0]
        return hashlib.blake2b(json.dumps([str(fact) for fact in facts]).encode(), digest_size=8).hexdigest()

    def _connect(self) -> Connection:
        database = self._engine.url.database or ""
        # SQLite would create a file that is not there, and then miss the table in it.
        if self._engine.dialect.name == "sqlite" and database.startswith("/") and not Path(database).exists():
            raise SourceUnavailable(f"{self.place}: the file does not exist: check the connection's path")
        try:
            return self._engine.connect()
        except SQLAlchemyError as error:
            raise SourceUnavailable(f"{self.place} does not answer: {self._reason(error)}") from None

    def _opened(self, connection: Connection, window: Window | None) -> Snapshot:
        columns = {column.name: column for column in self._dialect.columns(connection, self._rows)}
        if self._timestamp not in columns:
            raise no_such_column(self._timestamp, list(columns), place=self.place)
        moment = columns[self._timestamp]
        where: ColumnElement[bool] = sa.true()
        if window is not None:
            place = f"column {self._timestamp!r} of {self.place}"
            where = self._dialect.within(moment, window, place)
            self._dialect.check(connection, self._rows, moment, window, place)
            self._log_missing(connection, moment)
        made = derived_there(connection, self._derived, columns, place=self.place)
        columns |= {name: column for name, (column, _) in made.items()}
        derived = {name: expression for name, (_, expression) in made.items()}
        return Snapshot(connection, self._dialect, self._rows, columns, moment, where, derived)

    def _log_missing(self, connection: Connection, moment: SqlColumn) -> None:
        statement = sa.select(sa.func.count()).select_from(self._rows).where(moment.expression.is_(None))
        if missing := connection.execute(statement).scalar_one():
            log.warning("timestamp_missing source=%s rows=%d", self.place, missing)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        # The library's own text quotes statement and parameters; the driver's may quote the address. Neither is kept.
        try:
            yield
        except MonitoringError:
            raise
        except DBAPIError as error:
            if _is_transient(error):
                raise SourceUnavailable(f"{self.place} stopped answering: {self._reason(error)}") from None
            raise SourceInvalid(
                f"{self.place} cannot be read: {self._reason(error)}: correct source.table, source.query or the data"
            ) from None

    def _reason(self, error: SQLAlchemyError) -> str:
        text = str(getattr(error, "orig", None) or error).strip().splitlines()
        return _without_secrets(text[0] if text else type(error).__name__, self._engine.url)

    def __repr__(self) -> str:
        return f"SqlRows({self.place})"


def _table(name: str | None) -> FromClause:
    parts = [quoted.replace('""', '"') or plain for quoted, plain in _PART.findall(name or "")]
    if not parts:
        raise ConfigurationError("a SQL source needs a table or a query: set one of source.table and source.query")
    return sa.table(parts[-1], schema=".".join(parts[:-1]) or None)


_PART = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')


def _subselect(query: str) -> FromClause:
    # A colon would start a parameter of SQLAlchemy's; a comment at the end would swallow the closing bracket.
    text = _without_end(query).replace(":", r"\:")
    return sa.text(f"{text}\n").columns().subquery("monitored")


def _without_end(query: str) -> str:
    """The query up to its last word: semicolons, blanks and comments after it would end the statement around it.

    >>> _without_end("SELECT ';--' AS x; -- all rows")
    "SELECT ';--' AS x"
    """
    parts = _PIECE.findall(query)
    while parts and (parts[-1].isspace() or parts[-1].startswith((";", "--", "/*"))):
        parts.pop()
    return "".join(parts)


# A text, a quoted name, a comment, or what stands between them.
_PIECE = re.compile(r"""'[^']*'|"[^"]*"|--[^\n]*|/\*.*?\*/|;|\s+|[^\s'";/-]+|.""", re.DOTALL)


def _address(url: sa.URL) -> str:
    place = "/".join(part for part in (url.host, url.database) if part)
    return f"{url.get_backend_name()} {place}".strip()


def _is_transient(error: DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _TRANSIENT
    return error.connection_invalidated or isinstance(error, OperationalError)


def _without_secrets(text: str, url: sa.URL) -> str:
    # Values of options can be secrets as well (passwords, tokens); hosts and folders are in the address anyway.
    options = [value for key, value in url.query.items() if key != "host" and isinstance(value, str)]
    for secret in filter(None, (url.password, *options)):
        text = text.replace(secret, "***")
    return text
