"""Airflow's connections, as the steps want them opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseHook, ObjectStoragePath
from airflow.sdk.exceptions import AirflowNotFoundException
from pyarrow.fs import FileSystem, FSSpecHandler, PyFileSystem
from sqlalchemy import Engine, make_url

from monitoring_tasks.data.connections import PREFIX, Account, Endpoint, EnvironmentConnections
from monitoring_tasks.errors import ConfigurationError

if TYPE_CHECKING:
    from airflow.sdk import Connection

# These open without a provider, exactly as they do for the command line.
BUILT_IN = frozenset({"sqlite", "postgres"})


class AirflowConnections:
    """Connections that Airflow holds: in its database, a secrets backend or the environment."""

    def database(self, connection: str) -> Engine:
        """Engine of a database connection; nothing is connected yet. Raises `ConfigurationError`."""
        found = required(connection)
        if found.conn_type in BUILT_IN:
            return EnvironmentConnections({f"{PREFIX}{connection.upper()}": found.as_json()}).database(connection)
        hook = found.get_hook()  # type: ignore[no-untyped-call]
        if not hasattr(hook, "get_sqlalchemy_engine"):
            raise ConfigurationError(
                f"connection {connection!r} has type {found.conn_type!r}, which is no SQL database: name another one"
            )
        engine: Engine = hook.get_sqlalchemy_engine()
        return engine

    def filesystem(self, path: str, connection: str | None) -> tuple[FileSystem, str]:
        """File system that holds an absolute path or URI, and the path in it. Raises `ConfigurationError`."""
        if "://" not in path or (connection is None and "@" not in path):
            return EnvironmentConnections().filesystem(path, None)
        try:
            place = ObjectStoragePath(path, conn_id=connection)
            opened = place.fs
        except (AirflowNotFoundException, ImportError, ValueError) as error:
            raise ConfigurationError(
                f"{path} cannot be opened{f' with connection {connection!r}' if connection else ''}: {error}"
            ) from error
        # The stubs call the handler abstract; it is not.
        return PyFileSystem(FSSpecHandler(opened)), place.path  # type: ignore[abstract]

    def endpoint(self, connection: str) -> Endpoint:
        """Host and headers of a connection of type http. Raises `ConfigurationError`."""
        known = {f"{PREFIX}{connection.upper()}": required(connection).as_json()}
        return EnvironmentConnections(known).endpoint(connection)

    def account(self, connection: str) -> Account:
        """What a connection says, secrets included. Raises `ConfigurationError` when there is none."""
        known = {f"{PREFIX}{connection.upper()}": required(connection).as_json()}
        return EnvironmentConnections(known).account(connection)


def required(connection: str) -> Connection:
    """Airflow's connection of that id. Raises `ConfigurationError` when there is none."""
    found = defined(connection)
    if found is None:
        raise ConfigurationError(
            f"no connection {connection!r}: create it in Airflow under Admin, Connections, "
            f"or set the variable {PREFIX}{connection.upper()}"
        )
    return found


def defined(connection: str) -> Connection | None:
    """Airflow's connection of that id; None when there is none."""
    try:
        return BaseHook.get_connection(connection)
    except AirflowNotFoundException:
        return None


def database_url(connection: str) -> str | None:
    """SQLAlchemy URL of a database connection, password included; None when Airflow has no such connection."""
    if defined(connection) is None:
        return None
    return make_url(AirflowConnections().database(connection).url).render_as_string(hide_password=False)
