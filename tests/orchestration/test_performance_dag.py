"""Real runs of a performance DAG inside Airflow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from monitoring_tasks.orchestration.runtime import airflow_runtime
from tests.labelled_production import FIRST_DAY, LabelledProduction
from tests.orchestration.conftest import Run
from tests.test_performance_steps import BAD, window

pytestmark = pytest.mark.xdist_group("airflow")
DAY = timedelta(days=1)
NAME = "performance_churn"
RunDag = Callable[..., Run]


@pytest.fixture
def served(monitors: Path) -> LabelledProduction:
    """Nine ordinary days, and one on which two labels of five are turned round."""
    production = LabelledProduction(monitors)
    production.write_days(FIRST_DAY, 9)
    production.write(BAD, flips=0.4)
    return production


def test_an_ordinary_day_ends_all_clear(served: LabelledProduction, run_dag: RunDag) -> None:
    """The run two ticks after a day examines it: its labels are final a day after its end."""
    run = run_dag(FIRST_DAY + 9 * DAY, name=NAME)
    assert run.state == "success"
    assert run.tasks["all_clear"] == "success"
    assert run.tasks["alert"] == "skipped"
    verdict = run.returned["verdict"]
    assert verdict["outcome"] == "healthy"
    assert verdict["subject"]["window"] == window(FIRST_DAY + 7 * DAY).to_json()
    assert verdict["evidence"]["known_at"] == "2013-03-10T00:00:00Z"
    assert "churn: HEALTHY, severity none" in run.log
    assert "500 predictions: 100% have a label, 100% are final" in run.log
    assert "http://localhost:8080/monitoring/report/performance_churn/" in run.log


def test_a_degraded_day_ends_in_an_alert(served: LabelledProduction, run_dag: RunDag) -> None:
    """Told once, with the report's page; the ledger has the window, those before it, and the one that is young yet."""
    run = run_dag(BAD + 2 * DAY, name=NAME, on_time=True)
    assert run.state == "success"
    assert run.returned["verdict"]["outcome"] == "degraded"
    assert [change["event"] for change in run.returned["alert"]["changes"]] == ["opened"]
    assert "in the champion's reference: worse by" in run.log
    entries = airflow_runtime().store.performance("churn")
    outcomes = [entry.verdict.outcome.value for entry in entries]
    assert outcomes == [*["healthy"] * 4, "degraded", "no_data"]
    again = run_dag(BAD + 2 * DAY, name=NAME, conf={}, on_time=True)
    assert [change["event"] for change in again.returned["verdict"]["changes"]] == ["repeated"]
    assert [(letter.channel, letter.state) for letter in airflow_runtime().store.letters()] == [("log", "sent")]


def test_what_was_known_in_the_past_tells_nobody(served: LabelledProduction, run_dag: RunDag) -> None:
    """With `as_known_on` the form asks for an old number: it is recorded only."""
    conf = {"as_known_on": (window(BAD).end + DAY).isoformat()}
    run = run_dag(None, name=NAME, conf=conf)
    assert run.state == "success"
    assert run.returned["verdict"]["outcome"] == "degraded"
    assert run.returned["alert"] == {"changes": [], "sent": 0}
    assert airflow_runtime().store.letters() == []


def test_a_wrong_label_is_not_tried_again(served: LabelledProduction, run_dag: RunDag) -> None:
    """A label of 2 stays wrong: one try, and the value in the log."""
    import pyarrow as pa

    moment = window(BAD).start + timedelta(hours=20)
    served.write_labels(pa.table({"id": ["20130310-1"], "churned": pa.array([2], pa.int8()), "told_at": [moment]}))
    run = run_dag(BAD + 2 * DAY, name=NAME)
    assert run.tasks["measure"] == "failed"
    assert run.tries["measure"] == 1
    assert "holds 2" in run.log
