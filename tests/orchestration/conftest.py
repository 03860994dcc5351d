"""Real runs of a DAG in this process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.airflow_home import HOME, _airflow_database, _monitors, _production

__all__ = ["_airflow_database", "_monitors", "_production"]


@dataclass(frozen=True)
class Run:
    """What a run of a DAG came to: its state, its tasks' states, tries and returned values, and what was logged.

    `results` are what tasks that branch left for the others.
    """

    run_id: str
    state: str
    tasks: dict[str, str]
    tries: dict[str, int]
    returned: dict[str, Any]
    results: dict[str, Any]
    log: str


@pytest.fixture
def run_dag(airflow_database: None, caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., Run]]:
    """Run the monitor's DAG for the day before a logical date, for real, as `dag.test()` does; retries do not wait.

    `on_time` is a run that is made as its day ends, as the scheduler makes it; another looks back.

    Airflow forgets the DAG after each test: making a run anew whose DAG has had several versions upsets its own models.
    """

    from airflow.api.common.delete_dag import delete_dag
    from airflow.dag_processing.dagbag import DagBag
    from airflow.exceptions import DagNotFound

    ran: set[str] = set()

    def run(
        day: date | None, *, conf: dict[str, Any] | None = None, name: str = "monitor_churn", on_time: bool = False
    ) -> Run:
        ran.add(name)
        dag = DagBag(HOME / "dags").dags[name]
        # Airflow 3.3's dag.test() looks deadlines up by ids that they have in a scheduler's copy of the DAG alone.
        dag.deadline = None
        for task in dag.tasks:
            task.retry_delay, task.retry_exponential_backoff = timedelta(0), 0
        caplog.clear()
        with caplog.at_level(logging.INFO):
            moment = day and datetime(day.year, day.month, day.day, tzinfo=UTC)
            found = dag.test(logical_date=moment, run_after=moment if on_time else None, run_conf=conf)
        instances = {instance.task_id: instance for instance in found.get_task_instances()}
        return Run(
            run_id=found.run_id,
            state=str(found.state),
            tasks={name: str(instance.state) for name, instance in instances.items()},
            tries={name: instance.try_number for name, instance in instances.items()},
            returned=_left(found.run_id, "return_value"),
            results=_left(found.run_id, "result"),
            log=caplog.text,
        )

    yield run
    for name in ran:
        with suppress(DagNotFound):
            delete_dag(name)


def _left(run_id: str, key: str) -> dict[str, Any]:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        rows = session.scalars(XComModel.get_many(run_id=run_id, key=key)).all()
        return {row.task_id: XComModel.deserialize_value(row) for row in rows}
