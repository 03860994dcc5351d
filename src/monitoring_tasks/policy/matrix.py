"""The decision matrix: which finding is how severe, and what it asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.policy.verdict import Action, Outcome
from monitoring_tasks.severity import Severity

SEVERAL = 3
"""So many important features that drifted in one window are a change of the world, not of one of them."""


@dataclass(frozen=True)
class Finding:
    """A check that did not pass, with what the policy knows about its column and its past.

    `important` is true for the features of highest importance, and for all when no importances are known.
    The same check failed, or was suspect, in `windows` of the last `of` windows, this one included; `persistent` when
    that is enough. A suspect that persists is a finding, told as failed, and `weak`. `together` counts the important
    features that drifted by so much in this window, the finding's own included, but for what a season or a fault of
    the data explains. `importance` is that of the column to the model, None where it is not known.
    """

    result: CheckResult
    important: bool
    windows: int
    of: int
    persistent: bool
    weak: bool = False
    together: int = 1
    importance: float | None = None


@dataclass(frozen=True)
class Rule:
    """One row of the matrix: the first row that applies to a finding decides about it."""

    name: str
    applies: Callable[[Finding], bool]
    outcome: Outcome
    severity: Severity
    actions: tuple[Action, ...]


def _failed(check: Check, suite: Suite | None = None) -> Callable[[Finding], bool]:
    def applies(finding: Finding) -> bool:
        result = finding.result
        return result.status is Status.FAILED and result.check is check and suite in (None, result.suite)

    return applies


def _both(first: Callable[[Finding], bool], second: Callable[[Finding], bool]) -> Callable[[Finding], bool]:
    return lambda finding: first(finding) and second(finding)


def _severe(finding: Finding) -> bool:
    return finding.result.severe


def _important(finding: Finding) -> bool:
    return finding.important


def _large(finding: Finding) -> bool:
    return finding.result.large


def _several(finding: Finding) -> bool:
    return finding.together >= SEVERAL


def _segment(finding: Finding) -> bool:
    return bool(finding.result.segment)


def _shift(finding: Finding) -> bool:
    return finding.result.status is Status.FAILED and finding.result.check is Check.DRIFT


def _worse(finding: Finding) -> bool:
    return finding.result.status is Status.FAILED and finding.result.check in (Check.CHAMPION_DROP, Check.TRAILING_DROP)


def _undecided(finding: Finding) -> bool:
    return finding.result.status is Status.UNDECIDED


_FEATURE = _failed(Check.DRIFT, Suite.DATA_DRIFT)
_PREDICTION = _failed(Check.DRIFT, Suite.PREDICTION_DRIFT)
_LEVEL = _failed(Check.LEVEL)
_PREDICTED_LEVEL = _failed(Check.LEVEL, Suite.PREDICTION_DRIFT)
_FAULT = (Action.ALERT, Action.BLOCK_RETRAINING)
_LOOK = (Action.ALERT, Action.INVESTIGATE)
_RETRAIN = (Action.ALERT, Action.INVESTIGATE, Action.RETRAIN)

# A fault in the data must never start a training: the model would learn the fault.
# What only the figures can say is not in the table: `easing.py` makes the drift of a window one step worse where they
# are worse as well (`policy.with_harm`), and low where they are expected to be as ever (`without_harm`).
RULES: tuple[Rule, ...] = (
    Rule("column missing", _failed(Check.COLUMN_PRESENT), Outcome.WARNING, Severity.CRITICAL, _FAULT),
    Rule("column of wrong type", _failed(Check.COLUMN_TYPE), Outcome.WARNING, Severity.CRITICAL, _FAULT),
    Rule("missing values", _both(_failed(Check.MISSING_SHARE), _large), Outcome.WARNING, Severity.MEDIUM, _FAULT),
    Rule("more values missing", _failed(Check.MISSING_SHARE), Outcome.WARNING, Severity.LOW, (Action.ALERT,)),
    Rule("values out of range", _failed(Check.OUT_OF_RANGE_SHARE), Outcome.WARNING, Severity.MEDIUM, _FAULT),
    Rule("constant column", _failed(Check.CONSTANT), Outcome.WARNING, Severity.MEDIUM, _FAULT),
    Rule("duplicated rows", _failed(Check.DUPLICATE_SHARE), Outcome.WARNING, Severity.MEDIUM, _FAULT),
    Rule("time without rows", _failed(Check.TIME_GAP), Outcome.WARNING, Severity.MEDIUM, _FAULT),
    Rule("unseen categories", _failed(Check.UNSEEN_SHARE), Outcome.WARNING, Severity.LOW, (Action.ALERT,)),
    Rule("labels missing", _failed(Check.COVERAGE), Outcome.WARNING, Severity.MEDIUM, (Action.ALERT,)),
    Rule("worse in a segment", _both(_worse, _segment), Outcome.DEGRADED, Severity.MEDIUM, _LOOK),
    Rule(
        "worse than the champion's reference", _failed(Check.CHAMPION_DROP), Outcome.DEGRADED, Severity.HIGH, _RETRAIN
    ),
    Rule("worse than the days before", _failed(Check.TRAILING_DROP), Outcome.DEGRADED, Severity.MEDIUM, _LOOK),
    # Among many segments some always move: it is worse figures in one of them that somebody is woken for.
    Rule("drift in a segment", _both(_shift, _both(_segment, _large)), Outcome.WARNING, Severity.LOW, _LOOK),
    Rule("small shift in a segment", _both(_shift, _segment), Outcome.WARNING, Severity.LOW, (Action.ALERT,)),
    Rule("severe prediction drift", _both(_PREDICTION, _severe), Outcome.DRIFTED, Severity.CRITICAL, _RETRAIN),
    Rule("prediction drift", _both(_PREDICTION, _large), Outcome.DRIFTED, Severity.HIGH, _LOOK),
    Rule("small shift of the prediction", _PREDICTION, Outcome.WARNING, Severity.MEDIUM, _LOOK),
    # Somebody asked for these columns to be watched from window to window: a jump is told as one of the prediction is.
    Rule("sudden change", _both(_LEVEL, _large), Outcome.DRIFTED, Severity.HIGH, _LOOK),
    Rule("small sudden change of the prediction", _PREDICTED_LEVEL, Outcome.WARNING, Severity.MEDIUM, _LOOK),
    Rule("small sudden change", _LEVEL, Outcome.WARNING, Severity.LOW, (Action.ALERT,)),
    Rule("most columns drifted", _failed(Check.DRIFTED_SHARE), Outcome.DRIFTED, Severity.HIGH, _RETRAIN),
    Rule(
        "severe drift of an important feature",
        _both(_FEATURE, _both(_severe, _important)),
        Outcome.DRIFTED,
        Severity.HIGH,
        _RETRAIN,
    ),
    Rule(
        "drift of several important features",
        _both(_FEATURE, _both(_large, _both(_important, _several))),
        Outcome.DRIFTED,
        Severity.HIGH,
        _LOOK,
    ),
    Rule(
        "drift of an important feature",
        _both(_FEATURE, _both(_large, _important)),
        Outcome.WARNING,
        Severity.MEDIUM,
        _LOOK,
    ),
    Rule("drift of a feature", _both(_FEATURE, _large), Outcome.WARNING, Severity.LOW, _LOOK),
    Rule("small shift of a feature", _FEATURE, Outcome.WARNING, Severity.LOW, (Action.ALERT,)),
    Rule("joint change of columns", _both(_failed(Check.JOINT), _large), Outcome.WARNING, Severity.MEDIUM, _LOOK),
    Rule("small joint change of columns", _failed(Check.JOINT), Outcome.WARNING, Severity.LOW, (Action.ALERT,)),
    Rule("undecided check", _undecided, Outcome.WARNING, Severity.LOW, (Action.ALERT,)),
)


def counts_together(finding: Finding) -> bool:
    """Whether a finding is one of those that `together` counts: drift of an important feature that nothing explains."""
    unexplained = not finding.result.season and not finding.result.cause and not finding.result.segment
    return unexplained and _important(finding) and _large(finding) and _FEATURE(finding)


def rule_for(finding: Finding, own: Mapping[str, Severity] | None = None) -> Rule | None:
    """The row of the matrix that decides about `finding`; None for a finding that is judged elsewhere (row count).

    `own` has a monitor's severities of rows, by name, in place of the matrix's.
    What the same season shows as well is one step less severe, and no reason to retrain. What a fault of the data
    explains is none either, however much it looks like drift: a large one blocks retraining.
    """
    rule = next((rule for rule in RULES if rule.applies(finding)), None)
    if rule is None:
        return None
    rule = replace(rule, severity=(own or {}).get(rule.name, rule.severity))
    rule = _eased(rule) if finding.result.season else rule
    return _blocking(rule) if finding.result.cause and finding.result.large else rule


def _blocking(rule: Rule) -> Rule:
    asked = {*rule.actions, Action.BLOCK_RETRAINING} - {Action.RETRAIN}
    return replace(rule, actions=tuple(action for action in Action if action in asked))


def _eased(rule: Rule) -> Rule:
    actions = tuple(action for action in rule.actions if action is not Action.RETRAIN)
    severity = Severity(max(rule.severity - 1, Severity.LOW))
    return replace(rule, outcome=Outcome.WARNING, severity=severity, actions=actions)
