"""A folder of monitors as DAGs; what is wrong with one of them is kept apart from the others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from airflow.sdk import DAG, get_parsing_context

from monitoring_tasks.errors import ConfigurationError, MonitoringError
from monitoring_tasks.monitor_file import load_monitor, monitor_files
from monitoring_tasks.orchestration.monitor_dag import build_monitor_dag

PREFIX = "monitor_"


def monitors_folder(dag_file: str) -> Path:
    """The folder of monitors beside a DAG file: `MONITORING_MONITORS`, else `include/monitors` of the same project.

    The DAG file's own place counts, not `AIRFLOW_HOME`: a versioned DAG bundle runs from a checkout somewhere else.
    """
    given = os.environ.get("MONITORING_MONITORS")
    return Path(given) if given else Path(dag_file).resolve().parents[1] / "include" / "monitors"


def monitor_dags(folder: Path) -> Mapping[str, DAG]:
    """The DAG of every sound monitor in `folder`, by DAG id.

    A broken one is left out, and `refuse_broken` tells about it: an error here would take all monitors away. When
    Airflow starts a task it names the one DAG it needs; then only that is built, and its error is raised.
    """
    wanted = get_parsing_context().dag_id
    if wanted is not None:
        named = [path for path in monitor_files(folder) if PREFIX + path.stem == wanted]
        return {PREFIX + path.stem: build_monitor_dag(load_monitor(path)) for path in named}
    built = (_attempt(path) for path in monitor_files(folder))
    return {dag.dag_id: dag for dag in built if isinstance(dag, DAG)}


def refuse_broken(folder: Path) -> None:
    """Raise `ConfigurationError` with every mistake of the broken monitors in `folder`; none when all are sound."""
    mistakes = [error for path in monitor_files(folder) if not isinstance(error := _attempt(path), DAG)]
    if mistakes:
        raise ConfigurationError("monitors without a DAG until their YAML is mended:\n" + "\n".join(mistakes))


def _attempt(path: Path) -> DAG | str:
    try:
        return build_monitor_dag(load_monitor(path))
    except MonitoringError as error:
        return str(error)
    except Exception as error:  # whatever one monitor does to Airflow's own checks, the others must stay
        return f"{path}:1: {type(error).__name__}: {error}"
