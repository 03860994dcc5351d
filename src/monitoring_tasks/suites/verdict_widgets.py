"""What the comparison page says of a gate's verdict: its decision, its reasons, and every figure it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evidently.legacy.model.widget import BaseWidgetInfo
from evidently.legacy.renderers.html_widgets import CounterData, counter, table_data

from monitoring_tasks.performance_section import metric_name
from monitoring_tasks.suites.widgets import NOTHING, figure, named_all

MOST = 30
"""So many rows a table shows at most: guardrails and segments begin with the worst."""
Json = Mapping[str, Any]
_DECISIONS = {"promote": "✓ promote", "reject": "✗ reject", "inconclusive": "? inconclusive"}
_HELD = {True: "✓ held", False: "✗ broken", None: "? not enough to say"}
_WORSE = {True: "✗ worse", False: "✓ no"}
_ORDER = (False, None, True)
_COMPARED = ("Champion", "Challenger", "Improvement", "Interval", "Rows", "Days", "Method")


def verdict_widgets(verdict: Json, title: str) -> list[BaseWidgetInfo]:
    """The verdict from top to bottom: decision, reasons, metrics, guardrails, segments, counts and thresholds.

    `verdict` is the gate's as plain JSON values; what it leaves out or could not compute is shown as a dash.
    """
    widgets = [
        _headline(verdict, title),
        _table("Why", ["Reason"], [[reason] for reason in verdict["reasons"]]),
        _metrics(verdict),
        _guardrails(verdict["guardrails"]),
        _segments(verdict["segments"]),
        _numbers("What it was decided on", _known(verdict["counts"])),
        _numbers("Thresholds in force", verdict["thresholds"]),
    ]
    named_all(widgets, "verdict")
    return widgets


def _headline(verdict: Json, title: str) -> BaseWidgetInfo:
    primary = verdict["primary"]
    shown = {
        "the gate says": _DECISIONS[verdict["decision"]],
        f"{_name(primary)}, champion to challenger": f"{_figure(primary['champion'])} → "
        f"{_figure(primary['challenger'])}",
        f"improvement, interval {_interval(primary)}": _signed(primary["difference"]),
        "labelled rows": _said(primary["rows"]),
    }
    if verdict["needed_rows"]:
        shown |= {"more rows needed, about": _said(verdict["needed_rows"])}
    return counter(title=title, counters=[CounterData(label, value) for label, value in shown.items()])


def _name(compared: Json) -> str:
    return metric_name(compared["metric"], compared.get("alert_rate"))


def _metrics(verdict: Json) -> BaseWidgetInfo:
    primary = verdict["primary"]
    rows = [[f"{_name(primary)} (decides)", *_compared(primary)]]
    rows += [[_name(each), *_compared(each)] for each in verdict["others"]]
    title = "Both sides on the same rows; improvement above 0: the challenger is better"
    return _table(title, ["Metric", *_COMPARED], rows)


def _segments(found: Sequence[Json]) -> BaseWidgetInfo:
    ranked = sorted(found, key=lambda each: (not each["worse"], each["adjusted"], each["p"]))
    header = ["Segment", "Worse", "p (Holm)", *_COMPARED[:-2]]
    rows = [
        [
            _named(each),
            "✗ worse" if each["worse"] else "✓ no",
            _figure(each["adjusted"]),
            *_compared(each["comparison"])[:-2],
        ]
        for each in ranked
    ]
    return _table("Segments: the deciding metric within one value of a column", header, rows)


def _named(segment: Json) -> str:
    return f"{segment['column']} = {'(none)' if segment['value'] is None else segment['value']}"


def _compared(found: Json) -> list[Any]:
    sides = [_figure(found[name]) for name in ("champion", "challenger")]
    extent = [_said(found[name]) for name in ("rows", "days")]
    return [*sides, _signed(found["difference"]), _interval(found), *extent, found["method"]]


def _guardrails(found: Sequence[Json]) -> BaseWidgetInfo:
    ranked = sorted(found, key=lambda each: _ORDER.index(each["held"]))
    rows = [
        [each["name"], _HELD[each["held"]], each["detail"], _figure(each["value"]), _figure(each["limit"])]
        for each in ranked
    ]
    return _table("Guardrails: what must not get worse", ["Guardrail", "Held", "Found", "Value", "Limit"], rows)


def _known(counts: Json) -> Json:
    """The counts there are: only a binary model has positives and negatives."""
    return {name: count for name, count in counts.items() if count is not None}


def _numbers(title: str, values: Json) -> BaseWidgetInfo:
    return _table(title, ["Name", "Value"], [[name.replace("_", " "), _said(value)] for name, value in values.items()])


def _table(title: str, header: list[str], rows: Sequence[Sequence[Any]]) -> BaseWidgetInfo:
    if not rows:
        return counter(title=title, counters=[CounterData("there are none", NOTHING)])
    left_out = f" (the first {MOST} of {len(rows):,})" if len(rows) > MOST else ""
    return table_data(title=title + left_out, column_names=header, data=rows[:MOST])


def _interval(found: Json) -> str:
    return f"[{_signed(found['low'])},\u00a0{_signed(found['high'])}]"


def _signed(value: float | None) -> str:
    return NOTHING if value is None else f"{value:+.3g}"


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_said(each)}" for name, each in value.items()) or NOTHING
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_said, value)) or NOTHING
    return NOTHING if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _figure(value: float | None) -> float | str:
    return figure(None if value is None else float(value))
