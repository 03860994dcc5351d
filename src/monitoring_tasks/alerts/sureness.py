"""How sure a finding is, in a line: score, threshold, chance, windows and rows. Pure functions of a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from monitoring_tasks.alerts.naming import counted, listed
from monitoring_tasks.calibration.gauge import said_mean
from monitoring_tasks.checks import Check, Status, Suite
from monitoring_tasks.incidents.incident import Incident
from monitoring_tasks.incidents.signals import Finding, cause_of
from monitoring_tasks.methods import method
from monitoring_tasks.policy.decision import LEAST_P
from monitoring_tasks.policy.missing import measured
from monitoring_tasks.policy.verdict import Verdict


def how_sure(incident: Incident, verdict: Verdict | None) -> str:
    """The worst finding's score and chance, for how many windows it stands, and on how many rows of how many checks."""
    if verdict is None:
        return ""
    evidence, found = verdict.evidence, findings_of(incident, verdict)
    return ", ".join([*(_measured(found[0], evidence) if found else ()), *_rows(evidence), *_checks(evidence)])


def findings_of(incident: Incident, verdict: Verdict) -> list[Finding]:
    """The findings of a verdict that belong to an incident, those of its worst columns first."""
    found = [each for each in verdict.evidence.get("findings") or () if cause_of(each) is incident.cause]
    places = {column: place for place, column in enumerate(incident.columns)}
    of = [each for each in found if each.get("column") in places or not each.get("column")]
    return sorted(of, key=lambda each: (bool(each.get("segment")), places.get(each.get("column"), len(places))))


def _measured(finding: Finding, evidence: Mapping[str, Any]) -> Iterator[str]:
    value, threshold, tested = finding.get("value"), finding.get("threshold"), finding.get("evidence") or {}
    if finding["check"] == Check.MISSING_SHARE and (share := measured(finding)):
        yield f"missing {share}"
    elif value is not None and threshold is not None:
        yield f"{measure(finding)} {said_mean(value)} {_side(finding)} {said_mean(threshold)}"
    if (p := tested.get("adjusted")) is not None and not finding.get("weak"):
        yield f"p {p:.2g}" if p >= LEAST_P else f"p < {LEAST_P:g}"
    of = min(evidence.get("persistence", {}).get("known", 0) + 1, evidence.get("persistence", {}).get("of", 1))
    if (windows := finding.get("windows") or 1) > 1:
        yield f"in {windows} of the last {of} windows"


def _side(finding: Finding) -> str:
    """How a value stands to its limit: what is small, and persists, has not reached it."""
    small = finding.get("evidence") and not finding.get("large", True) and finding["check"] != Check.CONSTANT
    p_value = finding.get("method") and method(finding["method"]).p_value
    return "against" if not small else "above" if p_value else "below"


def measure(finding: Finding) -> str:
    """What was measured, in a word or two.

    >>> measure({"check": "unseen_share", "method": None}), measure({"check": "drift", "method": "psi"})
    ('unseen share', 'psi')
    """
    if finding.get("suite") == Suite.PERFORMANCE and finding.get("column"):
        return str(finding["column"])
    check = Check(finding["check"])
    return str(finding.get("method") or ("jump" if check is Check.LEVEL else check.value.replace("_", " ")))


def _rows(evidence: Mapping[str, Any]) -> Iterator[str]:
    if (predictions := evidence.get("predictions")) is not None:
        yield f"{evidence.get('labelled', 0):,} of {counted(predictions, 'prediction')} labelled"
    elif isinstance(rows := evidence.get("rows"), int):
        least = evidence.get("minimum_rows", 0)
        yield counted(rows, "row") + (f" of the {least:,} needed" if rows < least else "")


def _checks(evidence: Mapping[str, Any]) -> Iterator[str]:
    if counts := evidence.get("checks"):
        yield f"{counts.get(Status.FAILED.value, 0)} of {counted(sum(counts.values()), 'check')} failed"


def season(incident: Incident, verdict: Verdict | None) -> str:
    """Which season shows the worst of an incident's shifts as well, in words; empty where none does."""
    found = findings_of(incident, verdict) if verdict is not None else []
    named = (f"season: {each['column']} is as {each['season']}" for each in found if each.get("season"))
    return next(named, "")


def segments(verdict: Verdict | None) -> str:
    """Which segments stand out, the worst first; empty where none does."""
    found: Sequence[Finding] = (verdict.evidence.get("findings") if verdict else None) or ()
    by: dict[str, list[str]] = {}
    for each in found:
        if each.get("segment"):
            by.setdefault(each["segment"], []).append(each.get("column") or "")
    told = [f"{name} ({listed(list(filter(None, columns)), 2, 'more')})" for name, columns in by.items()]
    return listed(told, 2, "more")
