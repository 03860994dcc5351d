"""The database beneath the store: how it is opened, and how each transaction begins, ends and fails."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from monitoring_tasks.errors import ConfigurationError, StoreUnavailable

BUSY_SECONDS = 60
CONNECT_SECONDS = 10
PAUSE_SECONDS = 0.02
_HINTS = {
    "sqlite": "check that its folder can be written and that no other program keeps the file locked",
    "postgresql": "check that the server is up, and host, user and password of the connection",
}


class Database:
    """An open database of either kind; close it, or use it in a `with` statement."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with answering(self._engine.url), _to_write(self._engine) as connection, connection.begin():
            yield connection

    def _read(self, statement: Any) -> Sequence[Any]:
        with answering(self._engine.url), self._engine.connect() as connection:
            return connection.execute(statement).all()


def _to_write(engine: Engine) -> Connection:
    return engine.connect().execution_options(writes=True)


@contextmanager
def answering(url: URL) -> Iterator[None]:
    """Errors of the database as `StoreUnavailable`, which names it without its password; others as they are."""
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        raise StoreUnavailable(_complaint(url, error)) from error


@contextmanager
def opening(url: URL) -> Iterator[None]:
    """The same for errors of files and sockets too, which while a database is opened are its own."""
    try:
        with answering(url):
            yield
    except OSError as error:
        raise StoreUnavailable(_complaint(url, error)) from error


def engine_of(url: str) -> Engine:
    """The engine for a URL; nothing is connected yet. Raises `ConfigurationError` for a URL of another kind."""
    parsed = _parsed(url)
    backend = parsed.get_backend_name()
    if backend not in _HINTS:
        raise ConfigurationError(f"the results store cannot be a {backend} database: use sqlite or postgresql")
    try:
        return _sqlite_engine(parsed) if backend == "sqlite" else _postgres_engine(parsed)
    except (ImportError, NoSuchModuleError) as error:
        raise ConfigurationError(
            f"the results store needs the driver of {parsed.drivername}, which is not installed ({error}): "
            "install monitoring-tasks[postgres]"
        ) from error


def _parsed(url: str) -> URL:
    # Airflow still writes postgres://; without a named driver SQLAlchemy's choice depends on its version.
    names = {"postgres": "postgresql+psycopg2", "postgresql": "postgresql+psycopg2"}
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            "the results store's URL cannot be read (it is not shown, it may hold a password): write "
            "sqlite:////folder/results.db or postgresql://user:password@host:5432/database"
        ) from None
    return parsed.set(drivername=names.get(parsed.drivername, parsed.drivername))


def _postgres_engine(url: URL) -> Engine:
    limits = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_SECONDS}
    return create_engine(url, connect_args=limits, pool_pre_ping=True)


def _sqlite_engine(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        with opening(url):
            Path(url.database).absolute().parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _sqlite_connected)
    event.listen(engine, "begin", _sqlite_begins)
    return engine


def _sqlite_connected(connection: Any, _record: object) -> None:
    # The driver's own transactions are switched off: they begin late, and a transaction that turns from reading to
    # writing fails at once with "database is locked" instead of waiting.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    _keep_ahead_log(connection)


def _keep_ahead_log(connection: sqlite3.Connection) -> None:
    # SQLite does not wait for its turn to change how a file keeps its journal: of processes that open a new file at
    # once all but one are told that it is locked, whatever the connection's timeout.
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(PAUSE_SECONDS)


def _sqlite_begins(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _complaint(url: URL, error: Exception) -> str:
    cause = str(error.orig if isinstance(error, DBAPIError) else error).strip()
    if url.password:
        cause = cause.replace(str(url.password), "***")
    shown = url.render_as_string(hide_password=True)
    return f"the results store {shown} did not answer ({cause}): {_HINTS[url.get_backend_name()]}"
