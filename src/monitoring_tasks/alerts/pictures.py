"""Plots of alerts as pictures: for mail and for Slack, which show PNG files and nothing that moves."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from monitoring_tasks.alerts.message import Plot, one_line
from monitoring_tasks.calibration.gauge import said_mean, said_share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Values = Sequence[float | None]
INCHES, DOTS = (4.8, 2.4), 200
"""Shown at 480 x 240, twice as sharp."""
COLORS = ("#b4bac2", "#cc2200", "#1f6fb4", "#7a5195")
"""Of the series in their order: what was usual is grey, what is now is red."""
INK, FAINT = "#1f2328", "#6a737d"
TITLE, LABEL, NAME = 50, 26, 12
"""Characters of the title, which ends within the picture, of a label, and of a name on the axis below ..."""
NAMES, WIDE = 7, 56
"""... where so many names stand, of so many characters together."""
LARGEST = 1e100
"""Axes of larger numbers overflow."""
# Everything a person's own matplotlibrc could change starts from the defaults; nothing is read as TeX.
_STYLE: Mapping[str, object] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 7.5,
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": FAINT,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
}


def draw(plot: Plot) -> bytes:
    """The plot as a PNG of 960 x 480 dots on white, legible beneath dark text and light; the same plot, the same bytes.

    A series without figures is left out, a plot without any says so. Raises `ValueError` when a series has not one
    value for each label.
    """
    # A second of imports: paid where a picture is sent, not where a DAG is parsed.
    from matplotlib import style
    from matplotlib.figure import Figure

    series = {name: _finite(values, plot) for name, values in plot.series.items()}
    with style.context(["default", {**_STYLE}]):
        figure = Figure(figsize=INCHES, dpi=DOTS, layout="constrained")
        axes = figure.add_subplot()
        _fill(axes, plot, {name: values for name, values in series.items() if any(map(_known, values))})
        axes.set_title(_shown(plot.title, TITLE), loc="left", fontsize=8.5, fontweight="bold", pad=14)
        file = io.BytesIO()
        # Without metadata the bytes do not depend on the version that drew them.
        figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _finite(values: Values, plot: Plot) -> list[float]:
    if len(values) != len(plot.labels):
        raise ValueError(f"plot {plot.title!r}: {len(values)} values for {len(plot.labels)} labels: give one for each")
    return [math.nan if each is None else min(max(each, -LARGEST), LARGEST) for each in values]


def _known(value: float) -> bool:
    return not math.isnan(value)


def _fill(axes: Axes, plot: Plot, series: Mapping[str, list[float]]) -> None:
    if not series:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no figures to show", ha="center", color=FAINT, transform=axes.transAxes)
        return
    if plot.kind == "line":
        _lines(axes, plot, series)
    elif all(map(_is_number, plot.labels)):
        _columns(axes, plot, series)
    else:
        _rows(axes, plot, series)
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 0.99), ncols=4, frameon=False, borderaxespad=0.0, handlelength=1.2
    )


def _is_number(label: str) -> bool:
    try:
        return math.isfinite(float(label))
    except ValueError:
        return False


def _columns(axes: Axes, plot: Plot, series: Mapping[str, list[float]]) -> None:
    """Shares of numbers: upright bars, the later series narrower and before the earlier one."""
    values = [float(label) for label in plot.labels]
    step = _step(values)
    places, width = (values, step) if step else ([float(place) for place in range(len(values))], 1.0)
    for number, (name, shares) in enumerate(series.items()):
        axes.bar(places, shares, width=0.92 * width / (1 + 0.8 * number), color=_color(number), label=_shown(name))
    if not step:
        _name_some(axes, plot.labels)
    axes.yaxis.set_major_formatter(_percent)
    axes.locator_params(axis="y", nbins=4)


def _step(values: Sequence[float]) -> float:
    """The distance between numbers that stand side by side on an axis; 0 for others, which stand under their names."""
    steps = [high - low for low, high in pairwise(values)]
    if not steps or min(steps) <= 0 or max(map(abs, values)) > LARGEST or max(steps) > 1.5 * min(steps):
        return 0.0
    # Bars narrower than the digits of their labels would lie on each other.
    return min(steps) if min(steps) > 1e-6 * max(map(abs, values)) else 0.0


def _rows(axes: Axes, plot: Plot, series: Mapping[str, list[float]]) -> None:
    """Shares of categories: bars that lie beside their names, the first on top."""
    places = range(len(plot.labels))
    for number, (name, values) in enumerate(series.items()):
        axes.barh(places, values, height=0.86 / (1 + 0.8 * number), color=_color(number), label=_shown(name))
    axes.set_yticks(list(places), [_shown(label) for label in plot.labels], fontsize=6.5)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(_percent)
    axes.locator_params(axis="x", nbins=5)


def _lines(axes: Axes, plot: Plot, series: Mapping[str, list[float]]) -> None:
    """Values over time, the newest one marked and written; a gap where there is none."""
    places, said = list(range(len(plot.labels))), said_share if plot.percent else said_mean
    if plot.band is not None:
        low, high = (_finite(ends, plot) for ends in plot.band)
        axes.fill_between(places, low, high, color=COLORS[0], alpha=0.35, linewidth=0, label="usual")
    for number, (name, values) in enumerate(series.items(), start=1):
        axes.plot(places, values, **_marked(values), color=_color(number), label=_shown(name))
    newest = next(iter(series.values()))
    last = max(place for place in places if _known(newest[place]))
    axes.annotate(
        said(newest[last]), (last, newest[last]), (4, 4), textcoords="offset points", fontweight="bold", color=INK
    )
    if plot.limit is not None:
        limit = min(max(plot.limit, -LARGEST), LARGEST)
        axes.axhline(limit, color=FAINT, linestyle="--", linewidth=1, label=f"limit {said(limit)}")
    axes.margins(x=0.06, y=0.18)
    _name_axes(axes, plot)


def _marked(values: Sequence[float]) -> dict[str, Any]:
    """How a line is drawn; of a single value there is none, but a larger mark."""
    alone = sum(map(_known, values)) == 1
    return {"marker": "o", "markersize": 5 if alone else 3, "linewidth": 1.3, "linestyle": "none" if alone else "-"}


def _name_axes(axes: Axes, plot: Plot) -> None:
    _name_some(axes, plot.labels)
    axes.locator_params(axis="y", nbins=4)
    axes.set_xlabel(_shown(plot.axis, TITLE) if plot.axis else "", fontsize=6.5)
    if plot.percent:
        axes.yaxis.set_major_formatter(_percent)
        axes.set_ylim(bottom=max(axes.get_ylim()[0], 0.0))


def _name_some(axes: Axes, labels: Sequence[str]) -> None:
    """Names of so many places below the axis as can be read there, the newest among them."""
    names = [_shown(label, NAME) for label in labels]
    most = max(min(NAMES, WIDE // max(map(len, names))), 1)
    places = range(len(labels) - 1, -1, -max(math.ceil(len(labels) / most), 1))
    axes.set_xticks(list(places), [names[place] for place in places])


def _percent(share: float, _: float) -> str:
    return f"{100 * share:.3g}%"


def _color(number: int) -> str:
    return COLORS[number % len(COLORS)]


def _shown(text: str, limit: int = LABEL) -> str:
    """Text from outside, short, and without characters that the font does not have."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    known = get_font(findfont(FontProperties(family=["DejaVu Sans"]))).get_charmap()
    cut = "".join(each if ord(each) in known else "\u25a1" for each in one_line(text, limit))
    # A name that begins with an underscore would be left out of the legend.
    return f"\u2009{cut}" if cut.startswith("_") or not cut else cut
