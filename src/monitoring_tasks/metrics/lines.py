"""All of a scrape but the columns, as lines: verdicts, figures, incidents, retrainings and champions."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Literal

from monitoring_tasks.incidents.incident import State
from monitoring_tasks.metrics import families
from monitoring_tasks.metrics.columns import UNKNOWN
from monitoring_tasks.metrics.facts import Facts
from monitoring_tasks.metrics.sheet import Sheet
from monitoring_tasks.performance.headline import MetricLine
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.board import Head, PerformanceHead
from monitoring_tasks.views.overview import Watched

Stream = Literal["drift", "performance", "labels"]
_FINDINGS = {"failed": 1, "passed": 0, "suspect": 0}
_OPEN = tuple(state.value for state in State if state is not State.RESOLVED)
_SEVERITIES = tuple(each.word for each in Severity)


def write(sheet: Sheet, watched: Iterable[Watched], facts: Facts) -> None:
    """The lines of the monitors watched; what the store holds of others is left out."""
    known = {each.name: each for each in watched}
    for each in known.values():
        _monitor(sheet, each)
    for head in facts.heads:
        if head.subject.monitor in known:
            _drift(sheet, head)
    _performance(sheet, known, facts)
    _incidents(sheet, known, facts)
    _retrainings(sheet, known, facts)
    _champions(sheet, known, facts)


def write_letters(sheet: Sheet, facts: Facts) -> None:
    """The lines about the outbox, which belongs to no monitor."""
    for state in ("waiting", "dead"):
        sheet.put(families.LETTERS, facts.letters.get(state, 0), state)


def _monitor(sheet: Sheet, watched: Watched) -> None:
    sheet.put(families.MONITOR_INFO, 1, watched.name, watched.owner)
    sheet.put(families.PAUSED, int(watched.paused), watched.name)
    sheet.put(families.DUE, watched.started, watched.name)
    sheet.put(families.INTERVAL, watched.interval.total_seconds() if watched.interval else None, watched.name)


def _verdict(sheet: Sheet, stream: Stream, found: Head | PerformanceHead) -> None:
    monitor, window = found.subject.monitor, found.subject.window
    for outcome in Outcome:
        sheet.put(families.OUTCOME, int(found.outcome is outcome), monitor, stream, outcome.value)
    sheet.put(families.SEVERITY, int(found.severity), monitor, stream)
    sheet.put(families.WINDOW_END, window.end, monitor, stream)
    sheet.put(families.LAST_SUCCESS, found.written_at, monitor, stream)


def _drift(sheet: Sheet, head: Head) -> None:
    monitor, headline = head.subject.monitor, head.headline
    _verdict(sheet, "drift", head)
    sheet.put(families.ROWS, head.rows, monitor)
    if head.outcome in UNKNOWN:
        return
    unsettled = {"failed": headline.drifted, "suspect": headline.suspect, "undecided": headline.undecided}
    for drift, count in {"passed": headline.features - sum(unsettled.values()), **unsettled}.items():
        sheet.put(families.FEATURES, count, monitor, drift)
    sheet.put(families.FAULTY, headline.faulty, monitor)


def _performance(sheet: Sheet, known: Collection[str], facts: Facts) -> None:
    for head in facts.performance:
        if head.subject.monitor in known:
            _verdict(sheet, "performance", head)
            _labels(sheet, "judged", head)
            for line in head.headline.lines:
                _metric(sheet, head.subject.monitor, line)
    for head in facts.labels:
        if head.subject.monitor in known:
            _verdict(sheet, "labels", head)
            _labels(sheet, "newest", head)


def _labels(sheet: Sheet, window: str, head: PerformanceHead) -> None:
    maturity = head.headline.maturity
    sheet.put(families.COVERAGE, maturity.coverage, head.subject.monitor, window)
    sheet.put(families.MATURITY, maturity.maturity, head.subject.monitor, window)


def _metric(sheet: Sheet, monitor: str, line: MetricLine) -> None:
    values = {
        families.PERFORMANCE: line.figure.value,
        families.PERFORMANCE_LOW: line.figure.low,
        families.PERFORMANCE_HIGH: line.figure.high,
        families.ESTIMATE: line.estimate.value if line.estimate else None,
        families.BASELINE: line.baseline,
        families.DROP: line.drop,
        families.DROP_LIMIT: line.limit,
        families.WORSE: _FINDINGS.get(line.status or ""),
    }
    for family, value in values.items():
        sheet.put(family, value, monitor, line.metric)


def _incidents(sheet: Sheet, known: Collection[str], facts: Facts) -> None:
    counts, oldest = facts.open_incidents(), facts.oldest_incidents()
    for monitor in known:
        for state in _OPEN:
            for severity in _SEVERITIES:
                sheet.put(families.INCIDENTS, counts[monitor, state, severity], monitor, state, severity)
        sheet.put(families.OLDEST_INCIDENT, oldest.get(monitor), monitor)


def _retrainings(sheet: Sheet, known: Collection[str], facts: Facts) -> None:
    for (monitor, state), count in sorted(facts.retrainings.items()):
        if monitor in known:
            sheet.put(families.RETRAININGS, count, monitor, state)
    waiting = facts.approvals()
    for monitor in known:
        asked: list[datetime] = waiting.get(monitor, [])
        sheet.put(families.APPROVALS, len(asked), monitor)
        sheet.put(families.OLDEST_APPROVAL, asked[0] if asked else None, monitor)


def _champions(sheet: Sheet, known: Collection[str], facts: Facts) -> None:
    since = facts.since()
    for head in facts.heads:
        monitor, champion = head.subject.monitor, head.subject.champion
        if monitor in known and champion:
            promoted = since.get((monitor, champion))
            sheet.put(families.CHAMPION, 1, monitor, champion)
            sheet.put(families.CHAMPION_SINCE, promoted or facts.first_windows.get(monitor), monitor)
