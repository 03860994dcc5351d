"""The section of a report about texts: Evidently's descriptors on both samples, in numbers alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from evidently.legacy.model.widget import BaseWidgetInfo
from evidently.legacy.renderers.html_widgets import CounterData, counter, text_widget
from numpy.typing import NDArray

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.profile.bars import BARS, TAIL, Bars
from monitoring_tasks.profile.texts import CHARACTERS
from monitoring_tasks.suites.texts import Described, Side, described
from monitoring_tasks.suites.widgets import NOTHING, figure, named, plot_of, row_of, small, table_of

_TITLE = "Texts: Evidently's descriptors"
_ABOUT = (
    "For people: these figures decide no verdict, which is reached on all rows. They are of a sample of rows, of each "
    f"text the first {CHARACTERS:,} characters, and rows without a text are left out. Where nothing has changed, "
    "Evidently's test still says that one in twenty differs."
)
_FIELDS = {
    "column": "Column",
    "descriptor": "Descriptor",
    "says": "Evidently's test",
    "p": "p",
    "now": "Mean or share",
    "then": "In the reference",
    "detail": "Detail",
}
_SAYS = {True: "≠ differs", False: "= like the reference"}
Values = NDArray[np.float64]


def text_widgets(monitor: Monitor, current: pa.Table | None, reference: pa.Table | None) -> list[BaseWidgetInfo]:
    """The section, from top to bottom; nothing where the monitor has no descriptors, a sentence without samples."""
    if not monitor.descriptors:
        return []
    if current is None or reference is None:
        gone = CounterData(
            "judge the window again while its rows are logged", "The sampled texts are not kept any more"
        )
        return [named(counter(title=_TITLE, counters=[gone]), "texts")]
    title = f"{_TITLE} on a sample of {current.num_rows:,} and {reference.num_rows:,} rows"
    rows = [
        row_of(_fields(each, shown), named(plot_of(shown, each.descriptor.descriptor.kind), f"text-{place}"))
        for place, each in enumerate(described(monitor.descriptors, current, reference))
        for shown in [value_bars(each)]
    ]
    return [
        named(text_widget(title=title, text=_ABOUT), "texts-about"),
        named(table_of("", _FIELDS, rows, histograms=True), "texts"),
    ]


def _fields(each: Described, shown: Bars) -> dict[str, Any]:
    numeric = each.descriptor.descriptor.kind == "numeric"
    return {
        "column": each.column,
        "descriptor": each.descriptor.words,
        "says": "? not compared" if each.p_value is None else _SAYS[each.differs],
        "p": figure(each.p_value),
        "now": _mean(each.current, numeric=numeric),
        "then": _mean(each.reference, numeric=numeric),
        "detail": "; ".join([*filter(None, [each.why]), *_notes(each)]),
        "reference": small(shown.reference),
        "current": small(shown.current),
    }


def _mean(side: Side, *, numeric: bool) -> str | float:
    if side.mean is None:
        return NOTHING
    return figure(side.mean) if numeric else f"{side.mean:.1%} true"


def _notes(each: Described) -> Iterator[str]:
    """What was left out of both sides, the window first."""
    counts = {
        "without a text": [side.missing for side in (each.current, each.reference)],
        "longer than is kept": [side.cut for side in (each.current, each.reference)],
        "on which Evidently fails": [side.failed for side in (each.current, each.reference)],
    }
    for words, (now, then) in counts.items():
        if now or then:
            yield f"{now:,} and {then:,} {words}"


def value_bars(each: Described) -> Bars:
    """Share of the values in each bar: one for each value of a few, else 20 of equal width, tails in the outermost."""
    sides = (each.reference.values, each.current.values)
    together = np.unique(np.concatenate(sides))
    if each.descriptor.descriptor.kind == "categorical":
        return Bars(("false", "true"), *(_shares(side, np.array([0.5])) for side in sides))
    if not len(together):
        return Bars((), (), ())
    if len(together) <= BARS:
        labels = tuple(f"{value:.4g}" for value in together)
        return Bars(labels, *(_shares(side, (together[:-1] + together[1:]) / 2) for side in sides))
    return _equal_bars(sides)


def _equal_bars(sides: Sequence[Values]) -> Bars:
    known = [side for side in sides if len(side)]
    ends = np.array([np.quantile(side, [TAIL, 1 - TAIL]) for side in known])
    low, high = ends[:, 0].min(), ends[:, 1].max()
    if low == high:  # all but a few are one value
        low, high = np.min(np.concatenate(known)), np.max(np.concatenate(known))
    grid = np.linspace(low, high, BARS + 1)
    labels = tuple(f"{middle:.4g}" for middle in (grid[:-1] + grid[1:]) / 2)
    return Bars(labels, *(_shares(side, grid[1:-1]) for side in sides))


def _shares(values: Values, cuts: Values) -> tuple[float, ...]:
    """Share of the values between the cuts; 0 for a side without values."""
    counts = np.bincount(np.searchsorted(cuts, values, side="left"), minlength=len(cuts) + 1)
    return tuple(round(float(count) / max(len(values), 1), 5) for count in counts)
