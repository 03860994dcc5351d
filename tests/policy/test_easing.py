"""Verdicts on drift that are lowered, or raised, for what else is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.checks import Check
from monitoring_tasks.policy.easing import has_drift, is_drift_alone, is_worse, lowered, raised, stands_beside
from monitoring_tasks.policy.verdict import Action, Outcome, Subject, Verdict
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window

SUBJECT = Subject("churn", "v1", Window.parse("2013-06-03", "2013-06-04"), "c")
FAULT = "temp: all values are 1000 times too large (a unit change?)"
ACTIONS = (Action.ALERT, Action.INVESTIGATE, Action.RETRAIN)


def finding(check: Check, severity: Severity, *, cause: str | None = None, segment: str = "") -> dict[str, Any]:
    """A finding as a verdict's evidence has it."""
    return {"check": check.value, "severity": severity.word, "cause": cause, "segment": segment, "column": "temp"}


def verdict(*findings: dict[str, Any], outcome: Outcome = Outcome.DRIFTED, reasons: tuple[str, ...] = ()) -> Verdict:
    """The verdict on such findings."""
    severity = max((Severity.of(each["severity"]) for each in findings), default=Severity.NONE)
    reasons = reasons or tuple(f"reason {number}" for number, _ in enumerate(findings))
    return Verdict(SUBJECT, outcome, severity, ACTIONS, reasons, {"findings": list(findings), "rows": 7})


FINDINGS = st.builds(
    finding,
    st.sampled_from([Check.DRIFT, Check.JOINT, Check.DRIFTED_SHARE, Check.MISSING_SHARE, Check.CHAMPION_DROP]),
    st.sampled_from([Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL]),
    cause=st.sampled_from([None, FAULT]),
)
SHIFT = finding(Check.DRIFT, Severity.HIGH)


@pytest.mark.parametrize(
    ("findings", "drift", "alone"),
    [
        ([], False, False),
        ([finding(Check.DRIFT, Severity.LOW)], False, False),
        ([SHIFT], True, True),
        ([finding(Check.JOINT, Severity.MEDIUM), finding(Check.MISSING_SHARE, Severity.LOW)], True, True),
        ([SHIFT, finding(Check.MISSING_SHARE, Severity.MEDIUM)], True, False),
        ([finding(Check.DRIFT, Severity.HIGH, cause=FAULT)], False, False),
        ([SHIFT, finding(Check.DRIFT, Severity.HIGH, cause=FAULT)], True, False),
        ([finding(Check.COLUMN_PRESENT, Severity.CRITICAL)], False, False),
        ([SHIFT, finding(Check.LEVEL, Severity.HIGH)], True, False),
    ],
)
def test_what_is_drift(findings: list[dict[str, Any]], *, drift: bool, alone: bool) -> None:
    """Shifts above low that no fault of the data explains; alone when nothing else is above low."""
    assert (has_drift(verdict(*findings)), is_drift_alone(verdict(*findings))) == (drift, alone)


@pytest.mark.parametrize("outcome", [Outcome.TOO_FEW_ROWS, Outcome.NO_DATA, Outcome.LABELS_IMMATURE, Outcome.DEGRADED])
def test_what_cannot_be_judged_has_no_drift(outcome: Outcome) -> None:
    """Findings of so few rows say why a window is unknown: they are no drift that could get worse."""
    assert not has_drift(verdict(SHIFT, outcome=outcome))


@given(st.lists(FINDINGS, max_size=6).map(lambda findings: verdict(*findings)))
def test_raising_touches_drift_alone_and_by_one_step(before: Verdict) -> None:
    """Every other finding stays; the verdict is the worst of all, worst first, and never milder than it was."""
    after = raised(before, "worse")
    findings = after.evidence["findings"]
    severities = [Severity.of(each["severity"]) for each in findings]
    assert severities == sorted(severities, reverse=True)
    assert after.severity is max([before.severity, *severities])
    assert before.severity <= after.severity <= min(before.severity + 1, Severity.CRITICAL)
    expected = sum(has_drift(verdict(each)) and each["severity"] != "critical" for each in before.evidence["findings"])
    was = {id(each) for each in before.evidence["findings"]}
    assert sum(each not in before.evidence["findings"] for each in findings if id(each) not in was) <= expected
    assert sum(severities) == sum(Severity.of(each["severity"]) for each in before.evidence["findings"]) + expected
    assert (after.outcome, after.actions, after.evidence["rows"]) == (before.outcome, before.actions, 7)
    assert after.evidence["raised_from"] == before.severity.word


def test_raising_is_told_after_what_drifted() -> None:
    """The first sentence stays what somebody is woken for; a verdict without one is told why at least."""
    said = raised(verdict(SHIFT, SHIFT, reasons=("temp: severe drift", "dest: drift")), "the figures are worse")
    assert said.reasons == ("temp: severe drift", "the figures are worse", "dest: drift")
    assert raised(replace(verdict(SHIFT), reasons=()), "the figures are worse").reasons == ("the figures are worse",)


def test_raising_leaves_the_verdict_that_was_given() -> None:
    """A verdict never changes: the one that is raised is another."""
    before = verdict(SHIFT)
    text = before.dumps()
    assert raised(before, "worse").severity is Severity.CRITICAL
    assert before.dumps() == text


def test_lowering_wakes_nobody_and_trains_nothing() -> None:
    """The reason comes first, and the verdict says what it was."""
    low = lowered(verdict(SHIFT), "no harm")
    assert (low.severity, low.actions, low.reasons[0]) == (Severity.LOW, (Action.ALERT, Action.INVESTIGATE), "no harm")
    assert low.evidence["lowered_from"] == "high"


@pytest.mark.parametrize(
    ("findings", "outcome", "worse"),
    [
        ([finding(Check.CHAMPION_DROP, Severity.HIGH)], Outcome.DEGRADED, True),
        ([finding(Check.TRAILING_DROP, Severity.MEDIUM)], Outcome.DEGRADED, True),
        ([finding(Check.CHAMPION_DROP, Severity.MEDIUM, segment="carrier=UA")], Outcome.DEGRADED, False),
        ([finding(Check.COVERAGE, Severity.MEDIUM)], Outcome.WARNING, False),
        ([finding(Check.CHAMPION_DROP, Severity.HIGH)], Outcome.LABELS_IMMATURE, False),
        ([], Outcome.HEALTHY, False),
    ],
)
def test_when_figures_are_worse(findings: list[dict[str, Any]], outcome: Outcome, *, worse: bool) -> None:
    """Those of all rows, in a window that could be judged: a segment is not the model."""
    assert is_worse(verdict(*findings, outcome=outcome)) is worse


def test_what_stands_beside() -> None:
    """A verdict on nothing says nothing."""
    assert not stands_beside(None)
    assert not stands_beside(verdict(outcome=Outcome.WARNING))
    assert stands_beside(verdict(outcome=Outcome.DRIFTED))
    assert stands_beside(verdict(outcome=Outcome.DEGRADED))
