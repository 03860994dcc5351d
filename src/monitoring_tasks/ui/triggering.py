"""Runs of a DAG that somebody asks for on a page, or that an alert asks for: made as Airflow's own API makes them."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow.api.common.trigger_dag import trigger_dag
from airflow.exceptions import DagNotFound, DagRunAlreadyExists, ParamValidationError
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from monitoring_tasks.errors import ConfigurationError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Startable:
    """A DAG of which a run can be asked for; while it is `paused` a run waits until somebody switches it on."""

    dag_id: str
    paused: bool


def startable(dag_id: str) -> Startable:
    """The DAG of an id, as far as its runs are concerned.

    Raises `ConfigurationError` where Airflow has none, or cannot read its file, or it may not be started by hand.
    """
    columns = (DagModel.is_paused, DagModel.is_stale, DagModel.has_import_errors, DagModel.allowed_run_types)
    with create_session() as session:
        row = session.execute(select(*columns).where(DagModel.dag_id == dag_id)).one_or_none()
    if row is None or row.is_stale:
        raise ConfigurationError(f"Airflow has no DAG {dag_id}: a monitor has one when its YAML has that section")
    if row.has_import_errors:
        raise ConfigurationError(f"Airflow cannot read the file of DAG {dag_id}: mend it, then ask again")
    if row.allowed_run_types is not None and DagRunType.MANUAL not in row.allowed_run_types:
        raise ConfigurationError(f"DAG {dag_id} allows no runs by hand")
    return Startable(dag_id, bool(row.is_paused))


def request_run(dag_id: str, *, run_id: str, conf: Mapping[str, Any], by: str) -> bool:
    """Ask for a run of a DAG with a form filled in; False when a run of that id is there already: nothing is done then.

    `by` is kept with the run as who asked for it. Of several that ask at once with one id, one makes the run. Raises
    `ConfigurationError` where the DAG cannot be started or does not take the form.
    """
    startable(dag_id)
    try:
        trigger_dag(
            dag_id,
            run_id=run_id,
            conf=dict(conf),
            triggered_by=DagRunTriggeredByType.REST_API,
            triggering_user_name=by,
        )
    except (DagRunAlreadyExists, IntegrityError):  # the second: somebody made it between the look and the writing
        log.info("run.known dag_id=%s run_id=%s", dag_id, run_id)
        return False
    except DagNotFound:
        raise ConfigurationError(f"Airflow has not read DAG {dag_id} yet: ask again in a minute") from None
    except (ParamValidationError, ValueError) as error:
        raise ConfigurationError(f"DAG {dag_id} does not take this form: {error}") from error
    log.info("run.requested dag_id=%s run_id=%s by=%s", dag_id, run_id, by)
    return True


def run_id_of(kind: str, *parts: str) -> str:
    """A run's id that is the same for the same parts, whatever they hold.

    >>> run_id_of("asked", "retrain_churn", "admin", "one")
    'asked__2b538b4dea37d190'
    """
    return f"{kind}__{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"
