"""The runtime inside Airflow: the same as anywhere, with Airflow's connections."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import cast

from airflow.sdk import ObjectStoragePath
from upath import UPath

from monitoring_tasks.orchestration.connections import AirflowConnections, database_url
from monitoring_tasks.runtime import STORE, Runtime, artifacts_root, home, store_url
from monitoring_tasks.store.artifacts import Artifacts
from monitoring_tasks.store.database import open_store


@lru_cache(maxsize=1)
def airflow_runtime() -> Runtime:
    """The runtime of this process; opened once.

    The store is the connection `monitoring_store` when Airflow has it, else what the environment says. Raises
    `StoreUnavailable`.
    """
    return Runtime(
        store=open_store(database_url(STORE) or store_url(os.environ)),
        artifacts=Artifacts(_root(artifacts_root(os.environ))),
        connections=AirflowConnections(),
        cache=home(os.environ) / "cache",
    )


def _root(place: str) -> UPath:
    # Airflow's path wraps a UPath and opens the connection that the URI names: s3://aws_default@bucket/folder.
    return cast("UPath", ObjectStoragePath(place)) if "://" in place else UPath(place)
