"""A folder of monitors as DAGs; what is wrong with one of them is kept apart from the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from airflow.sdk import DAG, get_parsing_context

from monitoring_tasks.errors import ConfigurationError, MonitoringError
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor, monitor_files, shared_mistakes
from monitoring_tasks.orchestration.monitor_dag import build_monitor_dag
from monitoring_tasks.orchestration.performance_dag import build_performance_dag
from monitoring_tasks.orchestration.retrain_dag import build_retrain_dag

Build = Callable[[Monitor], DAG | None]


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
    return _dags(folder, "monitor_", build_monitor_dag)


def performance_dags(folder: Path) -> Mapping[str, DAG]:
    """The performance DAG of every sound monitor in `folder` that has a section `performance`, by DAG id."""
    return _dags(folder, "performance_", _performance_dag)


def retrain_dags(folder: Path) -> Mapping[str, DAG]:
    """The retraining DAG of every sound monitor in `folder` that has a section `retraining`, by DAG id."""
    return _dags(folder, "retrain_", _retrain_dag)


def _dags(folder: Path, prefix: str, build: Build) -> Mapping[str, DAG]:
    wanted = get_parsing_context().dag_id
    if wanted is not None:
        named = [path for path in monitor_files(folder) if prefix + path.stem == wanted]
        made = [build(load_monitor(path)) for path in named]
    else:
        made = [dag for path in monitor_files(folder) if not isinstance(dag := _attempt(path, build), str)]
    return {dag.dag_id: dag for dag in made if dag is not None}


def _performance_dag(monitor: Monitor) -> DAG | None:
    return build_performance_dag(monitor) if monitor.performance else None


def _retrain_dag(monitor: Monitor) -> DAG | None:
    return build_retrain_dag(monitor, monitor.retraining) if monitor.retraining else None


def refuse_broken(folder: Path) -> None:
    """Raise `ConfigurationError` with every mistake of the broken monitors in `folder`, and of what they share."""
    mistakes = [error for path in monitor_files(folder) if isinstance(error := _attempt(path, _every), str)]
    told = {
        "alerts go by each monitor's own section, without the shared file, until it is mended:": shared_mistakes(
            folder
        ),
        "monitors without a DAG until their YAML is mended:": mistakes,
    }
    if any(told.values()):
        raise ConfigurationError(
            "\n".join(line for heading, lines in told.items() if lines for line in (heading, *lines))
        )


def _every(monitor: Monitor) -> DAG | None:
    build_monitor_dag(monitor)
    _performance_dag(monitor)
    return _retrain_dag(monitor)


def _attempt(path: Path, build: Build) -> DAG | str | None:
    try:
        return build(load_monitor(path))
    except MonitoringError as error:
        return str(error)
    except Exception as error:  # whatever one monitor does to Airflow's own checks, the others must stay
        return f"{path}:1: {type(error).__name__}: {error}"
