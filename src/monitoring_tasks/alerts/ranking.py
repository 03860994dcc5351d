"""The columns of an incident as a small table, worst first by drift x importance: pure functions of check results."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from monitoring_tasks.alerts.message import one_line
from monitoring_tasks.alerts.sureness import findings_of
from monitoring_tasks.calibration.gauge import said_mean
from monitoring_tasks.checks import Check, CheckResult, Status
from monitoring_tasks.incidents.incident import Incident
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.incidents.signals import Finding
from monitoring_tasks.policy.missing import alike
from monitoring_tasks.policy.narrative import in_table, sides, told
from monitoring_tasks.policy.verdict import Verdict

COLUMNS = 4
TITLES = ("importance", "check", "score", "limit", "reference", "current")
WIDTHS = (24, 10, 16, 9, 9, 24, 24)
_SHORT = {
    Check.MISSING_SHARE: "missing",
    Check.OUT_OF_RANGE_SHARE: "out of range",
    Check.UNSEEN_SHARE: "unseen",
    Check.LEVEL: "jump",
}
_SHIFTS = (Check.DRIFT, Check.LEVEL)


def columns_table(incident: Incident, verdict: Verdict | None, results: Sequence[CheckResult]) -> tuple[str, ...]:
    """Aligned lines, a heading first: the incident's columns in their order, which is by drift x importance.

    Of each column the check that says most; columns that lack values together share a line. Empty without a verdict,
    and when it found nothing in all rows of a column.
    """
    if verdict is None:
        return ()
    worst = _worst(incident, verdict)
    found = [result for result in told(verdict, results) if result.status is Status.FAILED]
    known = {result.key: result for result in _of_one_mean(found)}
    shown = [(worst[name], known[_key(worst[name])]) for name in incident.columns if _is_in(known, worst.get(name))]
    if not shown:
        return ()
    together: dict[Hashable, list[tuple[Finding, CheckResult]]] = {}
    for finding, result in shown:
        together.setdefault(alike(finding) or result.key, []).append((finding, result))
    lines, left = list(together.values())[:COLUMNS], sum(map(len, list(together.values())[COLUMNS:]))
    rows = [_row(group[0][1], group[0][0].get("importance"), len(group)) for group in lines]
    more = (f"and {left} more column{'s' * (left > 1)}",) if left else ()
    return aligned([("metric" if incident.cause is Cause.PERFORMANCE else "column", *TITLES), *rows]) + more


def _of_one_mean(found: Sequence[CheckResult]) -> list[CheckResult]:
    """The results; drift of a column that jumped is told with the levels of the jump, as the reasons are."""
    levels = {each.column: each for each in found if each.check is Check.LEVEL}

    def with_level(each: CheckResult) -> CheckResult:
        level = levels.get(each.column) if each.check is Check.DRIFT and not each.segment else None
        return replace(each, reference=level.reference, current=level.current) if level else each

    return list(map(with_level, found))


def _worst(incident: Incident, verdict: Verdict) -> dict[str, Finding]:
    """The first finding of each column in all rows: a fault before the drift that it makes, where faults are told."""
    found = [each for each in findings_of(incident, verdict) if each.get("column") and not each.get("segment")]
    found.sort(key=lambda each: (each["check"] in _SHIFTS) != (incident.cause is Cause.DRIFT))
    return {each["column"]: each for each in reversed(found)}


def _key(finding: Finding) -> tuple[str, str, str, str]:
    return (finding["suite"], finding["check"], finding["column"] or "", finding["segment"])


def _is_in(known: Mapping[tuple[str, str, str, str], CheckResult], finding: Finding | None) -> bool:
    return finding is not None and _key(finding) in known


def _row(result: CheckResult, importance: Any, columns: int) -> tuple[str, ...]:
    numbers = (in_table(result, number, digits=3) for number in (result.value, result.threshold))
    check = result.method or _SHORT.get(result.check) or result.check.value.replace("_", " ")
    weight = f"{importance:.2g}" if isinstance(importance, int | float) else ""
    names = f"{columns} columns" if columns > 1 else str(result.column)
    both = zip((result.reference, result.current), sides(result), strict=True)
    return (names, weight, check, *numbers, *(_metric(summary) or side for summary, side in both))


def _metric(summary: Mapping[str, Any]) -> str:
    """A side of a metric, which is its value; empty of a column."""
    value = summary.get("value")
    return said_mean(value) if isinstance(value, int | float) else ""


def aligned(rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Rows of cells as lines of aligned text; columns without a cell below their heading are left out.

    >>> aligned([("column", "importance", *[""] * 5), ("temp", "", *[""] * 5)])
    ('column', 'temp')
    """
    cells = [[one_line(cell, limit) for cell, limit in zip(row, WIDTHS, strict=True)] for row in rows]
    columns = [column for column in zip(*cells, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    return tuple("  ".join(map(str.ljust, row, widths)).rstrip() for row in zip(*columns, strict=True))
