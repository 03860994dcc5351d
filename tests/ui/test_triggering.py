"""Runs that are asked for on a page or by an alert, in Airflow's own database."""

from __future__ import annotations

import threading

import pytest

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.runtime import Runtime
from tests.ui.retraining_dags import DAG, pause, retrainable, runs

__all__ = ["retrainable"]
pytestmark = pytest.mark.xdist_group("airflow")


def test_a_run_says_who_asked_and_what_for(retrainable: Runtime) -> None:
    """It is queued as one that a person asked for, with the form as it was filled in."""
    from monitoring_tasks.ui.triggering import request_run

    assert request_run(DAG, run_id="asked__1", conf={"reason": "it drifts"}, by="ada")
    (run,) = runs()
    assert (run.run_id, str(run.run_type), str(run.state)) == ("asked__1", "manual", "queued")
    assert (run.triggering_user_name, run.conf, run.logical_date) == ("ada", {"reason": "it drifts"}, None)


def test_the_same_run_is_made_once(retrainable: Runtime) -> None:
    """Of the same id there is one run, and whoever asks again is told so."""
    from monitoring_tasks.ui.triggering import request_run

    made = [request_run(DAG, run_id="asked__1", conf={}, by=name) for name in ("ada", "bob")]
    assert made == [True, False]
    assert [run.triggering_user_name for run in runs()] == ["ada"]


def test_of_many_at_once_one_makes_the_run(retrainable: Runtime) -> None:
    """Two threads that ask in the same moment make one run, and neither fails."""
    from monitoring_tasks.ui.triggering import request_run

    made: list[bool] = []
    start = threading.Barrier(4)

    def ask() -> None:
        start.wait()
        made.append(request_run(DAG, run_id="asked__1", conf={}, by="ada"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [False, False, False, True]
    assert len(runs()) == 1


@pytest.mark.parametrize(
    ("dag_id", "run_id", "conf", "said"),
    [
        ("retrain_nothing", "asked__1", {}, "Airflow has no DAG retrain_nothing"),
        (DAG, "asked/../1", {}, "does not take this form"),
        (DAG, "asked__1", {"force": "please"}, "does not take this form"),
        (DAG, "scheduled__2013-03-01T00:00:00+00:00", {}, "does not take this form"),
    ],
)
def test_what_cannot_be_started_is_said(
    retrainable: Runtime, dag_id: str, run_id: str, conf: dict[str, str], said: str
) -> None:
    """An unknown DAG, an id that Airflow does not take and a form that does not fit are errors that name what to do."""
    from monitoring_tasks.ui.triggering import request_run

    with pytest.raises(ConfigurationError, match=said):
        request_run(dag_id, run_id=run_id, conf=conf, by="ada")
    assert runs() == []


def test_a_dag_that_was_never_read_is_said(world: Runtime) -> None:
    """Airflow knows its name, and has not read what it is: whoever asks is to wait."""
    from monitoring_tasks.ui.triggering import request_run

    with pytest.raises(ConfigurationError, match="has not read DAG retrain_churn yet"):
        request_run("retrain_churn", run_id="asked__1", conf={}, by="ada")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("is_stale", True, "Airflow has no DAG"),
        ("has_import_errors", True, "cannot read the file"),
        ("allowed_run_types", ["scheduled"], "allows no runs by hand"),
    ],
)
def test_a_dag_that_may_not_be_started_is_said(retrainable: Runtime, field: str, value: object, said: str) -> None:
    """One that is gone, one whose file is broken, and one that takes no runs by hand."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    from monitoring_tasks.ui.triggering import startable

    with create_session() as session:
        session.execute(update(DagModel).where(DagModel.dag_id == DAG).values({field: value}))
    with pytest.raises(ConfigurationError, match=said):
        startable(DAG)


def test_a_paused_dag_is_known(retrainable: Runtime) -> None:
    """Whoever asks can find out that a run would wait."""
    from monitoring_tasks.ui.triggering import startable

    assert not startable(DAG).paused
    pause()
    assert startable(DAG).paused
