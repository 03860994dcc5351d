"""The example of card fraud inside Airflow: drift of the five features that matter asks for a retraining by itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from demo.worlds.payment_logs import DAY, FIRST, LIVE, days, labels, rule_of_thumb, write
from demo.worlds.payments import Change, Random, Rows, payments, split_payments
from monitoring_tasks.orchestration.runtime import airflow_runtime
from tests.airflow_home import ROOT
from tests.git_repository import commit, start
from tests.orchestration.conftest import Run
from tests.orchestration.test_retrain_dag import record_requests

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.timeout(600)]
YAML = ROOT / "include" / "monitors" / "examples" / "fraud.yaml"
FEATURES = (
    *("amount_ratio", "distance_km", "payments_24h", "hours_since_last", "merchant_category"),
    *("hour", "country", "channel", "amount", "account_age_days", "usual_amount"),
)
"""By how much they matter to the model that `make demo-fraud` trains."""
WEEKS = 8
RunDag = Callable[..., Run]
Asked = list[tuple[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose champion learnt from eight weeks; its score is a rule of thumb, which will do for drift."""
    root = tmp_path_factory.mktemp("fraud")
    rows = days(FIRST, FIRST + WEEKS * 7 * DAY)
    rows = rows.assign(score=rule_of_thumb(rows).round(3))
    work = start(root)
    reference = rows.drop(columns="fraud").merge(labels(rows), on="payment_id")
    reference.to_parquet(work / "reference.parquet", index=False)
    (work / "importances.json").write_text(json.dumps({name: 1 / place for place, name in enumerate(FEATURES, 1)}))
    commit(work, "fraud@v1.0.0", "fraud#champion#1")
    return root / "origin.git"


@pytest.fixture
def logs(champion: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The example as it is written, in a project of its own, and the folder of its logs, which are still empty."""
    monitors, world = tmp_path / "include" / "monitors" / "examples", tmp_path / ".demo" / "fraud"
    monitors.mkdir(parents=True)
    world.mkdir(parents=True)
    shutil.copy(YAML, monitors)
    (world / "fraud.git").symlink_to(champion)
    monkeypatch.setenv("MONITORING_MONITORS", str(monitors))
    monkeypatch.setenv("MONITORING_HOME", str(tmp_path))
    airflow_runtime.cache_clear()
    yield world / "logs"
    if airflow_runtime.cache_info().currsize:
        airflow_runtime().store.close()
    airflow_runtime.cache_clear()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """The runs that would be started in the DAG of the retraining."""
    return record_requests(monkeypatch)


def serve(logs: Path, week: int, *changes: Change) -> None:
    """Write a week of production; 1 is the first."""
    first = LIVE + (week - 1) * 7 * DAY
    rows = pd.concat([payments(first + number * DAY, changes=changes) for number in range(7)], ignore_index=True)
    write(rows.assign(score=rule_of_thumb(rows).round(3)), logs, version="v1")


def older(share: float) -> Change:
    """Such a share of the accounts was opened long ago: a feature that the model hardly uses."""

    def change(rows: Rows, random: Random) -> None:
        old = random.random(len(rows["fraud"])) < share
        rows["account_age_days"][old] = random.integers(4000, 5000, int(old.sum()))

    return change


def ran(run_dag: RunDag, week: int) -> Run:
    """The run of the Monday after a week, in time."""
    monday: date = LIVE + timedelta(weeks=week)
    return run_dag(monday, name="monitor_fraud", on_time=True)


def psi(run: Run, column: str) -> float:
    """The score of a feature's drift in the run's week."""
    from monitoring_tasks.policy.verdict import Subject

    subject = Subject.from_json(run.returned["verdict"]["subject"])
    found = airflow_runtime().store.results(subject) or []
    [value] = [each.value for each in found if each.column == column and each.check == "drift" and not each.segment]
    assert value is not None
    return value


def test_severe_drift_of_one_of_the_five_requests_a_retraining_at_once(
    logs: Path, run_dag: RunDag, asked: Asked
) -> None:
    """The first week of it starts retrain_fraud, with the reason in words."""
    serve(logs, 1, split_payments(0.6))
    run = ran(run_dag, 1)
    assert psi(run, "payments_24h") > 0.25
    assert "retrain" in run.returned["verdict"]["actions"], run.returned["verdict"]
    assert run.tasks["request_retraining"] == "success", run.log[-3000:]
    [(run_id, conf)] = asked
    assert run_id.startswith("retrain__2025-09-15T00:00:00Z__v1.0.0-")
    assert conf["window_end"] == "2025-09-15T00:00:00Z"
    assert "payments_24h: severe drift of an important feature" in conf["reason"]


def test_drift_that_lasts_requests_a_retraining(logs: Path, run_dag: RunDag, asked: Asked) -> None:
    """Over PSI .2 and not severe, it is told in its first week and learnt in its second."""
    for week in (1, 2):
        serve(logs, week, split_payments(0.34))
    first, second = ran(run_dag, 1), ran(run_dag, 2)
    for run in (first, second):
        assert 0.2 < psi(run, "payments_24h") < 0.25
        assert run.tasks["alert"] == "success"
    assert first.returned["verdict"]["severity"] == "medium"
    assert first.tasks["request_retraining"] == "skipped"
    assert second.tasks["request_retraining"] == "success"
    assert [run_id[:19] for run_id, _ in asked] == ["retrain__2025-09-22"]


def test_drift_of_another_feature_requests_nothing(logs: Path, run_dag: RunDag, asked: Asked) -> None:
    """Beyond PSI .25, two weeks long, in a feature that is none of the five: it is told, and low."""
    for week in (1, 2):
        serve(logs, week, older(0.3))
    runs = [ran(run_dag, 1), ran(run_dag, 2)]
    for run in runs:
        assert psi(run, "account_age_days") > 0.25
        assert run.returned["verdict"]["severity"] == "low", run.returned["verdict"]
        assert any(
            reason.startswith("account_age_days: drift of a feature") for reason in run.returned["verdict"]["reasons"]
        )
        assert run.tasks["alert"] == "success"
        assert run.tasks["request_retraining"] == "skipped"
    assert asked == []
