"""What the steps work with: store, artifacts, connections, cache. Here it comes from environment variables alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from upath import UPath

from monitoring_tasks.data.connections import PREFIX, Connections, EnvironmentConnections
from monitoring_tasks.store.artifacts import Artifacts
from monitoring_tasks.store.database import Store, open_store

STORE = "monitoring_store"
"""Id of the connection to the results store."""


@dataclass(frozen=True)
class Runtime:
    """Where the steps read and write; the same for Airflow and for the command line but for the connections.

    `cache` is a local folder that may be emptied at any time.
    """

    store: Store
    artifacts: Artifacts
    connections: Connections
    cache: Path


def environment_runtime(environment: Mapping[str, str] | None = None) -> Runtime:
    """The runtime that environment variables describe; connections are `AIRFLOW_CONN_<ID>` variables.

    The results store is the connection `monitoring_store` when there is one, as in Airflow; else `MONITORING_STORE` is
    its database URL, by default a SQLite file. `MONITORING_ARTIFACTS` is the folder or URI of the artifacts. Both
    defaults lie in the folder of `home`. Raises `StoreUnavailable`.
    """
    given = os.environ if environment is None else environment
    connections = EnvironmentConnections(given)
    return Runtime(
        store=open_store(_connected(connections, given) or store_url(given)),
        artifacts=Artifacts(UPath(artifacts_root(given))),
        connections=connections,
        cache=home(given) / "cache",
    )


def _connected(connections: EnvironmentConnections, environment: Mapping[str, str]) -> str | None:
    if f"{PREFIX}{STORE.upper()}" not in environment:
        return None
    return connections.database(STORE).url.render_as_string(hide_password=False)


def home(environment: Mapping[str, str]) -> Path:
    """The project's own folder: `monitoring` in `MONITORING_HOME`, else in `AIRFLOW_HOME`, else in `~/airflow`.

    >>> home({"AIRFLOW_HOME": "/opt/airflow"})
    PosixPath('/opt/airflow/monitoring')
    """
    base = environment.get("MONITORING_HOME") or environment.get("AIRFLOW_HOME") or "~/airflow"
    return Path(base).expanduser().absolute() / "monitoring"


def store_url(environment: Mapping[str, str]) -> str:
    """Database URL of the results store; the folder of the default SQLite file is created.

    >>> store_url({"MONITORING_STORE": "postgresql+psycopg2://db/monitoring"})
    'postgresql+psycopg2://db/monitoring'
    """
    if url := environment.get("MONITORING_STORE"):
        return url
    folder = home(environment)
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / 'results.db'}"


def artifacts_root(environment: Mapping[str, str]) -> str:
    """Folder or URI under which artifacts are kept.

    >>> artifacts_root({"MONITORING_HOME": "/srv"})
    '/srv/monitoring/artifacts'
    """
    return environment.get("MONITORING_ARTIFACTS") or str(home(environment) / "artifacts")
