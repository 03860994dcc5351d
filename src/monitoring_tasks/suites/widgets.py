"""What the report page shows: tables and plots as Evidently's widgets, with ids that never change."""

from __future__ import annotations

import html
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evidently.legacy.model.widget import BaseWidgetInfo
from evidently.legacy.renderers.html_widgets import (
    ColumnDefinition,
    ColumnType,
    CounterData,
    RichTableDataRow,
    RowDetails,
    counter,
    plotly_data,
    rich_table_data,
    table_data,
)

from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.methods import method
from monitoring_tasks.profile.bars import OTHERS, Bars, bars
from monitoring_tasks.suites.columns import NO_ROWS, Column

REFERENCE_COLOR, CURRENT_COLOR = "#4d4d4d", "#ed0400"
NOTHING, ALL_ROWS, EVERYTHING = "-", "all rows", "every column"
_WORDS = {
    Status.FAILED: "✗ failed",
    Status.SUSPECT: "~ suspect",
    Status.UNDECIDED: "? undecided",
    Status.PASSED: "✓ passed",
}
_TITLES = {Suite.DATA_DRIFT: "Data drift", Suite.PREDICTION_DRIFT: "Prediction drift"}
_EVIDENCE = {"effect": "Effect", "adjusted": "p"}
_CHECK_FIELDS = {
    "check": "Check",
    "column": "Column",
    "value": "Value",
    "threshold": "Threshold",
    **_EVIDENCE,
    "detail": "Detail",
}
_QUALITY_FIELDS = {
    "column": "Column",
    "types": "Type",
    "status": "Status",
    Check.COLUMN_PRESENT.value: "Absent",
    Check.COLUMN_TYPE.value: "Wrong type",
    Check.MISSING_SHARE.value: "Missing (%)",
    "allowed": "Missing allowed (%)",
    "strange": "Out of range or new",
    Check.CONSTANT.value: "Constant",
}
_BROKEN = frozenset({Check.ROW_COUNT, Check.COLUMN_PRESENT, Check.COLUMN_TYPE})
Plots = Mapping[str, BaseWidgetInfo]
PLOTTED = 150
"""So many columns a page draws; more would make it too large to open from a mail."""
SEGMENTS = 100
"""So many findings in segments a page lists."""
_SUITES = {Suite.DATA_QUALITY: "quality", Suite.DATA_DRIFT: "drift", Suite.PREDICTION_DRIFT: "prediction"}


def urgency(result: CheckResult) -> tuple[int, float]:
    """Place of a result in a list for people: broken input and severe drift, failed, suspect, undecided, passed.

    Among equals the worst comes first.
    """
    worst = result.severe or result.check in _BROKEN
    places = {Status.FAILED: 0 if worst else 1, Status.SUSPECT: 2, Status.UNDECIDED: 3, Status.PASSED: 4}
    return places[result.status], -_excess(result)


def _excess(result: CheckResult) -> float:
    """How far a value lies beyond its threshold, as a ratio; turned round for p-values, infinite for broken input."""
    if result.check in _BROKEN:
        return math.inf
    if result.value is None or not result.threshold:
        return 0.0
    if result.method and method(result.method).p_value:
        return result.threshold / max(result.value, 1e-300)
    return result.value / result.threshold


def status_words(result: CheckResult) -> str:
    """The status with a sign that is read without colour."""
    return "✗✗ severe" if result.severe and result.status is Status.FAILED else _WORDS[result.status]


def figure(value: float | None) -> float | str:
    """A number short enough for a table, still a number so that the table can sort by it; a dash for none.

    >>> figure(12345.0), figure(0.123456), figure(None)
    (12345, 0.1235, '-')
    """
    if value is None:
        return NOTHING
    return int(value) if value.is_integer() else float(f"{value:.4g}")


def plots(columns: Mapping[str, Column]) -> Plots:
    """One plot of both sides' distribution for each column; tables share it by its id."""
    return {
        name: named(plot_of(_bars(column), column.kind), f"column-{place}")
        for place, (name, column) in enumerate(columns.items())
    }


@dataclass(frozen=True)
class Drawn:
    """The plots that rows of tables open to: of columns' distributions, and of watched columns' levels."""

    columns: Plots
    levels: Plots = field(default_factory=dict)

    def row(self, fields: dict[str, Any], result: CheckResult) -> RichTableDataRow:
        """A row about a result, which opens to its column's plot; of a level to that of the level as well."""
        level = self.levels.get(result.column or "") if result.check is Check.LEVEL else None
        return row_of(fields, self.columns.get(result.column or ""), level)


def plotted(results: Sequence[CheckResult], columns: Mapping[str, Column]) -> dict[str, Column]:
    """The columns to draw, in their order: of more than 150 the predictions and the worst, findings before scores."""
    telling = [each for each in results if each.status is not Status.PASSED or each.check is Check.DRIFT]
    ranked = sorted(telling, key=lambda each: (each.suite is not Suite.PREDICTION_DRIFT, urgency(each)))
    worst = set(list(dict.fromkeys(each.column for each in ranked if each.column))[:PLOTTED])
    return {name: column for name, column in columns.items() if name in worst}


def _bars(column: Column) -> Bars:
    return bars(column.bins, column.reference, column.current)


def plot_of(shown: Bars, kind: str) -> BaseWidgetInfo:
    """Bars of both sides beside each other, of a `numeric` or `categorical` column."""
    sides = (("reference", shown.reference, REFERENCE_COLOR), ("current", shown.current, CURRENT_COLOR))
    labels = [html.escape(label, quote=False) for label in shown.labels]  # Plotly reads a label as HTML
    data = [
        {"type": "bar", "name": name, "x": labels, "y": list(shares), "marker": {"color": color}}
        for name, shares, color in sides
    ]
    axis = {"type": "category", "title": {"text": "value" if kind == "numeric" else "category"}, "automargin": True}
    layout = {
        "height": 490,
        "margin": {"t": 20, "b": 60},
        "barmode": "group",
        "xaxis": axis,
        "yaxis": {"tickformat": ".0%", "title": {"text": "share"}},
    }
    return plotly_data(title="", data=data, layout=layout)


def overview(results: Sequence[CheckResult], rows: int, title: str) -> BaseWidgetInfo:
    """Counters of rows and outcomes."""
    statuses = [result.status for result in results]
    counts = {
        "rows": rows,
        "checks failed": statuses.count(Status.FAILED),
        "of these severe": sum(result.severe and result.status is Status.FAILED for result in results),
        "checks suspect": statuses.count(Status.SUSPECT),
        "checks undecided": statuses.count(Status.UNDECIDED),
        "checks passed": statuses.count(Status.PASSED),
    }
    counters = [CounterData(label, f"{value:,}") for label, value in counts.items()]
    return named(counter(title=title, counters=counters), "overview")


def findings(results: Sequence[CheckResult], drawn: Drawn) -> BaseWidgetInfo:
    """Table of everything that did not pass, the most urgent first; a row opens to its column's plot.

    Checks of one column that are undecided for one reason share a row, and so do all when there are no rows.
    """
    found = sorted((result for result in results if result.status is not Status.PASSED), key=urgency)
    if not found:
        return named(counter(title="Findings", counters=[CounterData("every check passed", "none")]), "findings")
    fields = {"status": "Status", "suite": "Suite", **_CHECK_FIELDS}
    together: dict[Hashable, list[CheckResult]] = {}
    for result in found:
        together.setdefault(_reason(result), []).append(result)
    rows = [drawn.row(_joint_fields(group), group[0]) for group in together.values()]
    return named(table_of("Findings: what did not pass", fields, rows), "findings")


def _reason(result: CheckResult) -> Hashable:
    if result.status is Status.UNDECIDED:
        return result.detail if result.detail == NO_ROWS else (result.column, result.detail)
    return result.key


def _joint_fields(group: Sequence[CheckResult]) -> dict[str, Any]:
    if len(group) == 1:
        return _check_fields(group[0])
    checks, suites, columns = (
        dict.fromkeys(fields[name] for fields in map(_check_fields, group)) for name in ("check", "suite", "column")
    )
    column = next(iter(columns)) if len(columns) == 1 else EVERYTHING
    joint = {"check": ", ".join(checks), "suite": ", ".join(suites), "column": column}
    return {**_check_fields(group[0]), **joint, "threshold": NOTHING, **dict.fromkeys(_EVIDENCE, NOTHING)}


def _in_unit(result: CheckResult, value: float | None) -> float | str:
    """A value of a check in its unit: a missing share in per cent, still a number so that the table can sort by it."""
    return figure(value if value is None or result.check is not Check.MISSING_SHARE else 100 * value)


def _check_fields(result: CheckResult) -> dict[str, Any]:
    unit = " (%)" if result.check is Check.MISSING_SHARE else ""
    return {
        "status": status_words(result),
        "suite": _SUITES[result.suite],
        "check": (result.method or result.check.value.replace("_", " ")) + unit,
        "column": result.column or ALL_ROWS,
        "value": _in_unit(result, result.value),
        "threshold": _in_unit(result, result.threshold),
        "effect": _in_unit(result, getattr(result.evidence, "effect", None)),
        "adjusted": figure(getattr(result.evidence, "adjusted", None)),
        "detail": "; ".join(filter(None, (result.detail, result.cause, result.season and f"season: {result.season}"))),
    }


def segments_table(results: Sequence[CheckResult]) -> list[BaseWidgetInfo]:
    """Table of what was found in segments, the most urgent first; none where no segment was looked at."""
    looked_at = [result for result in results if result.segment]
    found = sorted((result for result in looked_at if result.status is not Status.PASSED), key=urgency)
    names = len({result.segment for result in looked_at if result.column})
    if not found:
        counters = [CounterData("every check passed", f"{names:,}")]
        return [named(counter(title="Segments", counters=counters), "segments")] if names else []
    fields = {"segment": "Segment", "status": "Status", **_CHECK_FIELDS}
    rows = [row_of({"segment": result.segment, **_check_fields(result)}) for result in found[:SEGMENTS]]
    left_out = f", the worst {SEGMENTS} of {len(found)} findings" if len(found) > SEGMENTS else ""
    return [named(table_of(f"Segments: {names} looked at{left_out}", fields, rows), "segments")]


def drift_table(
    suite: Suite, results: Sequence[CheckResult], columns: Mapping[str, Column], drawn: Drawn
) -> BaseWidgetInfo:
    """Table of a suite's drift checks, and of its columns' levels, the worst first.

    Those drawn have both histograms and open to a plot.
    """
    drifts = sorted((result for result in results if result.check in (Check.DRIFT, Check.LEVEL)), key=urgency)
    rows = [drawn.row(_drift_fields(result, columns, drawn.columns), result) for result in drifts]
    fields = {"column": "Column", "status": "Status", "check": "Method", "value": "Score", "threshold": "Threshold"}
    fields |= _EVIDENCE
    columns_told = {result.column for result in drifts}
    left_out = f", drawn for the worst {len(drawn.columns)} columns" if len(columns_told) > len(drawn.columns) else ""
    return named(table_of(_TITLES[suite] + left_out, fields, rows, histograms=True), suite.value)


def _drift_fields(result: CheckResult, columns: Mapping[str, Column], drawn: Plots) -> dict[str, Any]:
    name = result.column or ""
    shown = _bars(columns[name]) if name in drawn else Bars((), (), ())
    # Of hundreds of categories the rest is most, and would make the named ones too small to see.
    told = sum(label != OTHERS for label in shown.labels)
    return {
        **_check_fields(result),
        "reference": small(shown.reference[:told]),
        "current": small(shown.current[:told]),
    }


def small(shares: Sequence[float]) -> dict[str, Any]:
    """A histogram that fits into a cell."""
    return {"x": list(range(len(shares))), "y": list(shares)}


def quality_table(results: Sequence[CheckResult], columns: Mapping[str, Column], drawn: Plots) -> BaseWidgetInfo:
    """Table of the quality checks, one row for each column, the worst first; the cells hold the values."""
    by_column = {name: [result for result in results if result.column == name] for name in columns}
    ranked = sorted(by_column.items(), key=lambda item: min(map(urgency, item[1])))
    rows = [row_of(_quality_fields(columns[name], checks), drawn.get(name)) for name, checks in ranked]
    return named(table_of("Data quality by column", _QUALITY_FIELDS, rows), Suite.DATA_QUALITY.value)


def _quality_fields(column: Column, checks: Sequence[CheckResult]) -> dict[str, Any]:
    measured: dict[str, Any] = {check.value: NOTHING for check in Check}
    measured |= {each.check.value: _in_unit(each, each.value) for each in checks}
    strange = Check.OUT_OF_RANGE_SHARE if column.kind == "numeric" else Check.UNSEEN_SHARE
    allowed = (_in_unit(each, each.threshold) for each in checks if each.check is Check.MISSING_SHARE)
    return {
        **measured,
        "column": column.name,
        "types": f"{column.kind}: {', '.join(column.types) or NOTHING}",
        "status": status_words(min(checks, key=urgency)),
        "allowed": next(allowed, NOTHING),
        "strange": measured[strange.value],
    }


def whole_table(results: Sequence[CheckResult]) -> BaseWidgetInfo:
    """Table of the checks that are about all rows or all columns."""
    shown = [_check_fields(result) for result in results if result.column is None]
    fields = {"status": "Status", **{name: words for name, words in _CHECK_FIELDS.items() if name != "column"}}
    rows = [[each[name] for name in fields] for each in shown]
    return named(
        table_data(title="Checks of the window as a whole", column_names=list(fields.values()), data=rows), "whole"
    )


def facts(metadata: Mapping[str, str]) -> BaseWidgetInfo:
    """Table of what the run was: versions, hashes, window."""
    return named(table_data(title="About this run", column_names=["Name", "Value"], data=metadata.items()), "facts")


def row_of(
    fields: dict[str, Any], distribution: BaseWidgetInfo | None = None, level: BaseWidgetInfo | None = None
) -> RichTableDataRow:
    """A row of `table_of`, which opens to the plots that there are."""
    parts = [(title, plot) for title, plot in (("Level", level), ("Distribution", distribution)) if plot]
    details = RowDetails()
    for title, plot in parts:
        details = details.with_part(title, plot)
    return RichTableDataRow(fields, details if parts else None)


def table_of(
    title: str, fields: Mapping[str, str], rows: Sequence[RichTableDataRow], *, histograms: bool = False
) -> BaseWidgetInfo:
    """A table that people can sort, with a column for each of `fields` and, if asked for, both sides' histograms."""
    columns = [ColumnDefinition(words, name) for name, words in fields.items()]
    if histograms:
        columns += [_histogram("Reference", REFERENCE_COLOR), _histogram("Current", CURRENT_COLOR)]
    return rich_table_data(title=title, rows_per_page=25, columns=columns, data=list(rows))


def _histogram(title: str, color: str) -> ColumnDefinition:
    options = {"xField": "x", "yField": "y", "color": color}
    return ColumnDefinition(title, title.lower(), ColumnType.HISTOGRAM, options=options)


def named(widget: BaseWidgetInfo, name: str) -> BaseWidgetInfo:
    """The widget with an id that never changes."""
    widget.id = name  # Evidently draws a random one, and the same window must give the same bytes
    return widget


def named_all(widgets: Iterable[BaseWidgetInfo], prefix: str) -> None:
    """Gives widgets that Evidently made ids that never change."""
    for place, widget in enumerate(widgets):
        named(widget, f"{prefix}-{place}")
