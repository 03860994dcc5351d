"""The YAML of a monitor, where the API server has the folder of monitors at hand as DAG files do."""

from __future__ import annotations

import logging

from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from sqlalchemy import select

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import find_monitor
from monitoring_tasks.orchestration.folder import monitors_folder
from monitoring_tasks.retraining_section import Retraining
from monitoring_tasks.ui.access import MONITOR, RETRAIN

log = logging.getLogger(__name__)


def retraining_of(dag_id: str) -> tuple[Retraining, str] | None:
    """How a model is retrained, and when its monitor runs, by the DAG of its retraining; None where no YAML is found.

    The folder is the one of the DAG's own file: an API server need not have it.
    """
    monitor = _at_hand(dag_id, dag_id.removeprefix(RETRAIN))
    return (monitor.retraining, monitor.schedule) if monitor is not None and monitor.retraining else None


def declared_of(dag_id: str) -> Monitor | None:
    """What the YAML of a monitor says, by the monitor's own DAG; None where none is found."""
    return _at_hand(dag_id, dag_id.removeprefix(MONITOR))


def _at_hand(dag_id: str, name: str) -> Monitor | None:
    """The monitor that a DAG is of, from the folder of the DAG's own file."""
    with create_session() as session:
        file = session.scalar(select(DagModel.fileloc).where(DagModel.dag_id == dag_id))
    try:
        return find_monitor(monitors_folder(file or "/"), name)
    except (ConfigurationError, IndexError) as error:
        log.info("monitor.not_at_hand dag_id=%s reason=%s", dag_id, error)
        return None
