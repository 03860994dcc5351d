"""Check results to verdict: a pure function of the results, those of the windows before, and the policy."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.methods import method
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.policy.asking import asks_retraining, learns
from monitoring_tasks.policy.matrix import Finding, Rule, counts_together, rule_for
from monitoring_tasks.policy.missing import alike, measured, missing_line
from monitoring_tasks.policy.verdict import Action, Outcome, Subject, Verdict
from monitoring_tasks.severity import Severity

REASONS = 12
CAUSES = 5
NAMED = 5
LEAST_P = 1e-9
Judged = tuple[Finding, Rule]


@dataclass(frozen=True)
class Given:
    """What a decision rests on.

    `history` holds the results of the windows before, newest first; None for one without rows. `importances` may be
    empty: then every feature counts as important. `evidence` is carried into the verdict as it is.
    """

    results: Sequence[CheckResult]
    rows: int
    history: Sequence[Sequence[CheckResult] | None] = ()
    importances: Mapping[str, float] | None = None
    evidence: Mapping[str, Any] | None = None


def decide(monitor: Monitor, subject: Subject, given: Given) -> Verdict:
    """The verdict on one window.

    Without rows it is `no_data`, below the minimum `too_few_rows`: unknown, whatever the checks say. Otherwise the
    worst outcome and severity of the matrix over all findings; actions are collected. Retraining is asked for only
    when a finding asks for it, as the policy says (`asking.py`), and none blocks it.
    """
    if given.rows and not given.results:
        raise ValueError("rows without a single check result cannot be judged: nothing checked is not healthy")
    why = too_few(given.rows, monitor.minimum_rows)
    return weigh(monitor, subject, given) if why is None else unknown(monitor, subject, given, why)


def weigh(monitor: Monitor, subject: Subject, given: Given) -> Verdict:
    """The verdict on a window of which enough is known: the worst of the matrix over all findings."""
    judged = _judge(monitor, given)
    outcome = max((rule.outcome for _, rule in judged), key=_ORDER.index, default=Outcome.HEALTHY)
    severity = max((rule.severity for _, rule in judged), default=Severity.NONE)
    retrains = learns(monitor) and asks_retraining(judged, monitor.policy.retrain)
    told = _actions(monitor, judged, retrains), _reasons(judged, given, retrains)
    return Verdict(subject, outcome, severity, *told, _evidence(monitor, given, judged))


class Unknown(NamedTuple):
    """Why a window cannot be judged."""

    outcome: Outcome
    severity: Severity
    reason: str


def too_few(rows: int, needed: int) -> Unknown | None:
    """Why a window of so many rows cannot be judged; None when it can."""
    if rows == 0:
        reason = "no rows in the window: the model served nothing, or its log did not arrive"
        return Unknown(Outcome.NO_DATA, Severity.MEDIUM, reason)
    reason = f"{rows} rows in the window, fewer than the {needed} needed to judge"
    return Unknown(Outcome.TOO_FEW_ROWS, Severity.LOW, reason) if rows < needed else None


def unknown(monitor: Monitor, subject: Subject, given: Given, why: Unknown) -> Verdict:
    """The verdict on a window of which too little is known; what failed all the same may say why, and is told."""
    judged = _judge(monitor, given)
    failed = [each for each in judged if each[0].result.status is Status.FAILED]
    said = [_line(group) for group in _together(failed)][:REASONS]
    evidence = _evidence(monitor, given, judged)
    return Verdict(subject, why.outcome, why.severity, (Action.ALERT,), (why.reason, *said), evidence)


_SCHEMA = (Check.COLUMN_PRESENT, Check.COLUMN_TYPE)
_TOLD = (*_SCHEMA, Check.LEVEL)
"""Checks whose detail says what was measured, and against what."""
_FOUND = (Status.FAILED, Status.SUSPECT)
_ORDER = (Outcome.HEALTHY, Outcome.WARNING, Outcome.DRIFTED, Outcome.DEGRADED)


def important_features(monitor: Monitor, importances: Mapping[str, float] | None, features: Iterable[str]) -> set[str]:
    """The features that count as important: those of highest importance, and every one whose importance is not known.

    Not knowing which feature matters must not soften a verdict.
    """
    known = importances or {}
    ranked = sorted((name for name in features if name in known), key=lambda name: (-known[name], name))
    return set(ranked[: monitor.policy.top]) | {name for name in features if name not in known}


def _judge(monitor: Monitor, given: Given) -> list[Judged]:
    features = {str(result.column) for result in given.results if result.suite is Suite.DATA_DRIFT and result.column}
    important = important_features(monitor, given.importances, features)
    findings = (_finding(monitor, result, given.history, important) for result in _told(given.results))
    stands = _counted_together([_weighed(each, given) for each in findings if each.persistent or not each.weak])
    own = {str(name): Severity.of(word) for name, word in monitor.policy.severities.items()}
    judged = [(finding, rule) for finding in stands if (rule := rule_for(finding, own))]
    heaviest = max((given.importances or {}).values(), default=1.0)
    return sorted(judged, key=lambda item: _rank(item, heaviest))


def _weighed(finding: Finding, given: Given) -> Finding:
    feature = finding.result.suite is not Suite.PERFORMANCE and finding.result.column
    importance = (given.importances or {}).get(feature) if feature else None
    return replace(finding, importance=importance)


def _counted_together(findings: Sequence[Finding]) -> list[Finding]:
    columns = {finding.result.column for finding in findings if counts_together(finding)}
    return [replace(each, together=len(columns)) if counts_together(each) else each for each in findings]


def _told(results: Sequence[CheckResult]) -> Iterator[CheckResult]:
    """What did not pass; a column that is not there is told once, not again for each check it leaves undecided.

    So is one without any value: whether so much may be missing, its missing share says. And one of a single value has
    shown all that it can where its drift was decided.
    """
    unreadable = {result.column for result in results if result.status is Status.FAILED and result.check in _SCHEMA}
    whole = [result for result in results if not result.segment]
    decided = [result for result in whole if result.column and result.status is not Status.UNDECIDED]
    judged = [each for each in decided if each.check is Check.MISSING_SHARE and each.status is not Status.SUSPECT]
    empty = {each.column for each in judged if each.value == 1}
    drawn = {each.column for each in decided if each.check is Check.DRIFT}
    for result in results:
        silent = result.column in unreadable | empty or (result.check is Check.CONSTANT and result.column in drawn)
        if result.status in _FOUND or (result.status is Status.UNDECIDED and not silent):
            yield result


def _rank(item: Judged, heaviest: float) -> tuple[Any, ...]:
    """Worst first: by severity, then by drift x importance; what is not known to matter less counts as the heaviest."""
    finding, rule = item
    excess, importance = _excess(finding.result), finding.importance
    weight = heaviest if importance is None else max(importance, 0.0)
    return (-rule.severity, -excess * weight, -excess, finding.result.key)


def _excess(result: CheckResult) -> float:
    """How far beyond its threshold a drift score is, as a ratio; of p-values in decimals. 0 where it cannot be said.

    >>> ks = CheckResult(Suite.DATA_DRIFT, Check.DRIFT, Status.FAILED, "temp", "ks_p_value", 1e-8, 0.01)
    >>> round(_excess(ks), 9), _excess(replace(ks, method="psi", value=8.4, threshold=0.2))
    (4.0, 42.0)
    """
    if result.value is None or not result.threshold:
        return 0.0
    if result.method and method(result.method).p_value:
        decimals = math.log(min(result.threshold, 1 - LEAST_P))
        return math.log(max(result.value, 1e-300)) / decimals
    return result.value / result.threshold


def _finding(
    monitor: Monitor,
    result: CheckResult,
    history: Sequence[Sequence[CheckResult] | None],
    important: set[str],
) -> Finding:
    rule = monitor.policy.persistence
    before = history[: rule.of - 1]
    windows = sum(_found_in(result, results) for results in before) + (result.status in _FOUND)
    weak = result.status is Status.SUSPECT
    told = replace(result, status=Status.FAILED) if weak else result
    is_important = result.suite is not Suite.DATA_DRIFT or result.column is None or result.column in important
    return Finding(told, is_important, windows, len(before) + 1, windows >= rule.windows, weak)


def _found_in(result: CheckResult, results: Sequence[CheckResult] | None) -> bool:
    return any(other.key == result.key and other.status in _FOUND for other in results or ())


def _actions(monitor: Monitor, judged: Sequence[Judged], retrains: bool) -> tuple[Action, ...]:
    asked = _asked(judged) - {Action.RETRAIN, *(() if learns(monitor) else (Action.BLOCK_RETRAINING,))}
    if retrains and Action.BLOCK_RETRAINING not in asked:
        asked.add(Action.RETRAIN)
    return tuple(action for action in Action if action in asked)


def _reasons(judged: Sequence[Judged], given: Given, retrains: bool) -> tuple[str, ...]:
    if not judged:
        return (f"{_quiet(given.results)} on {given.rows} rows",)
    causes = dict.fromkeys(finding.result.cause for finding, _ in judged if finding.result.cause)
    groups = _together(judged)
    lines = [_line(group) for group in groups[:REASONS]]
    lines += [f"probable cause: {cause}" for cause in list(causes)[:CAUSES]]
    if len(groups) > REASONS:
        lines.append(f"and {_counted(sum(map(len, groups[REASONS:])), 'more finding')}")
    if retrains and Action.BLOCK_RETRAINING in _asked(judged):
        lines.append("retraining is blocked: the data has faults that a new model would learn")
    return tuple(lines)


def _together(judged: Sequence[Judged]) -> list[list[Judged]]:
    """The findings, those together that are undecided for one reason; those of segments, drift or worse figures, too.

    However many segments there are, they are one line or two. Columns that lack values in the same rows are one.
    """
    groups: dict[Hashable, list[Judged]] = {}
    for finding, rule in judged:
        undecided = finding.result.status is Status.UNDECIDED and finding.result.detail
        of_segments = finding.result.segment and ("segments", finding.result.suite is Suite.PERFORMANCE)
        key = undecided or of_segments or alike(finding.result.to_json()) or finding.result.key
        groups.setdefault(key, []).append((finding, rule))
    return list(groups.values())


def _line(group: Sequence[Judged]) -> str:
    """One finding in words, or several: of segments, of missing values, or undecided for one reason."""
    results = [finding.result for finding, _ in group]
    if len(group) > 1 and alike(results[0].to_json()):
        return _missing_line([finding for finding, _ in group])
    if results[0].segment and len(group) > 1 and results[0].status is not Status.UNDECIDED:
        return _segments_line(group)
    columns = list(dict.fromkeys(result.column for result in results if result.column))
    if len(group) == 1 or not columns:
        return sentence(*group[0])
    checks = ", ".join(dict.fromkeys(result.check.value.replace("_", " ") for result in results))
    more = f" and {_counted(len(columns) - NAMED, 'more column')}" if len(columns) > NAMED else ""
    return f"{', '.join(columns[:NAMED])}{more}: {checks} undecided: {results[0].detail}"


def _missing_line(group: Sequence[Finding]) -> str:
    """Columns that lack values together: as sure, and for as many windows, as the one that is the least."""
    results = [finding.result for finding in group]
    least = max(results, key=lambda each: (each.evidence and each.evidence.adjusted) or 0.0)
    windows = min(group, key=lambda finding: finding.windows)
    certain = _certainty(least, weak=any(finding.weak for finding in group))
    # It ends with names of columns: what follows is none of them.
    sure = ", ".join([*certain, *_for_windows(windows)])
    return "; ".join(filter(None, (missing_line([each.to_json() for each in results]), sure)))


def _segments_line(group: Sequence[Judged]) -> str:
    """The worst finding of a segment, and how much else there is in it and in others."""
    finding, rule = group[0]
    worst = finding.result
    columns = {each.result.column for each, _ in group if each.result.segment == worst.segment}
    others = {each.result.segment for each, _ in group} - {worst.segment}
    more = [_counted(len(columns) - 1, "more column of it"), _counted(len(others), "more segment")]
    said = f"{worst.column}: {_said(finding, rule)}" if worst.column else _said(finding, rule)
    return " and ".join(filter(None, (f"worst segment {worst.segment}: {said}", *more)))


def _counted(number: int, what: str) -> str:
    """A number of things, nothing for none.

    >>> _counted(1, "more segment"), _counted(3, "more column of it")
    ('1 more segment', '3 more columns of it')
    """
    first, *rest = what.split(" of ")
    return "" if not number else " of ".join([f"{number} {first}{'s' * (number > 1)}", *rest])


def _quiet(results: Sequence[CheckResult]) -> str:
    """What is said of a window without a finding."""
    suspects = [result for result in results if result.status is Status.SUSPECT]
    if not suspects:
        return "all checks passed"
    named = ", ".join(dict.fromkeys(_where(result) or result.check.value for result in suspects[:3]))
    more = f" and {len(suspects) - 3} more" if len(suspects) > 3 else ""
    return f"nothing that one window can show; watched in case it persists: {named}{more};"


def _asked(judged: Sequence[Judged]) -> set[Action]:
    return {action for _, rule in judged for action in rule.actions}


def sentence(finding: Finding, rule: Rule) -> str:
    """One finding in words: column, rule, value against threshold, and for how many windows.

    >>> from monitoring_tasks.checks import Check, Suite
    >>> result = CheckResult(Suite.DATA_DRIFT, Check.DRIFT, Status.FAILED, "temp", "psi", 8.4, 0.2, True, True)
    >>> finding = Finding(result, important=True, windows=3, of=3, persistent=True)
    >>> sentence(finding, rule_for(finding))
    'temp: severe drift of an important feature, psi 8.4 against 0.2, in 3 of the last 3 windows'
    """
    where = _where(finding.result)
    return (f"{where}: " if where else "") + _said(finding, rule)


def _where(result: CheckResult) -> str:
    return " in ".join(filter(None, (result.column, result.segment)))


def _said(finding: Finding, rule: Rule) -> str:
    """What was found, but for where."""
    result = finding.result
    parts = [result.detail if result.check in _IN_WORDS and result.detail else f"{rule.name}{_measure(result)}"]
    if result.status is Status.UNDECIDED:
        parts = [f"{result.check.value} undecided: {result.detail or 'it could not be computed'}"]
    parts += [*_certainty(result, weak=finding.weak), *_for_windows(finding)]
    if result.season:
        parts.append(f"seasonal: as {result.season}")
    return ", ".join(parts)


def _for_windows(finding: Finding) -> list[str]:
    return [f"in {finding.windows} of the last {finding.of} windows"] if finding.windows > 1 else []


def _measure(result: CheckResult) -> str:
    if result.value is None or result.threshold is None:
        return ""
    if result.check in _TOLD and result.detail:
        return f", {result.detail}"
    if result.check is Check.MISSING_SHARE:
        return f", {measured(result.to_json())}"
    name = result.method or _NAMES.get(result.check) or result.check.value.replace("_", " ")
    said = f" ({result.detail})" if result.check in _NAMES and result.detail else ""
    return f", {name} {result.value:.3g} {_side(result)} {result.threshold:.3g}{said}"


def _side(result: CheckResult) -> str:
    """How a value stands to the limit that people are shown: a small finding has not reached it.

    >>> from monitoring_tasks.checks import Evidence, Suite
    >>> _side(CheckResult(Suite.DATA_DRIFT, Check.DRIFT, Status.FAILED, "a", "psi", 0.1, 0.2, evidence=Evidence()))
    'below'
    """
    if result.large or result.evidence is None or result.check is Check.CONSTANT:
        return "against"
    return "above" if result.method and method(result.method).p_value else "below"


_NAMES = {Check.JOINT: "AUC", Check.TIME_GAP: "share"}
_IN_WORDS = (Check.CHAMPION_DROP, Check.TRAILING_DROP)
"""Checks whose detail says what was measured, against what, and by how much it is worse."""


def _certainty(result: CheckResult, *, weak: bool = False) -> list[str]:
    """How sure a finding is, and of how much; nothing where that was not asked.

    A `weak` one stands on several windows: how sure this one is by itself would only puzzle.

    >>> from monitoring_tasks.checks import Evidence, Suite
    >>> evidence = Evidence(p_value=1e-5, adjusted=2.5e-4, effect=0.114, floor=0.05)
    >>> _certainty(CheckResult(Suite.DATA_DRIFT, Check.DRIFT, Status.FAILED, "temp", evidence=evidence))
    ['distance 0.11', 'p 0.00025']
    """
    evidence = result.evidence
    if evidence is None or evidence.adjusted is None or evidence.effect is None or result.status is not Status.FAILED:
        return []
    certain = f"p {evidence.adjusted:.2g}" if evidence.adjusted >= LEAST_P else f"p < {LEAST_P:g}"
    distance = [f"distance {evidence.effect:.2g}"] if result.check is Check.DRIFT else []
    return distance if weak else [*distance, certain]


def _evidence(monitor: Monitor, given: Given, judged: Sequence[Judged]) -> dict[str, Any]:
    rule = monitor.policy.persistence
    counts = {status.value: sum(result.status is status for result in given.results) for status in Status}
    return {
        **(given.evidence or {}),
        "rows": given.rows,
        "minimum_rows": monitor.minimum_rows,
        "checks": counts,
        "findings": [_finding_json(finding, rule) for finding, rule in judged],
        "persistence": {"windows": rule.windows, "of": rule.of, "known": sum(b is not None for b in given.history)},
        "importances_known": bool(given.importances),
        **({} if learns(monitor) else {"retrainable": False}),
    }


def _finding_json(finding: Finding, rule: Rule) -> dict[str, Any]:
    result = finding.result
    return {
        "rule": rule.name,
        "severity": rule.severity.word,
        "suite": result.suite.value,
        "check": result.check.value,
        "column": result.column,
        "segment": result.segment,
        "method": result.method,
        "value": result.value,
        "threshold": result.threshold,
        "large": result.large,
        "severe": result.severe,
        "status": result.status.value,
        "important": finding.important,
        "importance": finding.importance,
        "windows": finding.windows,
        "persistent": finding.persistent,
        "weak": finding.weak,
        "evidence": None if result.evidence is None else asdict(result.evidence),
        "season": result.season,
        "cause": result.cause,
    }
