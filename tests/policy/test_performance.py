"""Figures to verdicts: unknown is told as unknown, and worse figures ask for what the matrix says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from monitoring_tasks.checks import Check, CheckResult, Evidence, Status, Suite
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.performance.record import Maturity, Restatement
from monitoring_tasks.policy.narrative import next_step
from monitoring_tasks.policy.performance import decide_performance, judged_rows
from monitoring_tasks.policy.verdict import Action, Outcome, Verdict
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window

WINDOW = Window.parse("2013-06-04", "2013-06-11")
MATURE = Maturity(predictions=1000, labelled=980, final=1000)


def monitor(**performance: Any) -> Monitor:
    """A binary monitor whose labels are final after a day."""
    return Monitor.model_validate(
        {
            "name": "churn",
            "owner": "growth",
            "task": "binary",
            "source": {"path": "log"},
            "reference": {"path": "reference.parquet"},
            "timestamp": "at",
            "prediction": "score",
            "id": "id",
            "labels": {"source": {"path": "labels"}},
            "performance": performance,
        }
    )


def restated(maturity: Maturity = MATURE) -> Restatement:
    """What is known of the window a day after its end."""
    return Restatement("churn", "v1", WINDOW, "c0ffee", WINDOW.end + timedelta(days=1), maturity, (), notes=("a note",))


def drop(status: Status, metric: str = "auc", check: Check = Check.CHAMPION_DROP, **fields: Any) -> CheckResult:
    """A check of a metric that is worse by .05."""
    evidence = Evidence(p_value=0.001, adjusted=0.002, effect=0.05, floor=0.02)
    given = {"value": 0.62, "threshold": 0.65, "detail": "0.62 against 0.67", "large": True, "evidence": evidence}
    given |= fields
    return CheckResult(Suite.PERFORMANCE, check, status, metric, **given)


def decided(*results: CheckResult, maturity: Maturity = MATURE, history: Any = (), **performance: Any) -> Verdict:
    """The verdict on the window."""
    return decide_performance(monitor(**performance), restated(maturity), results, history)


def test_worse_than_the_reference_asks_for_a_retraining_at_once() -> None:
    """Labels come late: nobody waits for a second window."""
    found = decided(drop(Status.FAILED))
    assert (found.outcome, found.severity) == (Outcome.DEGRADED, Severity.HIGH)
    assert found.actions == (Action.ALERT, Action.INVESTIGATE, Action.RETRAIN)
    assert found.reasons[0].startswith("auc: 0.62 against 0.67, p 0.002")
    assert found.reasons[-1] == "a note"
    assert "got worse" in next_step(found)


def test_worse_than_the_days_before_is_looked_into() -> None:
    """No retraining is asked for by a baseline that may itself be good luck."""
    found = decided(drop(Status.FAILED, check=Check.TRAILING_DROP))
    assert (found.outcome, found.severity) == (Outcome.DEGRADED, Severity.MEDIUM)
    assert Action.RETRAIN not in found.actions


def test_a_segment_is_named() -> None:
    """What is worse in one segment only does not retrain the whole."""
    found = decided(drop(Status.PASSED), drop(Status.FAILED, segment="carrier=UA"))
    assert (found.outcome, found.severity) == (Outcome.DEGRADED, Severity.MEDIUM)
    assert "carrier=UA" in found.reasons[0]


def test_a_suspect_counts_when_it_persists() -> None:
    """Weak evidence in one window is watched, in two of three it is a finding."""
    suspect = drop(Status.SUSPECT)
    assert decided(suspect).outcome is Outcome.HEALTHY
    assert decided(suspect, history=[[drop(Status.PASSED)], [suspect]]).outcome is Outcome.DEGRADED
    assert decided(suspect, history=[None, None]).outcome is Outcome.HEALTHY


@pytest.mark.parametrize(
    ("maturity", "outcome", "severity", "words"),
    [
        (Maturity(0, 0, 0), Outcome.NO_DATA, Severity.MEDIUM, "no rows"),
        (Maturity(1000, 900, 899), Outcome.LABELS_IMMATURE, Severity.LOW, "90% of 1000 predictions have a final label"),
        (Maturity(1000, 499, 1000), Outcome.LABELS_IMMATURE, Severity.MEDIUM, "only 50% of 1000 predictions"),
        (Maturity(510, 499, 510), Outcome.TOO_FEW_ROWS, Severity.LOW, "499 labelled predictions"),
    ],
)
def test_unknown_is_told_as_unknown(maturity: Maturity, outcome: Outcome, severity: Severity, words: str) -> None:
    """Whatever the checks say; a finding is told all the same."""
    found = decided(drop(Status.FAILED), maturity=maturity)
    assert (found.outcome, found.severity, found.actions) == (outcome, severity, (Action.ALERT,))
    assert found.reasons[0].startswith(words)
    assert found.reasons[1].startswith("auc: ")
    assert not judged_rows(monitor(), maturity)
    assert next_step(found) != "Nothing to do."


def test_limits_of_what_is_enough_are_the_monitors() -> None:
    """The same window under other limits is judged."""
    young = Maturity(1000, 300, 500)
    assert not judged_rows(monitor(), young)
    bare = decided(maturity=Maturity(1000, 0, 1000), coverage=0)
    assert bare.outcome is Outcome.TOO_FEW_ROWS, "the predictions are there: it is labels that are not"
    assert judged_rows(monitor(maturity=0.5, coverage=0.3, minimum_rows=300), young)


def test_an_undecided_metric_is_no_pass() -> None:
    """A window of one class warns."""
    found = decided(drop(Status.UNDECIDED, detail="one class only"))
    assert (found.outcome, found.severity) == (Outcome.WARNING, Severity.LOW)
    assert "one class only" in found.reasons[0]
