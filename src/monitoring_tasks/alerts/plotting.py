"""What the pictures of an alert show: the worst columns beside what was usual, and a metric over time. Pure functions.

The figures are read off profiles and restatements; `pictures` draws them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from monitoring_tasks.alerts.message import Plot, one_line
from monitoring_tasks.calibration.course import Course
from monitoring_tasks.calibration.gauge import said_mean
from monitoring_tasks.performance.metrics import METRICS
from monitoring_tasks.performance.record import Against, Figure, Restatement
from monitoring_tasks.profile.bars import Bars, bars
from monitoring_tasks.profile.pairs import Pair
from monitoring_tasks.window import DAY, Window

BEFORE, THIS = "windows before", "this window"
USUAL, NOW, EXPECTED = "reference", "now", "expected from scores"
LONGEST = 40
_WORSE = {name: metric.worse for (_, name), metric in METRICS.items()}


def column_plot(name: str, pair: Pair) -> Plot | None:
    """The shares of a column's values, in its reference and now, in at most 20 bars; None where there is no value.

    >>> import numpy as np
    >>> from monitoring_tasks.profile.binning import CategoryBins
    >>> from monitoring_tasks.profile.profile import CategoryProfile
    >>> sides = CategoryProfile(np.array([3, 1]), {}), CategoryProfile(np.array([0, 2]), {"XX": 6})
    >>> column_plot("carrier", Pair(CategoryBins(("AA", "UA")), *sides)).alt
    'carrier: mostly AA in the reference (75%), mostly XX (new) now (75%)'
    """
    shown = bars(*pair)
    if not shown.labels:
        return None
    name = one_line(name, LONGEST)
    series = {USUAL: shown.reference, NOW: shown.current}
    labels = tuple(map(one_line, shown.labels))
    return Plot("bars", f"{name}: share of values", labels, series, f"{name}: {_compared(shown)}")


def _compared(shown: Bars) -> str:
    usual, now = _most(shown.labels, shown.reference), _most(shown.labels, shown.current)
    return f"{_mostly(usual, 'in the reference')}, {_mostly(now, 'now')}"


def _most(labels: Sequence[str], shares: Sequence[float]) -> tuple[str, float]:
    return max(zip(labels, shares, strict=True), key=lambda each: each[1])


def _mostly(found: tuple[str, float], side: str) -> str:
    label, share = found
    return f"mostly {one_line(label)} {side} ({share:.0%})" if share else f"no value {side}"


def level_plot(name: str, course: Course) -> Plot:
    """The level of a column, window by window: those before, this one, what the reference shows, and the limit.

    A window without a level is a gap. Figures have six digits.
    """
    name, points, share = one_line(name, LONGEST), course.points, course.gauge.share
    levels = [None if each.level is None else _short(each.level) for each in points]
    series = {THIS: (*[None] * (len(levels) - 1), levels[-1]), BEFORE: (*levels[:-1], None)}
    return Plot(
        kind="line",
        title=f"{name}: {'share of true' if share else 'mean'}, window by window",
        labels=tuple(_label(each.window) for each in points),
        series=series,
        alt=f"{name}: {_gone(course)}",
        limit=None if course.limit is None else _short(course.limit),
        band=(tuple(_short(each.low) for each in points), tuple(_short(each.high) for each in points)),
        percent=share,
        axis="start of the window, UTC",
    )


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _gone(course: Course) -> str:
    """What is to be seen of a level, in words."""
    gauge, now, jump = course.gauge, course.points[-1], course.jump
    usual = f"the reference's windows have {gauge.said(now.low)} to {gauge.said(now.high)}"
    limit = f", limit {gauge.said(course.limit)}" if course.limit is not None else ""
    said = f"{gauge.named(jump.level)} in the window of {_label(now.window)} UTC"
    return f"{said}, {gauge.said(jump.before)} in the {jump.windows} windows before; {usual}{limit}"


def metric_plot(restated: Sequence[Restatement], name: str) -> Plot | None:
    """A metric over the windows of `restated`, oldest first, with what scores let expect and the worst that is allowed.

    A window whose metric is undefined is a gap. None where it is known of no window.
    """
    figures = [said.figure(name) for said in restated]
    known = [_value(figure) for figure in figures]
    if all(value is None for value in known):
        return None
    expected = [_expected(figure) for figure in figures]
    words = next(figure.name for figure in reversed(figures) if figure).replace("_", " ")
    series = {words: tuple(known)} | ({EXPECTED: tuple(expected)} if any(each is not None for each in expected) else {})
    labels = tuple(_label(said.window) for said in restated)
    limit = _limit(figures, name, [value for value in known if value is not None][-1])
    return Plot("line", f"{words}, window by window", labels, series, _alt(words, labels, known, limit), limit=limit)


def _value(figure: Figure | None) -> float | None:
    return figure.best.value if figure else None


def _expected(figure: Figure | None) -> float | None:
    estimated = figure.estimated if figure else None
    return None if estimated is None or estimated.refused else estimated.interval.value


def _label(window: Window) -> str:
    return f"{window.start:%m-%d}" if window.width >= DAY else f"{window.start:%m-%d %H:%M}"


def _limit(figures: Sequence[Figure | None], name: str, newest: float) -> float | None:
    """The worst value within the champion's limit, as held against the newest window that has one."""
    held = [found for figure in figures if figure and (found := figure.against.get("champion"))]
    usable = [each for each in held if each.baseline is not None and math.isfinite(each.baseline)]
    return _allowed(usable[-1], _WORSE.get(name, "lower"), newest) if usable else None


def _allowed(held: Against, worse: str, newest: float) -> float:
    baseline = held.baseline or 0.0
    size = held.limit * (abs(baseline) if held.relative else 1.0)
    if worse == "either":
        return math.copysign(abs(baseline) + size, newest)
    return baseline - size if worse == "lower" else baseline + size


def _alt(name: str, labels: Sequence[str], known: Sequence[float | None], limit: float | None) -> str:
    points = [(label, value) for label, value in zip(labels, known, strict=True) if value is not None]
    (first, then), (last, now) = points[0], points[-1]
    held = f", limit {said_mean(limit)}" if limit is not None else ""
    return f"{name}: {said_mean(then)} in the window of {first}, {said_mean(now)} in that of {last}{held}"
