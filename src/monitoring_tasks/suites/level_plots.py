"""Plots of watched columns' levels, window by window: those before, the window itself, and what is usual."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evidently.legacy.model.widget import BaseWidgetInfo
from evidently.legacy.renderers.html_widgets import plotly_data

from monitoring_tasks.calibration.course import Course, Point
from monitoring_tasks.checks import Check, CheckResult, Status
from monitoring_tasks.suites.widgets import CURRENT_COLOR, Plots, named

BEFORE_COLOR, BAND_COLOR = "#1f77b4", "rgba(128, 128, 128, 0.25)"
"""The page is light or dark: the band is seen on both."""

_TITLES = {Status.FAILED: "sudden change", Status.SUSPECT: "a small sudden change, if it persists"}


def level_plots(courses: Mapping[str, Course]) -> Plots:
    """One plot for each column whose level was tested; tables open to it."""
    return {
        name: named(plot_of(name, courses[name], title=""), f"level-{place}")
        for place, name in enumerate(sorted(courses))
    }


def jumps(results: Sequence[CheckResult], courses: Mapping[str, Course]) -> list[BaseWidgetInfo]:
    """The plots of the levels that jumped, for all to see, the first result's first; none where none did."""
    tested = [(each.column or "", each.status) for each in results if each.check is Check.LEVEL]
    found = [(name, _TITLES[status]) for name, status in tested if status in _TITLES and name in courses]
    return [
        named(plot_of(name, courses[name], title=f"{name}: {words}"), f"jump-{place}")
        for place, (name, words) in enumerate(found)
    ]


def plot_of(name: str, course: Course, *, title: str) -> BaseWidgetInfo:
    """The course of a level as a plot; a window without a level is a gap."""
    before, now = course.points[:-1], course.points[-1]
    said, jump = course.gauge.said, course.jump
    traces = [
        *_band(course.points),
        _line(f"{jump.windows} windows before, {said(jump.before)}", before),
        _marks(f"this window, {said(jump.level)}", now),
        *_limits(course),
    ]
    return plotly_data(title=title, data=traces, layout=_layout(name, course))


def _band(points: Sequence[Point]) -> list[dict[str, Any]]:
    """What is usual: the area between two lines that are not drawn."""
    common = {"type": "scatter", "mode": "lines", "x": _starts(points), "hoverinfo": "skip", "line": {"width": 0}}
    low, high = [_short(each.low) for each in points], [_short(each.high) for each in points]
    area = {"fill": "tonexty", "fillcolor": BAND_COLOR, "name": "where 99 of 100 windows like the reference's lie"}
    return [{**common, "y": low, "showlegend": False}, {**common, "y": high, **area}]


def _line(name: str, points: Sequence[Point]) -> dict[str, Any]:
    color = {"color": BEFORE_COLOR}
    marks = {"mode": "lines+markers", "line": {**color, "width": 1.5}, "marker": {**color, "size": 6}}
    return {**_drawn(name, points), **marks, "connectgaps": False}


def _marks(name: str, point: Point) -> dict[str, Any]:
    return {**_drawn(name, [point]), "mode": "markers", "marker": {"color": CURRENT_COLOR, "size": 12}}


def _drawn(name: str, points: Sequence[Point]) -> dict[str, Any]:
    values = [None if each.level is None else _short(each.level) for each in points]
    return {"type": "scatter", "name": name, "x": _starts(points), "y": values}


def _limits(course: Course) -> Iterator[dict[str, Any]]:
    """What the level of this window must reach, on either side; a share cannot go beyond 0 and 1."""
    ends = [_starts(course.points)[0], _starts(course.points)[-1]]
    shown = [limit for limit in course.limits if not course.gauge.share or 0 <= limit <= 1]
    line = {"type": "scatter", "mode": "lines", "x": ends, "line": {"color": CURRENT_COLOR, "dash": "dot", "width": 1}}
    name = f"large enough to be told{' at this time of day' if course.seasonal else ''}, if beyond what is usual"
    for place, limit in enumerate(shown):
        yield {**line, "y": [_short(limit)] * 2, "name": name, "showlegend": place == 0, "legendgroup": "limit"}


def _layout(name: str, course: Course) -> dict[str, Any]:
    what, form = ("share of true", ".3~%") if course.gauge.share else ("mean", "")
    bottom = {"rangemode": "tozero"} if course.gauge.share else {}
    below = "<br>".join(filter(None, ("start of the window, UTC", course.about)))
    return {
        "height": 490,
        "margin": {"t": 20, "b": 80, "l": 70, "r": 20},
        "xaxis": {"type": "date", "title": {"text": below}},
        "yaxis": {"title": {"text": f"{html.escape(name, quote=False)}: {what}"}, "tickformat": form, **bottom},
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    }


def _starts(points: Sequence[Point]) -> list[str]:
    return [f"{each.window.start:%Y-%m-%d %H:%M:%S}" for each in points]


def _short(value: float) -> float:
    return float(f"{value:.6g}")
