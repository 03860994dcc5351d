"""What a verdict gives reason to tell: its findings by cause, with where in the world they come from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from monitoring_tasks.checks import Check, Status, Suite
from monitoring_tasks.features_section import Feature
from monitoring_tasks.incidents.reading import UNDECIDED, Cause, Signal
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.policy.missing import measured, missing_lines
from monitoring_tasks.policy.narrative import plain
from monitoring_tasks.policy.verdict import Outcome, Verdict
from monitoring_tasks.redaction import redact
from monitoring_tasks.sections import ParquetSource, Source, SqlSource
from monitoring_tasks.severity import Severity

Finding = Mapping[str, Any]
"""A finding as `verdict.evidence` has it: worst first, by drift x importance."""
Signals = tuple[frozenset[Cause], tuple[Signal, ...]]
"""The causes that a verdict says something about, and its signals."""
OF_DATA = frozenset({Cause.DATA_QUALITY, Cause.DRIFT, Cause.NO_DATA})
OF_FIGURES = frozenset({Cause.PERFORMANCE, Cause.LABELS})
_UNKNOWN = (Outcome.NO_DATA, Outcome.TOO_FEW_ROWS, Outcome.LABELS_IMMATURE)
_IN_WORDS = (Check.CHAMPION_DROP.value, Check.TRAILING_DROP.value)
"""Checks whose sentence does not begin with the name of their rule."""


def signals_of(monitor: Monitor, verdict: Verdict) -> Signals:
    """The causes that a verdict says something about, and what it gives reason to tell, worst first.

    Of faults of the data there is a signal for each column, of any other cause one. What a fault of the data explains
    is one, however much it looks like drift. A window that could not be judged says nothing about anything else.
    """
    if verdict.outcome in _UNKNOWN:
        return _of_figures_unknown(monitor, verdict) if _is_of_figures(verdict) else _of_too_little(monitor, verdict)
    groups: dict[tuple[Cause, str], list[Finding]] = {}
    findings = verdict.evidence.get("findings") or ()
    for finding in findings:
        cause = cause_of(finding)
        apart = str(finding["column"] or "") if cause is Cause.DATA_QUALITY else ""
        groups.setdefault((cause, apart), []).append(finding)
    lines = missing_lines(findings)
    told = {key: _reasons(verdict, key[0], found, lines, alone=len(groups) == 1) for key, found in groups.items()}
    signals = tuple(_signal(monitor, verdict, groups[key], told[key]) for key in groups)
    return OF_FIGURES if _is_of_figures(verdict) else OF_DATA, signals


def cause_of(finding: Finding) -> Cause:
    """The cause that a finding belongs to."""
    suite = Suite(finding["suite"])
    if suite is Suite.PERFORMANCE:
        return Cause.LABELS if finding["check"] == Check.COVERAGE.value else Cause.PERFORMANCE
    faulty = suite is Suite.DATA_QUALITY or finding.get("cause")
    return Cause.DATA_QUALITY if faulty else Cause.DRIFT


def source_id(monitor: Monitor, source: Source | None = None) -> str:
    """What names a source to all monitors that read it, the monitor's own by default; it holds no secret."""
    source = monitor.source if source is None else source
    if isinstance(source, ParquetSource):
        return redact(monitor.locate(source.path))
    if isinstance(source, SqlSource):
        digest = hashlib.sha256((source.query or "").encode()).hexdigest()[:12]
        return f"{source.connection}:{source.table or digest}"
    # What stands behind a question mark may be anything.
    return ":".join(filter(None, (source.connection, source.url.partition("?")[0])))


def _is_of_figures(verdict: Verdict) -> bool:
    """Whether a verdict is about the model's figures: those are as known at a moment."""
    return "known_at" in verdict.evidence


def _of_too_little(monitor: Monitor, verdict: Verdict) -> Signals:
    signal = _of_unknown(verdict, Cause.NO_DATA, source_id(monitor))
    return frozenset({Cause.NO_DATA}), (signal,)


def _of_figures_unknown(monitor: Monitor, verdict: Verdict) -> Signals:
    """Figures that nobody can know yet say nothing; without predictions, the monitor's own window has said so."""
    waiting = verdict.outcome is Outcome.LABELS_IMMATURE and verdict.severity <= Severity.LOW
    if waiting or verdict.outcome is Outcome.NO_DATA:
        return frozenset(), ()
    source = source_id(monitor, monitor.labels.source if monitor.labels else None)
    return frozenset({Cause.LABELS}), (_of_unknown(verdict, Cause.LABELS, source),)


def _of_unknown(verdict: Verdict, cause: Cause, source: str) -> Signal:
    """The one signal of a window that could not be judged."""
    return Signal(
        cause,
        verdict.severity,
        tuple(map(plain, verdict.reasons)),
        anchors=(source,),
        topics=(cause.value,),
        outcome=verdict.outcome.value,
    )


def _signal(monitor: Monitor, verdict: Verdict, found: Sequence[Finding], reasons: tuple[str, ...]) -> Signal:
    """The signal of findings that belong together, worst first."""
    cause = cause_of(found[0])
    # What could not be decided is named in the reasons: beside what failed it is none of the columns concerned.
    failed = [each for each in found if each["status"] != Status.UNDECIDED.value]
    columns = tuple(dict.fromkeys(str(each["column"]) for each in failed or found if each["column"]))
    suites = tuple(dict.fromkeys(str(each["suite"]) for each in found))
    return Signal(
        cause,
        min(max(_severity(each) for each in found), verdict.severity),
        reasons,
        columns=columns,
        anchors=_anchors(monitor, cause, columns),
        topics=suites if cause is Cause.DRIFT else (cause.value,),
        outcome="" if failed else UNDECIDED,
    )


def _severity(finding: Finding) -> Severity:
    return Severity.of(finding["severity"])


def _anchors(monitor: Monitor, cause: Cause, columns: Sequence[str]) -> tuple[str, ...]:
    """Where findings come from, for monitors that have them from the same place; worse figures are the model's own."""
    if cause is Cause.PERFORMANCE:
        return ()
    if cause is Cause.LABELS:
        return (source_id(monitor, monitor.labels.source if monitor.labels else None),)
    if not columns:
        return (f"{source_id(monitor)}#",) if cause is Cause.DATA_QUALITY else ()
    return tuple(f"{_upstream(monitor, column)}#{column}" for column in columns)


def _upstream(monitor: Monitor, column: str) -> str:
    """Where a column comes from. What the model makes itself comes from its own log alone."""
    if column in (monitor.prediction, monitor.id, monitor.timestamp):
        return source_id(monitor)
    return monitor.features.get(column, Feature()).upstream or monitor.upstream or source_id(monitor)


def _reasons(
    verdict: Verdict, cause: Cause, found: Sequence[Finding], lines: Mapping[str, str], *, alone: bool
) -> tuple[str, ...]:
    """The verdict's sentences about findings, the probable causes last; all of them where there is nothing else.

    `lines` has by column the line in which its missing values are told with those of others.
    """
    if alone and verdict.reasons:
        return tuple(map(plain, verdict.reasons))
    told = [lines[str(each["column"])] for each in found if _is_missing(each) and str(each["column"]) in lines]
    said = [each for each in verdict.reasons if _begins(each, told) or any(_says(each, finding) for finding in found)]
    of_all = _of_all(verdict) if cause in (Cause.DRIFT, Cause.PERFORMANCE) else []
    causes = [f"probable cause: {each['cause']}" for each in found if each.get("cause")]
    return tuple(map(plain, dict.fromkeys([*of_all, *(said or told or [_sentence(found[0])]), *causes])))


def _is_missing(finding: Finding) -> bool:
    return bool(finding["check"] == Check.MISSING_SHARE)


def _begins(reason: str, lines: Sequence[str]) -> bool:
    """Whether a sentence of a verdict is one of `lines`, to which it adds how sure it is."""
    return any(reason.startswith(line) for line in lines)


def _of_all(verdict: Verdict) -> list[str]:
    """Why a verdict is less severe than its findings, which is its first reason, or more, which is its second."""
    lowered, raised = "lowered_from" in verdict.evidence, "raised_from" in verdict.evidence
    return [*verdict.reasons[: int(lowered)], *(verdict.reasons[1:2] if raised and not lowered else ())]


def _says(reason: str, finding: Finding) -> bool:
    """Whether a sentence of a verdict is about a finding."""
    column, segment = finding["column"] or "", finding.get("segment") or ""
    if finding["status"] == Status.UNDECIDED.value:
        head, undecided, _ = reason.partition(" undecided: ")
        return bool(undecided) and column in head
    wheres = [
        " in ".join(filter(None, (column, segment))),
        ": ".join(filter(None, (f"worst segment {segment}", column))),
    ]
    rule = "" if finding["check"] in _IN_WORDS else finding["rule"]
    return any(reason.startswith((f"{where}: " if where else "") + rule) for where in wheres)


def _sentence(finding: Finding) -> str:
    """A finding that the verdict counts among others, in a sentence of its own."""
    where = " in ".join(filter(None, (finding["column"], finding.get("segment"))))
    value, threshold = finding.get("value"), finding.get("threshold")
    against = "" if value is None or threshold is None else f"{value:.3g} against {threshold:.3g}"
    size = measured(finding) if _is_missing(finding) else against
    return (f"{where}: " if where else "") + ", ".join(filter(None, (finding["rule"], size)))
