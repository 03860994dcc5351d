"""When drift, or worse figures, are told without waking anybody: pure functions of verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from monitoring_tasks.checks import Check
from monitoring_tasks.policy.verdict import Action, Outcome, Verdict
from monitoring_tasks.severity import Severity

_SHIFTS = {Check.DRIFT.value, Check.JOINT.value, Check.DRIFTED_SHARE.value}


def is_drift_alone(verdict: Verdict) -> bool:
    """Whether a verdict is more than low for nothing but shifts of distributions that no fault of the data explains."""
    severe = [each for each in verdict.evidence.get("findings") or () if _severity(each) > Severity.LOW]
    return bool(severe) and all(each["check"] in _SHIFTS and not each["cause"] for each in severe)


def lowered(verdict: Verdict, reason: str) -> Verdict:
    """The verdict as one that is told and wakes nobody, nor trains anything, for a reason that is told first."""
    actions = tuple(action for action in verdict.actions if action is not Action.RETRAIN)
    severity = min(verdict.severity, Severity.LOW)
    evidence = {**verdict.evidence, "lowered_from": verdict.severity.word}
    return replace(verdict, severity=severity, actions=actions, reasons=(reason, *verdict.reasons), evidence=evidence)


def stands_beside(other: Verdict | None) -> bool:
    """Whether another verdict says that something is wrong: drift beside worse figures, or the other way round."""
    return other is not None and other.outcome in (Outcome.DRIFTED, Outcome.DEGRADED)


def _severity(finding: Mapping[str, Any]) -> Severity:
    return Severity[str(finding["severity"]).upper()]
