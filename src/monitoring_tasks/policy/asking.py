"""Whether what was found asks for a retraining: by how severe it is, and whether it persists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from monitoring_tasks.checks import Suite
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.policy.matrix import Finding, Rule
from monitoring_tasks.policy.verdict import Action

WaitsFor = Literal["both", "either"]
_LASTING = frozenset({"prediction drift", "drift of several important features", "drift of an important feature"})
"""Rows of the matrix that are over the threshold and not severe: by themselves they ask for nothing."""


def learns(monitor: Monitor) -> bool:
    """Whether a monitor's model can be retrained on what it answered: one that answers with text has no outcomes."""
    return monitor.task != "text"


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
