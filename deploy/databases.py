"""Roles and databases of a deployment in its PostgreSQL."""

from __future__ import annotations

from contextlib import closing

import psycopg2
from psycopg2 import extensions
from psycopg2.sql import SQL, Composed, Identifier, Literal


def make_database(server: str, name: str, password: str) -> None:
    """A role `name` with that password, and the database `name` that belongs to it; others may not connect to it.

    `server` is a URL of the superuser. What is there already is kept; the password is always set anew, so that editing
    it in `.env` and starting again changes it. Raises `psycopg2.Error`.
    """
    with closing(psycopg2.connect(server)) as connection:
        connection.autocommit = True  # a database cannot be created in a transaction
        _role(connection, name, password)
        if not _found(connection, "SELECT 1 FROM pg_database WHERE datname = %s", name):
            _run(connection, SQL("CREATE DATABASE {0} OWNER {0}").format(Identifier(name)))
        _run(connection, SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(Identifier(name)))


def _role(connection: extensions.connection, name: str, password: str) -> None:
    # The server gets the verifier, not the password, which its log might show.
    verifier = extensions.encrypt_password(password, name, scope=connection, algorithm="scram-sha-256")
    known = _found(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", name)
    verb = SQL("ALTER" if known else "CREATE")
    _run(connection, SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, Identifier(name), Literal(verifier)))


def _found(connection: extensions.connection, query: str, name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(query, (name,))
        return cursor.fetchone() is not None


def _run(connection: extensions.connection, statement: Composed) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
