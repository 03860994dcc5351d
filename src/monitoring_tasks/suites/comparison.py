"""The page that sets a challenger beside the champion: the gate's verdict, then Evidently's plots of both."""

from __future__ import annotations

import html
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from evidently import (
    BinaryClassification,
    DataDefinition,
    Dataset,
    MulticlassClassification,
    Regression,
    Report,
)
from evidently.legacy.model.widget import BaseWidgetInfo
from evidently.legacy.renderers.html_widgets import WidgetType, header_text
from evidently.metrics import RocAuc
from evidently.presets import ClassificationQuality, RegressionPreset

from monitoring_tasks.suites.page import page
from monitoring_tasks.suites.verdict_widgets import verdict_widgets
from monitoring_tasks.suites.widgets import facts, named_all

log = logging.getLogger(__name__)
DRAWN = 20_000
"""So many rows Evidently draws at most; the figures above its plots are of all rows."""
CLASSES = 30
"""So many classes of a multiclass model it draws at most: of more the plots cannot be read."""
LABEL, PREDICTION = "label", "prediction"
_ROLES = {"current": "challenger", "reference": "champion"}
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class ComparisonInput:
    """Both sides' predictions on the rows of the gate, and what the gate made of them.

    `verdict` is the gate's, as plain JSON values. `label`, `champion` and `challenger` have one value for each row:
    numbers (binary: labels 0 and 1, predictions probabilities), or names of classes for the task `multiclass`.
    `facts` go onto the page as they are: commits, windows, versions.
    """

    title: str
    verdict: Mapping[str, Any]
    label: npt.NDArray[Any]
    champion: npt.NDArray[Any]
    challenger: npt.NDArray[Any]
    task: str
    facts: Mapping[str, str]


def comparison_page(given: ComparisonInput, *, script_href: str) -> str:
    """The page; it loads Evidently's script from `script_href`. The same input gives the same bytes.

    Evidently compares the challenger (current) with the champion (reference) on at most `DRAWN` of the rows. Where it
    cannot, the page says so: the verdict does not depend on plots.
    """
    drawn = _drawn(given)
    named_all(drawn, "evidently")
    top = verdict_widgets(given.verdict, given.title)
    return page([*top, *drawn, facts(given.facts)], title=given.title, script_href=script_href)


def sampled_rows(rows: int, most: int) -> npt.NDArray[np.intp]:
    """Places of at most `most` of `rows` rows, ascending, spread evenly without a period of their own.

    >>> sampled_rows(10, 3).tolist(), sampled_rows(2, 3).tolist()
    ([0, 2, 5], [0, 1])
    """
    places = np.argsort(np.arange(rows, dtype=np.uint64) * _GOLDEN, kind="stable")[:most]
    return np.sort(places)


def _drawn(given: ComparisonInput) -> list[BaseWidgetInfo]:
    """Evidently's widgets under a heading, which alone stands where Evidently cannot draw."""
    chosen = sampled_rows(len(given.label), DRAWN)
    label, champion, challenger = (side[chosen] for side in (given.label, given.champion, given.challenger))
    heading = f"Evidently: both sides on {len(chosen):,} of {len(given.label):,} rows"
    if reason := _why_not(given.task, label):
        return [header_text(label=f"{heading}: no plots, {reason}")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn's remarks on classes that are never predicted
            widgets = _evidently(_frame(label, challenger, given.task), _frame(label, champion, given.task), given.task)
    except Exception as error:  # whatever Evidently does not bear must not cost people the verdict
        log.exception("comparison.not_drawn rows=%d", len(chosen))
        return [header_text(label=f"{heading}: no plots, Evidently fails on them ({type(error).__name__})")]
    if given.task == "regression" and not label.all():
        _without_percentages(widgets)
    return [header_text(label=heading), *widgets]


def _without_percentages(widgets: Sequence[BaseWidgetInfo]) -> None:
    """Take the mean percentage error away: where an outcome is 0, Evidently's is of the order of 1e18."""
    for widget in widgets:
        if widget.type == WidgetType.COUNTER.value:
            widget.params["counters"] = [each for each in widget.params["counters"] if each["label"] != "MAPE"]


def _why_not(task: str, label: npt.NDArray[Any]) -> str:
    """Why Evidently would fail or draw what nobody can read, in words; empty when it would not."""
    found = len(set(label.tolist()))
    if task != "regression" and found < 2:
        return "they hold one class only"
    return f"{found} classes are too many to read" if task == "multiclass" and found > CLASSES else ""


def _frame(label: npt.NDArray[Any], prediction: npt.NDArray[Any], task: str) -> pd.DataFrame:
    if task == "binary":
        return pd.DataFrame({LABEL: label.astype(np.int64), PREDICTION: prediction})
    if task == "regression":
        return pd.DataFrame({LABEL: label, PREDICTION: prediction})
    # Plotly reads the name of a class as HTML.
    return pd.DataFrame(
        {
            LABEL: [html.escape(str(each), quote=False) for each in label],
            PREDICTION: [html.escape(str(each), quote=False) for each in prediction],
        }
    )


def _evidently(challenger: pd.DataFrame, champion: pd.DataFrame, task: str) -> list[BaseWidgetInfo]:
    described, metrics = _TASKS[task]
    sides = [Dataset.from_pandas(frame, described()) for frame in (challenger, champion)]
    snapshot = Report(metrics(), include_tests=False).run(*sides)
    return [_renamed(widget) for widget in snapshot.to_snapshot_model().widgets]


def _renamed(widget: BaseWidgetInfo) -> BaseWidgetInfo:
    """The widget with the sides called what they are, instead of current and reference."""
    for role, name in _ROLES.items():
        widget.title = widget.title.replace(role, name).replace(role.capitalize(), name.capitalize())
    plot = widget.params or {}
    for note in plot.get("layout", {}).get("annotations", ()):
        note["text"] = _ROLES.get(note["text"], note["text"])
    for trace in plot.get("data", ()) if widget.type == WidgetType.BIG_GRAPH.value else ():
        trace["name"] = _ROLES.get(trace.get("name"), trace.get("name"))
    return widget


def _binary() -> DataDefinition:
    described = BinaryClassification(target=LABEL, prediction_probas=PREDICTION, pos_label=1)
    return DataDefinition(numerical_columns=[PREDICTION], categorical_columns=[LABEL], classification=[described])


def _multiclass() -> DataDefinition:
    described = MulticlassClassification(target=LABEL, prediction_labels=PREDICTION)
    return DataDefinition(categorical_columns=[LABEL, PREDICTION], classification=[described])


def _regression() -> DataDefinition:
    described = Regression(target=LABEL, prediction=PREDICTION)
    return DataDefinition(numerical_columns=[LABEL, PREDICTION], regression=[described])


# Not the whole preset for classification: its quality by class lists the classes in another order in each process.
_TASKS: dict[str, tuple[Callable[[], DataDefinition], Callable[[], list[Any]]]] = {
    "binary": (_binary, lambda: [ClassificationQuality(conf_matrix=True, pr_curve=True), RocAuc()]),
    "multiclass": (_multiclass, lambda: [ClassificationQuality(conf_matrix=True)]),
    "regression": (_regression, lambda: [RegressionPreset()]),
}
