"""Letters about drift, written with the verdict by a real run: they say what the run does about a retraining."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitoring_tasks.alerts.message import Message
from monitoring_tasks.alerts.telling import Occasion
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.policy.asking import request_run
from monitoring_tasks.policy.verdict import Action, Verdict
from monitoring_tasks.request_step import retraining_due
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.records import RetrainingRecord, RetrainingState
from tests.git_repository import commit, start
from tests.production import FIRST_DAY, YAML, Production, day
from tests.whole_run import judge

LABELS = "labels: {source: {path: labels, partition: day}, timestamp: told_at, column: churned, delay: 1d}\n"
WATCHED = YAML.replace("kind: file, path: reference.parquet,", "kind: champion, repository: origin.git,") + LABELS
RETRAINED = f"{WATCHED}policy: {{retrain: either}}\nretraining: {{}}\n"
NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Live:
    """A champion's production, of which one day is judged by a run that tells people."""

    production: Production
    runtime: Runtime

    def told(self, yaml: str, **rows: Any) -> tuple[Verdict, list[Message]]:
        """The verdict on a day of such rows, and the letters about it."""
        self.production.configure(yaml)
        self.production.write(FIRST_DAY, **rows)
        monitor = load_monitor(self.production.monitor_file)
        verdict = judge(monitor, self.runtime, day(0), occasion=Occasion(NOW))
        return verdict, [Message.from_json(letter.body) for letter in self.runtime.store.letters()]


@pytest.fixture
def live(tmp_path: Path, runtime: Runtime) -> Live:
    """Nothing was judged yet."""
    production, work = Production(tmp_path, WATCHED), start(tmp_path)
    for name in ("reference.parquet", "importances.json"):
        shutil.move(tmp_path / name, work / name)
    commit(work, "churn@v1.0.0", "churn#champion#1")
    return Live(production, runtime)


def asked(runtime: Runtime, run: str, *, state: RetrainingState, outcome: str = "") -> None:
    """A retraining was asked for a while ago."""
    moment = datetime.now(UTC) - timedelta(hours=1)
    runtime.store.put_retraining(
        RetrainingRecord("churn", run, "drift", "", state, moment, day(0).end, outcome=outcome)
    )


def test_a_run_that_asks_for_it_says_so(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    """In the letter and in the log alike; nobody is told to trigger what is triggered."""
    caplog.set_level(logging.INFO)
    verdict, [letter] = live.told(RETRAINED, shift=2)
    assert Action.RETRAIN in verdict.actions
    assert "look at the report. A retraining is asked for now: if it is admitted" in letter.step
    assert f"Next step: {letter.step}" in caplog.text
    monitor = load_monitor(live.production.monitor_file)
    run = request_run(verdict.subject)
    assert retraining_due(monitor, lambda: live.runtime, verdict.to_json(), quiet=None, run=run)


def test_a_model_without_the_section_is_retrained_by_people(live: Live) -> None:
    """There is no DAG that could be triggered."""
    verdict, [letter] = live.told(WATCHED + "policy: {retrain: either}\n", shift=2)
    assert Action.RETRAIN in verdict.actions
    assert letter.step.endswith("look at the report, then retrain the model.")


def test_a_fault_of_the_data_blocks_it(live: Live) -> None:
    """Drift beside a fault: no letter promises a retraining."""
    missing = np.where(np.arange(1000) % 2, np.nan, 20.0)
    verdict, letters = live.told(RETRAINED, shift=2, columns={"spend": missing})
    assert Action.BLOCK_RETRAINING in verdict.actions
    steps = {letter.title.partition("churn: ")[2]: letter.step for letter in letters}
    assert steps["values of spend are missing"].endswith(" Retraining stays blocked until the data is sound.")
    drifted = "Ask data engineering about spend; retraining stays blocked until the data is sound."
    assert steps["drift in score, age"] == drifted


def test_what_is_known_of_it_is_told(live: Live) -> None:
    """The window's own was refused when it was asked for before."""
    live.production.configure(RETRAINED)
    live.production.write(FIRST_DAY, shift=2)
    before = judge(load_monitor(live.production.monitor_file), live.runtime, day(0))
    outcome = "the last training's window ended 2013-02-26, 3 days before this one's"
    asked(live.runtime, request_run(before.subject), state="refused", outcome=outcome)
    _, [letter] = live.told(RETRAINED, shift=2)
    assert letter.step.endswith(f"A retraining was asked for, and was refused: {outcome}.")


def test_another_that_is_under_way_is_told(live: Live) -> None:
    """The run asks for no other one; its refusal is recorded, and nobody is promised anything."""
    asked(live.runtime, "manual__1", state="awaiting")
    verdict, [letter] = live.told(RETRAINED, shift=2)
    assert letter.step.endswith(
        "No other retraining is asked for: manual__1 waits for an answer in Airflow (Required Actions)."
    )
    monitor = load_monitor(live.production.monitor_file)
    assert not retraining_due(monitor, lambda: live.runtime, verdict.to_json(), quiet=None, run="scheduled__1")
