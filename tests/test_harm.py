"""Drift without harm is told and wakes nobody, beside worse figures it is worse; what is not known changes nothing."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_tasks.performance_steps import restate
from monitoring_tasks.policy.verdict import Action, Outcome, Verdict
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.severity import Severity
from tests.labelled_production import FIRST_DAY, YAML, LabelledProduction, rows
from tests.test_performance_steps import window
from tests.whole_run import judge

DAY = timedelta(days=1)
SHIFTED = FIRST_DAY + 9 * DAY
# Limits that the interval of five hundred scores can lie within.
WIDE = YAML.replace(
    "performance: {latency: milliseconds}", "performance: {metrics: {auc: {champion: 0.3}, log_loss: {champion: 80%}}}"
).replace("segments: [plan]\n", "")


def produced(folder: Path, *, flips: float = 0.0) -> LabelledProduction:
    """Nine days, of which the last four have so many labels turned round; then one on which customers are older."""
    folder.mkdir()
    production = LabelledProduction(folder, WIDE)
    production.write_days(FIRST_DAY, 5)
    production.write_days(FIRST_DAY + 5 * DAY, 4, flips=flips)
    production.write(SHIFTED, flips=flips)
    for path in (folder / "predictions" / f"day={SHIFTED}").iterdir():
        table = pq.read_table(path, partitioning=None)
        older = pa.array(table["age"].to_numpy() + 30)
        pq.write_table(table.set_column(table.column_names.index("age"), "age", older), path)
    return production


@pytest.fixture
def served(tmp_path: Path) -> LabelledProduction:
    """A shift of a feature that changes nothing about the score."""
    return produced(tmp_path / "harmless")


def verdict_on(production: LabelledProduction, runtime: Runtime, **policy: Any) -> Verdict:
    """The verdict on the shifted day's drift."""
    words = ", ".join(f"{name}: {value}" for name, value in policy.items())
    production.configure(f"{WIDE}policy: {{{words}}}\n" if policy else WIDE)
    return judge(production.monitor, runtime, window(SHIFTED))


def test_drift_without_expected_harm_is_low(served: LabelledProduction, runtime: Runtime) -> None:
    """The scores let expect what they always did: people are told, and nothing is trained."""
    found = verdict_on(served, runtime)
    assert found.severity is Severity.LOW
    assert found.reasons[0].startswith("no harm is expected")
    assert Action.RETRAIN not in found.actions
    assert Action.ALERT in found.actions
    assert found.evidence["lowered_from"] == "high"


def test_the_policy_may_keep_it(served: LabelledProduction, runtime: Runtime) -> None:
    """The same drift by a policy that does not ask for harm."""
    assert verdict_on(served, runtime, without_harm="keep").severity is Severity.HIGH


def test_an_estimate_that_windows_before_refuted_lowers_nothing(tmp_path: Path, runtime: Runtime) -> None:
    """Labels of the days before were not what their scores said: nobody knows what today's are worth."""
    found = verdict_on(produced(tmp_path / "harmful", flips=0.45), runtime, with_harm="keep")
    assert found.severity is Severity.HIGH


def test_figures_from_before_the_start_make_nothing_worse(tmp_path: Path, runtime: Runtime) -> None:
    """What answered before the monitor's start may have been another model: its figures say nothing of this one."""
    production = produced(tmp_path / "harmful", flips=0.45)
    production.configure(WIDE.replace("start: 2013-03-01", f"start: {SHIFTED}") + "policy: {without_harm: keep}\n")
    found = judge(production.monitor, runtime, window(SHIFTED))
    assert found.severity is Severity.HIGH
    assert "raised_from" not in found.evidence


def test_drift_beside_worse_figures_is_one_step_worse(tmp_path: Path, runtime: Runtime) -> None:
    """The last window with labels is worse than it should be: the verdict says so, after what drifted."""
    found = verdict_on(produced(tmp_path / "harmful", flips=0.45), runtime)
    assert found.severity is Severity.CRITICAL
    assert found.evidence["raised_from"] == "high"
    assert found.reasons[0].startswith("age: severe drift of an important feature")
    assert found.reasons[1].startswith("the model's figures are worse as well (2013-")
    assert "worse" in found.reasons[1].partition("): ")[2]
    severities = {each["check"]: each["severity"] for each in found.evidence["findings"] if not each["segment"]}
    assert severities["drift"] == severities["drifted_share"] == "critical"


def test_figures_of_a_former_champion_are_its_own(tmp_path: Path, runtime: Runtime) -> None:
    """They are as much worse as they were when that champion was in use, be the new one's baseline lower or not."""
    production = produced(tmp_path / "harmful", flips=0.45)
    production.configure(WIDE)
    last = window(SHIFTED - DAY)
    restate(production.monitor, runtime, [last], known_at=last.end + DAY, run={})
    days = [SHIFTED - (number + 10) * DAY for number in range(59)]
    learnt = pa.concat_tables([pa.table(rows(day, count=300, flips=0.45)) for day in days])
    pq.write_table(learnt.drop_columns(["milliseconds"]), production.folder / "reference.parquet")
    found = verdict_on(production, runtime)
    assert found.subject.champion != runtime.store.restatements("churn", last)[0].verdict.subject.champion
    assert found.evidence["raised_from"] == "high"


@pytest.mark.parametrize("flips", [0.0, 0.45])
def test_labels_that_cannot_be_read_change_nothing(tmp_path: Path, runtime: Runtime, flips: float) -> None:
    """The verdict on drift does not depend on the log of labels: it is neither lower nor worse."""
    production = produced(tmp_path / "unread", flips=flips)
    shutil.rmtree(production.folder / "labels")
    assert verdict_on(production, runtime).severity is Severity.HIGH


def test_both_are_needed_where_the_policy_says_so(served: LabelledProduction, tmp_path: Path, runtime: Runtime) -> None:
    """Drift alone is low; beside worse figures of the last window with labels it is not."""
    found = verdict_on(served, runtime, page="both", without_harm="keep")
    assert found.severity is Severity.LOW
    assert found.reasons[0].startswith("drift alone does not page here")
    harmful = produced(tmp_path / "harmful", flips=0.45)
    found = verdict_on(harmful, runtime, page="both", without_harm="keep", with_harm="keep")
    assert found.severity is Severity.HIGH


def test_worse_figures_alone_are_low_where_both_are_needed(tmp_path: Path, runtime: Runtime) -> None:
    """Until drift of the same window is known."""
    production = produced(tmp_path / "harmful", flips=0.45)
    production.configure(f"{WIDE}policy: {{page: both, without_harm: keep}}\n")
    known_at = window(SHIFTED).end + DAY
    (entry,) = restate(production.monitor, runtime, [window(SHIFTED)], known_at=known_at, run={})
    assert (entry.verdict.outcome, entry.verdict.severity) == (Outcome.DEGRADED, Severity.LOW)
    judge(production.monitor, runtime, window(SHIFTED))
    (entry,) = restate(production.monitor, runtime, [window(SHIFTED)], known_at=known_at + DAY, run={})
    assert (entry.verdict.outcome, entry.verdict.severity) == (Outcome.DEGRADED, Severity.HIGH)


def test_an_ordinary_day_reads_no_labels(served: LabelledProduction, runtime: Runtime) -> None:
    """Labels are joined only where they can make a difference."""
    shutil.rmtree(served.folder / "labels")
    assert judge(served.monitor, runtime, window(FIRST_DAY)).outcome is Outcome.HEALTHY
