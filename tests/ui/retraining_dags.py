"""A retraining's DAG as Airflow's DAG processor leaves it in the database, so that runs of it can be asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitoring_tasks.runtime import Runtime
from tests.airflow_home import HOME

DAG = "retrain_fraud"
YAML = """\
name: fraud
owner: risk
task: binary
source: {kind: parquet, path: predictions, partition: day}
labels: {source: {path: labels, partition: day}, column: fraud, timestamp: known_at, delay: 1d}
reference: {kind: champion, repository: ../model}
timestamp: at
prediction: score
id: id
label: fraud
start: 2013-03-01
retraining: {pipeline: {model: model.json, score: [python, score.py, "{input}", "{output}"]}}
"""


@pytest.fixture
def retrainable(world: Runtime, monitors: Path) -> Iterator[Runtime]:
    """The world with a YAML of `fraud`, whose retraining's DAG Airflow has read; what runs were made is forgotten."""
    from airflow.api.common.delete_dag import delete_dag
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

    (monitors / "fraud.yaml").write_text(YAML)
    bag = DagBag(HOME / "dags" / "retrain.py")
    assert DAG in bag.dags, bag.import_errors
    sync_bag_to_db(bag, "dags-folder", None)
    yield world
    delete_dag(DAG)


def runs() -> list[Any]:
    """The runs of the retraining's DAG that Airflow has, in the order made."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found = session.scalars(select(DagRun).where(DagRun.dag_id == DAG).order_by(DagRun.id)).all()
        session.expunge_all()
    return list(found)


def pause(paused: bool = True) -> None:
    """Switch the DAG off, or on again."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        session.execute(update(DagModel).where(DagModel.dag_id == DAG).values(is_paused=paused))
