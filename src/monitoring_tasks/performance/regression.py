"""Errors of predicted numbers: prediction minus label."""

from __future__ import annotations

import numpy as np

from monitoring_tasks.performance.measure import Measure, Scored, defined_for, mean

LARGEST = 1e50
_LEAST = float(np.finfo(np.float64).eps)


def bounded(scored: Scored) -> str:
    """Numbers up to 1e50: squares and sums of larger ones would leave what a float can hold."""
    # NumPy's maximum, unlike Python's, is NaN where one of the numbers is.
    largest = np.maximum(*(np.max(np.abs(side)) for side in (scored.prediction, scored.label)))
    return "" if largest <= LARGEST else f"found a number as large as {largest:g}, allowed is up to {LARGEST:g}"


def no_zero_label(scored: Scored) -> str:
    """No label is 0."""
    zeros = np.count_nonzero(scored.label == 0)
    return f"{zeros} of {len(scored.label)} labels are 0, of which no error is a percentage" if zeros else ""


def unlike_labels(scored: Scored) -> str:
    """Not all labels are the same."""
    alike = np.min(scored.label) == np.max(scored.label)
    return f"all {len(scored.label)} labels are {scored.label[0]:g}: there is nothing to explain" if alike else ""


@defined_for(bounded)
def mae(scored: Scored) -> Measure:
    """Mean absolute error, in the label's unit.

    >>> mae(Scored(np.array([1.0, 2]), np.array([2.0, 5]), np.ones(2))).value
    2.0
    """
    return mean(np.abs(scored.prediction - scored.label), scored.weight)


@defined_for(bounded)
def rmse(scored: Scored) -> Measure:
    """Root of the mean squared error, in the label's unit.

    >>> rmse(Scored(np.array([1.0, 2]), np.array([2.0, 9]), np.ones(2))).value
    5.0
    """
    squared = mean(np.square(scored.prediction - scored.label), scored.weight)
    value = float(np.sqrt(squared.value))
    # Without any error no weight moves it, although the root's slope is infinite there.
    return Measure(value, squared.influence / (2 * value) if value else squared.influence)


@defined_for(bounded, no_zero_label)
def mape(scored: Scored) -> Measure:
    """Mean absolute error as a share of the label (0.1 is 10 %), of at least 2.2e-16; undefined where a label is 0.

    >>> mape(Scored(np.array([1.0, -2]), np.array([2.0, -3]), np.ones(2))).value
    0.75
    """
    share = np.abs(scored.prediction - scored.label) / np.maximum(np.abs(scored.label), _LEAST)
    return mean(share, scored.weight)


@defined_for(bounded, unlike_labels)
def r2(scored: Scored) -> Measure:
    """Share of the labels' variance that the predictions explain, below 0 where their mean would do better.

    Undefined where all labels are the same.

    >>> r2(Scored(np.array([1.0, 2, 3]), np.array([1.0, 2, 4]), np.ones(3))).value
    0.5
    """
    squared = np.square(scored.prediction - scored.label)
    spread = np.square(scored.label - np.average(scored.label, weights=scored.weight))
    error, variance = (float(np.average(each, weights=scored.weight)) for each in (squared, spread))
    missed = error / variance
    return Measure(1 - missed, (missed * spread - squared) / variance)


@defined_for(bounded)
def bias(scored: Scored) -> Measure:
    """Mean error: above 0 the model predicts too much.

    >>> bias(Scored(np.array([1.0, 2]), np.array([2.0, 5]), np.ones(2))).value
    2.0
    """
    return mean(scored.prediction - scored.label, scored.weight)
