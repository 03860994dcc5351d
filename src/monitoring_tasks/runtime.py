"""What the steps work with: store, artifacts, connections, cache. Here it comes from environment variables alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from upath import UPath

from monitoring_tasks.data.connections import Connections, EnvironmentConnections
from monitoring_tasks.store.artifacts import Artifacts
from monitoring_tasks.store.database import Store, open_store


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

    `MONITORING_STORE` is the results store's database URL (by default a SQLite file) and `MONITORING_ARTIFACTS` the
    folder or URI of the artifacts; both defaults lie in the folder of `home`. Raises `StoreUnavailable`.
    """
    given = os.environ if environment is None else environment
    return Runtime(
        store=open_store(store_url(given)),
        artifacts=Artifacts(UPath(artifacts_root(given))),
        connections=EnvironmentConnections(given),
        cache=home(given) / "cache",
    )


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
