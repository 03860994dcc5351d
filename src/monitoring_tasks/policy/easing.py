"""When drift, or worse figures, wake nobody, and when drift is worse than it looks: pure functions of verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from monitoring_tasks.checks import Check
from monitoring_tasks.policy.verdict import Action, Outcome, Verdict
from monitoring_tasks.severity import Severity

_SHIFTS = {Check.DRIFT.value, Check.JOINT.value, Check.DRIFTED_SHARE.value}
_DROPS = {Check.CHAMPION_DROP.value, Check.TRAILING_DROP.value}
_KNOWN = (Outcome.WARNING, Outcome.DRIFTED)


def has_drift(verdict: Verdict) -> bool:
    """Whether a verdict tells a shift of distributions that is more than low, and that no fault of the data explains.

    What cannot be judged has none.
    """
    return verdict.outcome in _KNOWN and any(map(_is_drift, verdict.evidence.get("findings") or ()))


def is_drift_alone(verdict: Verdict) -> bool:
    """Whether a verdict is more than low for nothing but shifts of distributions that no fault of the data explains."""
    severe = [each for each in verdict.evidence.get("findings") or () if _severity(each) > Severity.LOW]
    return bool(severe) and all(map(_is_drift, severe))


def lowered(verdict: Verdict, reason: str) -> Verdict:
    """The verdict as one that is told and wakes nobody, nor trains anything, for a reason that is told first."""
    actions = tuple(action for action in verdict.actions if action is not Action.RETRAIN)
    severity = min(verdict.severity, Severity.LOW)
    evidence = {**verdict.evidence, "lowered_from": verdict.severity.word}
    return replace(verdict, severity=severity, actions=actions, reasons=(reason, *verdict.reasons), evidence=evidence)


def raised(verdict: Verdict, reason: str) -> Verdict:
    """The verdict with its drift one step worse, for a reason that is told second; nothing is worse than critical."""
    findings = [_worse(each) if _is_drift(each) else each for each in verdict.evidence["findings"]]
    findings.sort(key=_severity, reverse=True)
    evidence = {**verdict.evidence, "findings": findings, "raised_from": verdict.severity.word}
    severity = max([verdict.severity, *map(_severity, findings)])
    return replace(verdict, severity=severity, reasons=_second(verdict.reasons, reason), evidence=evidence)


def is_worse(figures: Verdict) -> bool:
    """Whether the model's figures are worse than they should be; those of one of its segments alone do not count."""
    findings = figures.evidence.get("findings") or ()
    return figures.outcome is Outcome.DEGRADED and any(
        each["check"] in _DROPS and not each["segment"] for each in findings
    )


def stands_beside(other: Verdict | None) -> bool:
    """Whether another verdict says that something is wrong: drift beside worse figures, or the other way round."""
    return other is not None and other.outcome in (Outcome.DRIFTED, Outcome.DEGRADED)


def _is_drift(finding: Mapping[str, Any]) -> bool:
    return finding["check"] in _SHIFTS and not finding["cause"] and _severity(finding) > Severity.LOW


def _worse(finding: Mapping[str, Any]) -> dict[str, Any]:
    return {**finding, "severity": Severity(min(_severity(finding) + 1, Severity.CRITICAL)).word}


def _second(reasons: tuple[str, ...], reason: str) -> tuple[str, ...]:
    return (*reasons[:1], reason, *reasons[1:])


def _severity(finding: Mapping[str, Any]) -> Severity:
    return Severity.of(finding["severity"])
