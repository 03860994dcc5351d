"""Whether what was found asks for a retraining: by how severe it is, and whether it persists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from monitoring_tasks.checks import Suite
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.policy.matrix import Finding, Rule
from monitoring_tasks.policy.verdict import Action, Subject
from monitoring_tasks.window import stamp

WaitsFor = Literal["both", "either"]
_LASTING = frozenset({"prediction drift", "drift of several important features", "drift of an important feature"})
"""Rows of the matrix that are over the threshold and not severe: by themselves they ask for nothing."""


def learns(monitor: Monitor) -> bool:
    """Whether a monitor's model can be retrained on what it answered: one that answers with text has no outcomes."""
    return monitor.task != "text"


def request_run(subject: Subject) -> str:
    """Id of the retraining that a verdict requests: one for each window and champion, however often it is asked for."""
    return f"retrain__{stamp(subject.window.end)}__{subject.champion}"


def succeeded(champion: str, present: str) -> str:
    """Why a window asks for no retraining: the champion that answered in it is in use no more; empty where it is.

    >>> succeeded("v1.0.0-3f2a9c1b", "v1.0.0-3f2a9c1b")
    ''
    """
    return "" if champion == present else f"champion {champion} answered in that window, and {present} took its place"


def asks_retraining(judged: Iterable[tuple[Finding, Rule]], waits_for: WaitsFor) -> bool:
    """Whether a finding asks for a retraining.

    Worse figures do at once, since labels come late. Drift of the prediction or of an important feature does when it is
    severe and persists (`both`), or as soon as it is severe, or lasts over the threshold (`either`). What a season or a
    fault of the data explains does not.
    """
    return any(_asks(finding, rule, waits_for) for finding, rule in judged)


def _asks(finding: Finding, rule: Rule, waits_for: WaitsFor) -> bool:
    wants = Action.RETRAIN in rule.actions
    if finding.result.suite is Suite.PERFORMANCE:
        return wants
    if waits_for == "both":
        return wants and finding.persistent
    return wants or (finding.persistent and rule.name in _LASTING and not _explained(finding))


def _explained(finding: Finding) -> bool:
    return bool(finding.result.season or finding.result.cause)
