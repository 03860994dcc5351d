"""How good yes and no are, which a binary score becomes at the threshold: `score >= threshold` is yes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monitoring_tasks.performance import classes
from monitoring_tasks.performance.measure import Flags, Measure, Scored, defined_for, mean, ratio


def decided(scored: Scored) -> Scored:
    """The same rows with class 1 or 0 instead of the score, as the metrics of `classes` take them.

    >>> decided(Scored(np.array([0.0, 1]), np.array([0.2, 0.5]), np.ones(2))).prediction
    array([0., 1.])
    """
    return replace(scored, prediction=_positive(scored).astype(np.float64), classes=2)


def _positive(scored: Scored) -> Flags:
    found: Flags = scored.prediction >= scored.threshold
    return found


@defined_for()
def accuracy(scored: Scored) -> Measure:
    """Share of the rows that were decided right.

    >>> accuracy(Scored(np.array([0.0, 1]), np.array([0.6, 0.5]), np.ones(2))).value
    0.5
    """
    return mean((_positive(scored) == (scored.label == 1)).astype(np.float64), scored.weight)


@defined_for()
def precision(scored: Scored) -> Measure:
    """Share of the rows decided positive that are; undefined where none was.

    >>> precision(Scored(np.array([0.0, 1]), np.array([0.6, 0.5]), np.ones(2))).value
    0.5
    """
    yes, empty = _positive(scored), f"no score is as high as the threshold {scored.threshold:g}"
    return ratio(yes & (scored.label == 1), yes, scored.weight, empty=empty)


@defined_for()
def recall(scored: Scored) -> Measure:
    """Share of the positives that were decided positive; undefined without positives.

    >>> recall(Scored(np.array([0.0, 1]), np.array([0.6, 0.5]), np.ones(2))).value
    1.0
    """
    actual = scored.label == 1
    return ratio(_positive(scored) & actual, actual, scored.weight, empty="no label is positive")


@defined_for()
def f1(scored: Scored) -> Measure:
    """Harmonic mean of precision and recall; undefined where nothing is positive, neither label nor decision.

    >>> round(f1(Scored(np.array([0.0, 1]), np.array([0.6, 0.5]), np.ones(2))).value, 4)
    0.6667
    """
    yes, actual = _positive(scored), scored.label == 1
    empty = f"no label is positive and no score is as high as the threshold {scored.threshold:g}"
    return ratio(2.0 * (yes & actual), 1.0 * yes + actual, scored.weight, empty=empty)


def f1_weighted(scored: Scored) -> Measure:
    """F1 of both classes, each by its share of the labels.

    >>> round(f1_weighted(Scored(np.array([0.0, 0, 1]), np.array([0.2, 0.6, 0.9]), np.ones(3))).value, 4)
    0.6667
    """
    return classes.f1_weighted(decided(scored))
