"""A window's figures: every metric of all its rows and of each segment, raw and corrected, with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple

import numpy as np

from monitoring_tasks.performance.classes import ByClass, of_class
from monitoring_tasks.performance.delays import DelayCurve
from monitoring_tasks.performance.metrics import Metric
from monitoring_tasks.performance.ordinary import Ordinary
from monitoring_tasks.performance.outcomes import Floats, Outcomes
from monitoring_tasks.performance.point import Asked, Point, point, segments_of, usable
from monitoring_tasks.performance.record import OF_CLASS, Figure, Interval
from monitoring_tasks.performance.spread import Spread
from monitoring_tasks.performance_section import AT_RATE

EVEN = 1e-3
"""Weights that differ less than this from 1 correct nothing that anybody could see."""
_SHARES = (
    *("auc", "average_precision", "recall_at_rate", "precision_at_rate", "accuracy", "precision", "recall"),
    *("f1", "f1_weighted", "brier", "ece"),
)
_BOUNDS = {
    **dict.fromkeys(_SHARES, (0.0, 1.0)),
    **dict.fromkeys(("log_loss", "mae", "rmse", "mape"), (0.0, math.inf)),
    "predicted_minus_actual": (-1.0, 1.0),
    "r2": (-math.inf, 1.0),
}
_YOUNG = "labels of some outcomes can hardly be known so soon: all {} known ones were left out"


@dataclass(frozen=True, eq=False)
class Learnt:
    """What is asked, and what the reference taught about it: how ordinary windows vary, and how late labels come.

    `curve` is None where that is not known or nothing is to be corrected. Intervals hold with `confidence`.
    """

    asked: Asked
    ordinary: Ordinary
    curve: DelayCurve | None = None
    confidence: float = 0.95


class Measured(NamedTuple):
    """One metric of some rows, raw and corrected (None: there was nothing to correct by)."""

    metric: Metric
    segment: str
    raw: Point
    corrected: Point | None

    @property
    def best(self) -> Point:
        """The one that counts: the corrected one where there is one."""
        return self.raw if self.corrected is None else self.corrected


def measure(outcomes: Outcomes, learnt: Learnt, known_at: datetime) -> list[Measured]:
    """Every metric that is asked for, of all rows (first) and of each segment with enough labelled rows.

    `outcomes` are as known at `known_at`; with a curve of delays each label also counts for those like it that are not
    known yet.
    """
    asked = learnt.asked
    weights = None if learnt.curve is None else _weights(outcomes, learnt.curve, known_at)
    found = list(_metrics(outcomes, asked, weights, least=asked.minimum_rows))
    for segment, rows in segments_of(outcomes, asked):
        own = None if weights is None else weights[rows]
        found += _metrics(outcomes.take(rows), asked, own, segment=segment)
    return found


def _weights(outcomes: Outcomes, curve: DelayCurve, known_at: datetime) -> Floats | None:
    """None where every labelled row counts the same: there is nothing to correct."""
    weights = curve.weights(outcomes, known_at).weights
    labelled = weights[outcomes.labelled]
    return weights if (np.abs(labelled - 1) > EVEN).any() else None


def _metrics(
    rows: Outcomes, asked: Asked, weights: Floats | None, *, segment: str = "", least: int = 0
) -> Iterator[Measured]:
    labelled = int(usable(rows).sum())
    for name in asked.metrics:
        metric = asked.metric(name)
        if labelled < least:
            few = Point(math.nan, math.nan, labelled, f"{labelled} labelled rows, fewer than {least}")
            yield Measured(metric, segment, few, None)
            continue
        corrected = None if weights is None else _corrected(metric, rows, asked, weights)
        yield Measured(metric, segment, point(metric, rows, asked), corrected)


def _corrected(metric: Metric, rows: Outcomes, asked: Asked, weights: Floats) -> Point:
    found = point(metric, rows, asked, weights)
    if found.rows or found.known:
        return found
    return found._replace(reason=_YOUNG.format(int(usable(rows).sum())))


def figures(measured: Sequence[Measured], learnt: Learnt) -> list[Figure]:
    """The figures with their intervals: chance, and what ordinary windows vary by beyond it."""
    return [_figure(each, learnt) for each in measured]


def measure_window(outcomes: Outcomes, learnt: Learnt, known_at: datetime) -> list[Figure]:
    """The figures of a window's rows as known at a moment, of all of them and of each segment."""
    return figures(measure(outcomes, learnt, known_at), learnt)


def class_figures(outcomes: Outcomes, learnt: Learnt, known_at: datetime) -> list[Figure]:
    """Precision, recall and F1 of each class (multiclass); nothing for other tasks.

    Each is taken to vary from window to window as the mean over the classes does.
    """
    if learnt.asked.task != "multiclass":
        return []
    weights = None if learnt.curve is None else _weights(outcomes, learnt.curve, known_at)
    names: tuple[ByClass, ...] = ("precision", "recall", "f1")
    return [
        _figure(_of_class(outcomes, learnt.asked, weights, code=code, name=name), learnt)
        for name in names
        for code in range(len(outcomes.classes))
    ]


def _of_class(outcomes: Outcomes, asked: Asked, weights: Floats | None, *, code: int, name: ByClass) -> Measured:
    metric = Metric(name, "lower", partial(of_class, code=code, name=name))
    corrected = None if weights is None else _corrected(metric, outcomes, asked, weights)
    return Measured(metric, f"{OF_CLASS}{outcomes.classes[code]}", point(metric, outcomes, asked), corrected)


def _figure(found: Measured, learnt: Learnt) -> Figure:
    usual = learnt.ordinary.usual(found.metric.name, found.segment)
    corrected = None if found.corrected is None else _interval(found.metric.name, found.corrected, usual, learnt)
    raw = _interval(found.metric.name, found.raw, usual, learnt)
    rate = learnt.asked.alert_rate if found.metric.name in AT_RATE else None
    reason = found.best.reason
    return Figure(found.metric.name, found.segment, found.raw.rows, raw, corrected, reason=reason, alert_rate=rate)


def _interval(name: str, found: Point, usual: Spread, learnt: Learnt) -> Interval:
    if not found.known:
        return Interval(None)
    margin = usual.margin(found, learnt.confidence)
    least, most = _BOUNDS.get(name, (-math.inf, math.inf))
    return Interval(found.value, max(found.value - margin, least), min(found.value + margin, most))
