"""When a verdict's request for a retraining is passed on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.policy.verdict import Action, Outcome, Subject, Verdict
from monitoring_tasks.request_step import retraining_due
from monitoring_tasks.retraining_task import lapse_of
from monitoring_tasks.runtime import Runtime, environment_runtime
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.window import Window
from tests.retraining_world import YAML


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    """Store, artifacts and caches of the test's own."""
    opened = environment_runtime({"MONITORING_HOME": str(tmp_path)})
    yield opened
    opened.store.close()


@pytest.mark.parametrize(("late", "due"), [(False, False), (True, True)])
def test_an_open_retraining_stops_requests_until_it_lapses(
    tmp_path: Path, runtime: Runtime, late: bool, due: bool
) -> None:
    """One whose run died must not keep its model from being retrained for ever."""
    (tmp_path / "churn.yaml").write_text(YAML.format(repository="/srv/git/churn"))
    monitor, now = load_monitor(tmp_path / "churn.yaml"), datetime.now(UTC).replace(microsecond=0)
    asked = now - lapse_of(monitor) + timedelta(hours=-1 if late else 1)
    runtime.store.put_retraining(RetrainingRecord("churn", "one", "drift", "", "scored", asked, asked))
    subject = Subject("churn", "v1.0.0-0a1b2c3d", Window.parse("2013-06-04", "2013-06-11"), "c0ffee")
    verdict = Verdict(subject, Outcome.DRIFTED, Severity.HIGH, (Action.RETRAIN,), ("drift",), {})
    assert retraining_due(monitor, lambda: runtime, verdict.to_json(), quiet=None, run="two") is due
