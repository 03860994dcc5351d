"""Plots of the metrics that decide, window by window: what is known, what was expected, and what they are held to."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from evidently.legacy.model.widget import BaseWidgetInfo
from evidently.legacy.renderers.html_widgets import CounterData, counter, plotly_data

from monitoring_tasks.performance.record import Against, Interval, Restatement
from monitoring_tasks.suites.performance_widgets import Shown, moment, span
from monitoring_tasks.suites.performance_words import UNDEFINED, Form
from monitoring_tasks.suites.widgets import CURRENT_COLOR, REFERENCE_COLOR

IMMATURE_COLOR, ESTIMATE_COLOR = "#9e9e9e", "#1f77b4"
TICKS = 12
"""So many windows are named on the axis; of more Plotly chooses some."""
_Point = tuple[Restatement, Interval]


def metric_plots(shown: Shown) -> list[BaseWidgetInfo]:
    """A plot for each metric that decides, over the windows known at the same moment, oldest first."""
    return [_plot(name, shown) for name in shown.decisive]


def _plot(name: str, shown: Shown) -> BaseWidgetInfo:
    windows = sorted(shown.restated, key=lambda said: said.window)
    form = shown.form(name)
    title = f"{form.name}, window by window ({_worse(form)})"
    marks = [*_figures(name, shown, windows), *_estimates(name, windows)]
    if not marks:
        return counter(title=title, counters=[CounterData("in every window", f"? {UNDEFINED}")])
    traces = [*_baseline(name, shown, windows), *marks]
    return plotly_data(title=title, data=traces, layout=_layout(name, shown, windows))


def _worse(form: Form) -> str:
    return "0 is best" if form.worse == "either" else f"{form.worse} is worse"


def _figures(name: str, shown: Shown, windows: Sequence[Restatement]) -> Iterator[dict[str, Any]]:
    known = [(said, each) for said in windows if (each := said.figure(name)) and each.best.value is not None]
    mature = [(said, each.best) for said, each in known if not shown.immature(said)]
    young = [(said, each.best) for said, each in known if shown.immature(said)]
    raw = [(said, each.raw) for said, each in known if each.corrected is not None and each.raw.value is not None]
    filled = {"color": CURRENT_COLOR, "size": 10}
    hollow = {"color": IMMATURE_COLOR, "size": 10, "symbol": "circle-open", "line": {"width": 2}}
    yield from _marks("labels final", mature, filled)
    yield from _marks("immature: labels still come in", young, hollow)
    yield from _marks("uncorrected", [(said, Interval(each.value)) for said, each in raw], _cross(), aside=0.06)


def _cross() -> dict[str, Any]:
    return {"color": IMMATURE_COLOR, "size": 8, "symbol": "x-thin-open"}


def _estimates(name: str, windows: Sequence[Restatement]) -> Iterator[dict[str, Any]]:
    found = [(said, each.estimated) for said in windows if (each := said.figure(name)) and each.estimated is not None]
    points = [(said, each.interval) for said, each in found if not each.refused and each.interval.value is not None]
    marker = {"color": ESTIMATE_COLOR, "size": 10, "symbol": "diamond-open"}
    yield from _marks("estimate before labels", points, marker, aside=0.12)


def _marks(
    name: str, points: Sequence[_Point], marker: dict[str, Any], *, aside: float = 0.0
) -> Iterator[dict[str, Any]]:
    """Marks with their intervals, so much of a window beside its start; nothing where there is none."""
    if not points:
        return
    yield {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [_at(said.window.start + aside * said.window.width) for said, _ in points],
        "y": [found.value for _, found in points],
        "text": [span(said) for said, _ in points],
        "hovertemplate": "%{y:.4g}<br>%{text}",
        "marker": marker,
        "error_y": _intervals([found for _, found in points], marker["color"]),
    }


def _intervals(found: Sequence[Interval], color: str) -> dict[str, Any]:
    beyond = {
        "array": [_beyond(each.high, each.value) for each in found],
        "arrayminus": [-_beyond(each.low, each.value) for each in found],
    }
    shown = any(any(lengths) for lengths in beyond.values())
    return {"type": "data", "symmetric": False, "visible": shown, "color": color, "thickness": 1.5, **beyond}


def _beyond(limit: float | None, value: float | None) -> float:
    return 0.0 if limit is None or value is None else limit - value


def _baseline(name: str, shown: Shown, windows: Sequence[Restatement]) -> Iterator[dict[str, Any]]:
    """The champion's baseline and what is still within its limit, from before the first window to after the last."""
    found = [each.against.get("champion") for said in reversed(windows) if (each := said.figure(name))]
    held = next((each for each in found if each and _is_number(each.baseline)), None)
    if held is None:
        return
    ends = _ends(windows)
    yield _line("champion's baseline", ends, held.baseline or 0.0, {"color": REFERENCE_COLOR, "dash": "dash"})
    dotted = {"color": CURRENT_COLOR, "dash": "dot", "width": 1}
    for place, limit in enumerate(allowed(held, shown.form(name))):
        yield {**_line("limit", ends, limit, dotted), "showlegend": place == 0, "legendgroup": "limit"}


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def allowed(held: Against, form: Form) -> tuple[float, ...]:
    """The worst figures that are within the limit of a baseline: one, or one on each side of 0.

    >>> allowed(Against(0.7, None, 0.02, False), Form("auc"))
    (0.6799999999999999,)
    """
    baseline = held.baseline or 0.0
    size = held.limit * (abs(baseline) if held.relative else 1.0)
    if form.worse == "either":
        return -abs(baseline) - size, abs(baseline) + size
    return (baseline - size if form.worse == "lower" else baseline + size,)


def _line(name: str, ends: list[str], value: float, line: dict[str, Any]) -> dict[str, Any]:
    return {"type": "scatter", "mode": "lines", "name": name, "x": ends, "y": [value, value], "line": line}


def _ends(windows: Sequence[Restatement]) -> list[str]:
    first, last = windows[0].window, windows[-1].window
    return [_at(first.start - first.width / 2), _at(last.start + last.width / 2)]


def _layout(name: str, shown: Shown, windows: Sequence[Restatement]) -> dict[str, Any]:
    axis: dict[str, Any] = {"type": "date", "title": {"text": "start of the window, UTC"}, "range": _ends(windows)}
    if len(windows) <= TICKS:
        starts = [said.window.start for said in windows]
        axis |= {"tickvals": [_at(each) for each in starts], "ticktext": [moment(each) for each in starts]}
    return {
        "height": 490,
        "margin": {"t": 20, "b": 60, "l": 60, "r": 20},
        "xaxis": axis,
        "yaxis": {"title": {"text": html.escape(shown.form(name).name, quote=False)}},
        "annotations": [_undefined(said) for said in windows if _is_undefined(name, said)],
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    }


def _is_undefined(name: str, said: Restatement) -> bool:
    found = said.figure(name)
    return found is None or found.best.value is None


def _undefined(said: Restatement) -> dict[str, Any]:
    place = {"x": _at(said.window.start), "y": 0, "xref": "x", "yref": "paper", "yanchor": "bottom"}
    return {**place, "text": f"? {UNDEFINED}", "textangle": -90, "showarrow": False, "font": {"color": IMMATURE_COLOR}}


def _at(value: datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}"
