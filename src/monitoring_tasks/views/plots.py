"""Figures of the model's pages for Plotly, as plain data; colours are variables of the style sheet.

Each comes with the table of its numbers, so that a page tells the same before any script runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from monitoring_tasks.alerts.message import Plot
from monitoring_tasks.alerts.plotting import NOW
from monitoring_tasks.performance.headline import MetricLine
from monitoring_tasks.performance.metrics import METRICS
from monitoring_tasks.performance.record import Interval
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.store.board import Head, PerformanceHead
from monitoring_tasks.views.ranges import place
from monitoring_tasks.views.timeline import Json, Timeline, escaped, iso
from monitoring_tasks.views.words import number, share, signed, span, spoken
from monitoring_tasks.window import Window

UNKNOWN = {
    Outcome.NO_DATA: "no data",
    Outcome.TOO_FEW_ROWS: "too few rows",
    Outcome.LABELS_IMMATURE: "labels immature",
}
"""Outcomes that leave a window without a judgement, in words."""
WORSE = {name: metric.worse for (_, name), metric in METRICS.items()}
FEW = 8
_PATTERNS = {"no data": "x", "too few rows": ".", "labels immature": "/", "no verdict": "-"}


@dataclass(frozen=True)
class Picture:
    """A figure, what is to be seen in it, and its numbers as a table."""

    id: str
    title: str
    figure: Json
    alt: str
    heading: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Point:
    """A window and its value; None where there is none."""

    window: Window
    value: float | None
    words: str = ""


def metric_picture(metric: str, heads: Sequence[PerformanceHead], timeline: Timeline) -> Picture:
    """A metric over time between its limits, with what scores let expect, its baseline, and the worst that is allowed.

    Windows whose labels are immature are hatched, and their points are hollow.
    """
    lines = [head.headline.line(metric) for head in heads]
    places = [place(head.subject.window) for head in heads]
    traces = [
        *_unknowns([(head.subject.window, head.outcome) for head in heads], timeline.step),
        _band(places, [line.figure if line else None for line in lines], timeline.step),
        *_levels(places, lines),
        _estimate(places, lines),
        _values(places, lines, heads),
    ]
    name = spoken(next((line.name for line in reversed(lines) if line), metric))
    return Picture(
        id=f"metric-{metric}",
        title=name,
        figure={"data": [each for each in traces if each], "layout": timeline.layout(**_UNDER)},
        alt=_told(name, [(head.subject.window, line) for head, line in zip(heads, lines, strict=True)]),
        heading=("Window", "Value", "Interval", "Estimate", "Baseline", "Worst allowed", "Labelled", "Verdict"),
        rows=tuple(_metric_row(head, line) for head, line in reversed(list(zip(heads, lines, strict=True)))),
    )


def allowed(line: MetricLine) -> tuple[float | None, float | None]:
    """The lowest and the highest value within the limit; None where that side is no worse, or is not compared.

    >>> allowed(MetricLine("auc", 9, Interval(0.7), baseline=0.75, drop=0.05, limit=0.25))
    (0.5, None)
    """
    if line.baseline is None or line.limit is None:
        return None, None
    size = line.limit * (abs(line.baseline) if line.relative else 1.0)
    worse = WORSE.get(line.metric, "lower")
    if worse == "either":
        return -abs(line.baseline) - size, abs(line.baseline) + size
    return (line.baseline - size, None) if worse == "lower" else (None, line.baseline + size)


_UNDER: Json = {
    # The hatching lies on an axis of its own, beneath the lines.
    "yaxis": {"overlaying": "y2", "automargin": True},
    "yaxis2": {"range": [0, 1], "visible": False, "fixedrange": True},
    "barmode": "overlay",
}


def _unknowns(windows: Iterable[tuple[Window, Outcome]], step: timedelta) -> list[Json]:
    """Hatched columns over the windows without a judgement, one trace for each kind."""
    found: dict[Outcome, list[datetime]] = {}
    for window, outcome in windows:
        if outcome in UNKNOWN:
            found.setdefault(outcome, []).append(place(window))
    return [_hatched(UNKNOWN[outcome], places, step) for outcome, places in found.items()]


def _gaps(timeline: Timeline) -> list[Json]:
    return [_hatched("no verdict", timeline.gaps, timeline.step)] if timeline.gaps else []


def _hatched(name: str, places: Sequence[datetime], step: timedelta) -> Json:
    pattern = {
        "shape": _PATTERNS[name],
        "fgcolor": "--unknown",
        "bgcolor": "--unknown-soft",
        "size": 7,
        "solidity": 0.2,
    }
    return {
        "type": "bar",
        "name": name,
        "x": [iso(each) for each in places],
        "y": [1] * len(places),
        "yaxis": "y2",
        "width": step.total_seconds() * 1000,
        "marker": {"color": "--unknown-soft", "pattern": pattern, "line": {"width": 0}},
        "hovertemplate": f"{name}<extra></extra>",
    }


def _band(places: Sequence[datetime], figures: Sequence[Interval | None], step: timedelta) -> Json:
    """The intervals as one area for each run of windows that have one."""
    known = [
        (at, found.low, found.high) if found and found.low is not None and found.high is not None else None
        for at, found in zip(places, figures, strict=True)
    ]
    xs: list[str | None] = []
    ys: list[float | None] = []
    for there, group in groupby(known, key=lambda each: each is not None):
        if there:
            corners = _wide([each for each in group if each], step)
            around = [(at, high) for at, _, high in corners] + [(at, low) for at, low, _ in reversed(corners)]
            xs += [*(iso(at) for at, _ in around), iso(around[0][0]), None]
            ys += [*(value for _, value in around), around[0][1], None]
    area = {"mode": "lines", "fill": "toself", "fillcolor": "--band", "line": {"width": 0}, "hoverinfo": "skip"}
    return {"type": "scatter", "name": "interval", "x": xs, "y": ys, **area} if xs else {}


def _wide(corners: list[tuple[datetime, float, float]], step: timedelta) -> list[tuple[datetime, float, float]]:
    """The corners of an area; a window alone is as wide as a quarter of the step on both sides."""
    if len(corners) > 1:
        return corners
    at, low, high = corners[0]
    return [(at - step / 4, low, high), (at + step / 4, low, high)]


def _levels(places: Sequence[datetime], lines: Sequence[MetricLine | None]) -> list[Json]:
    baselines = [line.baseline if line else None for line in lines]
    limits = [allowed(line) if line else (None, None) for line in lines]
    style = {"color": "--degraded", "dash": "longdash", "width": 1.5}
    sides = [_trace("worst allowed", places, side, style) for side in zip(*limits, strict=True)]
    drawn = [{**side, "showlegend": not number} for number, side in enumerate(filter(None, sides))]
    return [_trace("baseline", places, baselines, {"color": "--reference", "dash": "dot", "width": 2}), *drawn]


def _estimate(places: Sequence[datetime], lines: Sequence[MetricLine | None]) -> Json:
    values = [line.estimate.value if line and line.estimate else None for line in lines]
    line = _trace("estimate before labels", places, values, {"color": "--expected", "dash": "dash", "width": 2})
    # An estimate that is believed of one window alone is a point.
    marker = {"color": "--expected", "size": 5, "symbol": "diamond"}
    return {**line, "mode": "lines+markers", "marker": marker} if line else {}


def _trace(name: str, places: Sequence[datetime], values: Sequence[float | None], line: Json) -> Json:
    if all(value is None for value in values):
        return {}
    # A line through one window only is not seen: its points are marked.
    lone = sum(value is not None for value in values) == 1
    marker = {"color": line["color"], "size": 7, "symbol": "line-ew-open"}
    shown = {"mode": "lines+markers" if lone else "lines", "line": line, "marker": marker, "connectgaps": False}
    return {"type": "scatter", "name": name, "x": [iso(each) for each in places], "y": list(values), **shown}


def _values(places: Sequence[datetime], lines: Sequence[MetricLine | None], heads: Sequence[PerformanceHead]) -> Json:
    symbols = ["circle-open" if head.outcome in UNKNOWN else "circle" for head in heads]
    return {
        "type": "scatter",
        "name": "value",
        "x": [iso(each) for each in places],
        "y": [line.figure.value if line else None for line in lines],
        "text": [_hover(head) for head in heads],
        "mode": "lines+markers",
        "line": {"color": "--line", "width": 2},
        "marker": {"color": "--line", "size": 7, "symbol": symbols},
        "hovertemplate": "%{y:.4g} (%{text})<extra>value</extra>",
        "connectgaps": False,
    }


def _hover(head: PerformanceHead) -> str:
    return f"{span(head.subject.window)}, {spoken(head.outcome)}, {share(head.headline.maturity.coverage)} labelled"


def _metric_row(head: PerformanceHead, line: MetricLine | None) -> tuple[str, ...]:
    verdict, labelled = spoken(head.outcome), share(head.headline.maturity.coverage)
    if line is None:
        return (span(head.subject.window), "not computed", "", "", "", "", labelled, verdict)
    value = line.reason or "undefined" if line.figure.value is None else number(line.figure.value)
    figures = (between(line.figure), number(line.estimate.value if line.estimate else None), number(line.baseline))
    limits = " to ".join(number(side) for side in allowed(line) if side is not None)
    return (span(head.subject.window), value, *figures, limits, labelled, verdict)


def between(found: Interval) -> str:
    """The limits of a figure; empty where there are none."""
    return "" if found.low is None or found.high is None else f"{number(found.low)} to {number(found.high)}"


def _told(name: str, lines: Sequence[tuple[Window, MetricLine | None]]) -> str:
    known = [(window, line.figure.value) for window, line in lines if line and line.figure.value is not None]
    return _from_to(name, known)


def _from_to(name: str, known: Sequence[tuple[Window, float]]) -> str:
    if not known:
        return f"{name}: not known in any window of the range"
    (first, then), (last, now) = known[0], known[-1]
    return f"{name} over time: {number(then)} in {span(first)}, {number(now)} in {span(last)}"


def drift_picture(heads: Sequence[Head], timeline: Timeline) -> Picture:
    """How many features drifted in each window; what was not judged is hatched, not empty."""
    counts = [("drifted", "--drifted"), ("suspect", "--warning"), ("undecided", "--unknown")]
    judged = [head for head in heads if head.outcome not in UNKNOWN]
    bars: list[Json] = [
        {
            "type": "bar",
            "name": name,
            "x": [iso(place(head.subject.window)) for head in judged],
            "y": [getattr(head.headline, name) for head in judged],
            "marker": {"color": colour},
            "width": 0.8 * timeline.step.total_seconds() * 1000,
        }
        for name, colour in counts
    ]
    hatched = [*_unknowns([(head.subject.window, head.outcome) for head in heads], timeline.step), *_gaps(timeline)]
    axis = {**_UNDER["yaxis"], "rangemode": "tozero", **_whole(judged), "title": {"text": "features"}}
    return Picture(
        id="drifted",
        title="Drifted features",
        figure={"data": [*hatched, *bars], "layout": timeline.layout(**{**_UNDER, "yaxis": axis, "barmode": "stack"})},
        alt=_from_to("drifted features", [(head.subject.window, head.headline.drifted) for head in judged]),
        heading=("Window", "Verdict", "Drifted", "Suspect", "Undecided", "Of features", "Rows"),
        rows=tuple(map(_drift_row, reversed(heads))),
    )


def _whole(heads: Sequence[Head]) -> Json:
    """Ticks at whole numbers, of which few would be written twice."""
    tallies = (head.headline.drifted + head.headline.suspect + head.headline.undecided for head in heads)
    return {"tickformat": "d", "dtick": 1} if max(tallies, default=0) <= FEW else {"tickformat": "d"}


def _drift_row(head: Head) -> tuple[str, ...]:
    it = head.headline
    counts = (it.drifted, it.suspect, it.undecided, it.features)
    told = ("",) * len(counts) if head.outcome in UNKNOWN else tuple(map(str, counts))
    return (span(head.subject.window), spoken(head.outcome), *told, number(head.rows))


def history_picture(
    points: Sequence[Point], unknown: Sequence[tuple[Window, Outcome]], timeline: Timeline, *, name: str, form: str = ""
) -> Picture:
    """A column's number over time, such as its missing share; `form` is Plotly's format of it."""
    places = [place(point.window) for point in points]
    line = _trace(name, places, [point.value for point in points], {"color": "--line", "width": 2})
    said = {"text": [point.words for point in points], "hovertemplate": "%{y} %{text}<extra></extra>"}
    value = {**line, **said, "mode": "lines+markers", "marker": {"color": "--line", "size": 6}} if line else {}
    nothing = not any(point.value for point in points)
    axis = {**_UNDER["yaxis"], "tickformat": form, **({"range": [0, 0.05]} if nothing else {"rangemode": "tozero"})}
    data = [*_unknowns(unknown, timeline.step), *_gaps(timeline), *([value] if value else [])]
    return Picture(
        id=name.replace(" ", "-"),
        title=name,
        figure={"data": data, "layout": timeline.layout(**{**_UNDER, "yaxis": axis})},
        alt=_from_to(name, [(point.window, point.value) for point in points if point.value is not None]),
        heading=("Window", name.capitalize(), ""),
        rows=tuple((span(each.window), _formed(each.value, form), each.words) for each in reversed(points)),
    )


def _formed(value: float | None, form: str) -> str:
    return share(value) if form.endswith("%") else number(value)


def with_level(picture: Picture, levels: Sequence[tuple[Window, float | None]], *, name: str) -> Picture:
    """The picture with a dashed line, which may change from window to window."""
    places = [place(window) for window, _ in levels]
    line = _trace(name, places, [value for _, value in levels], {"color": "--degraded", "dash": "dash", "width": 1.5})
    figure = {**picture.figure, "data": [*picture.figure["data"], *([line] if line else [])]}
    return Picture(**{**vars(picture), "figure": figure})


def bars_picture(plot: Plot, title: str) -> Picture:
    """The shares of a column's values, in its reference and in one window."""
    colours = ("--reference", "--line")
    # Of a window of before, what was new then is not what is now.
    sides = {"this window" if name == NOW else name: values for name, values in plot.series.items()}
    # A text axis: labels that look like numbers or dates stay what they are.
    labels = [escaped(label) or "(empty text)" for label in plot.labels]
    data: list[Json] = [
        {"type": "bar", "name": escaped(name), "x": labels, "y": list(values), "marker": {"color": colour}}
        for (name, values), colour in zip(sides.items(), colours, strict=False)
    ]
    axes = {"xaxis": {"type": "category", "automargin": True}, "yaxis": {"tickformat": ".0%", "rangemode": "tozero"}}
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
    layout = {
        "barmode": "group",
        "bargap": 0.15,
        **axes,
        "legend": legend,
        "margin": {"t": 40, "r": 16, "b": 60, "l": 56},
    }
    return Picture(
        id="distribution",
        title=title,
        figure={"data": data, "layout": {**layout, "height": 340}},
        alt=plot.alt,
        heading=("Value", *sides, "Change"),
        rows=tuple(
            (label, *map(share, told), _moved(told)) for label, *told in zip(plot.labels, *sides.values(), strict=True)
        ),
    )


def _moved(sides: Sequence[float | None]) -> str:
    """The change from the first side to the second, in percentage points."""
    then, now = (*sides, None, None)[:2]
    return "" if then is None or now is None else f"{signed(100 * (now - then))} points"
