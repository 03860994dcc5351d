"""The columns of an incident as a small table, worst first by drift x importance: pure functions of check results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monitoring_tasks.alerts.message import one_line
from monitoring_tasks.alerts.sureness import findings_of
from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.incidents.incident import Incident
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.policy.narrative import brief, told
from monitoring_tasks.policy.verdict import Verdict

COLUMNS = 4
TITLES = ("column", "importance", "check", "score", "limit", "reference", "current")
WIDTHS = (24, 10, 16, 9, 9, 24, 24)
_SHORT = {Check.MISSING_SHARE: "missing", Check.OUT_OF_RANGE_SHARE: "out of range", Check.UNSEEN_SHARE: "unseen"}


def columns_table(incident: Incident, verdict: Verdict | None, results: Sequence[CheckResult]) -> tuple[str, ...]:
    """Aligned lines, a heading first: the incident's columns in their order, which is by drift x importance.

    Empty without a verdict, and when no check of all rows failed in one of the columns.
    """
    if verdict is None:
        return ()
    worst = _worst(incident, told(verdict, results))
    shown = [(column, worst[column]) for column in incident.columns if column in worst]
    if not shown:
        return ()
    known = {each["column"]: each.get("importance") for each in reversed(findings_of(incident, verdict))}
    more = (f"and {len(shown) - COLUMNS} more columns",) if len(shown) > COLUMNS else ()
    rows = [_row(result, known.get(column)) for column, result in shown[:COLUMNS]]
    return aligned([TITLES, *rows]) + more


def _worst(incident: Incident, results: Sequence[CheckResult]) -> Mapping[str, CheckResult]:
    """The check of each column that says most: a fault before the drift that it makes, where faults are told of."""
    drift = incident.cause is Cause.DRIFT
    failed = [each for each in results if each.status is Status.FAILED and each.column and not each.segment]
    failed = [each for each in failed if (each.suite is Suite.PERFORMANCE) == (incident.cause is Cause.PERFORMANCE)]
    # Of several results for a column the last one stays.
    failed.sort(key=lambda each: ((each.check is Check.DRIFT) == drift, each.severe, each.key))
    return {str(each.column): each for each in failed}


def _row(result: CheckResult, importance: Any) -> tuple[str, ...]:
    numbers = ("" if number is None else f"{number:.3g}" for number in (result.value, result.threshold))
    check = result.method or _SHORT.get(result.check) or result.check.value.replace("_", " ")
    weight = f"{importance:.2g}" if isinstance(importance, int | float) else ""
    return (str(result.column), weight, check, *numbers, _brief(result.reference), _brief(result.current))


def _brief(summary: Mapping[str, Any]) -> str:
    """A side of a column in a few words; of a metric its value."""
    value = summary.get("value")
    return f"{value:.3g}" if isinstance(value, int | float) else brief(summary)


def aligned(rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Rows of cells as lines of aligned text; columns without a cell below their heading are left out.

    >>> aligned([("column", "importance", *[""] * 5), ("temp", "", *[""] * 5)])
    ('column', 'temp')
    """
    cells = [[one_line(cell, limit) for cell, limit in zip(row, WIDTHS, strict=True)] for row in rows]
    columns = [column for column in zip(*cells, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    return tuple("  ".join(map(str.ljust, row, widths)).rstrip() for row in zip(*columns, strict=True))
