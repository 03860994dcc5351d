"""How good scores are as probabilities: log loss, Brier score, calibration. Defined on one class too."""

from __future__ import annotations

import numpy as np

from monitoring_tasks.performance.measure import Measure, Scored, defined_for, mass, mean
from monitoring_tasks.performance.outcomes import Floats

BINS = 10
OFF_BY = 0.05
"""Probabilities of one row add up to 1 within this: logs round them."""
_LEAST = float(np.finfo(np.float64).eps)


def probable_scores(scored: Scored) -> str:
    """Scores from 0 to 1."""
    return _no_probabilities(scored.prediction)


def probable_classes(scored: Scored) -> str:
    """A probability of every class, which add up to 1."""
    if scored.probabilities is None:
        return "no probabilities of the classes are logged: name their columns in performance.probabilities"
    if outside := _no_probabilities(scored.probabilities):
        return outside
    total = scored.probabilities.sum(axis=1)
    off = np.abs(total - 1)
    worst = np.argmax(off)
    return f"probabilities of one row add up to {total[worst]:g}, not 1" if off[worst] > OFF_BY else ""


def _no_probabilities(found: Floats) -> str:
    low, high = float(np.min(found)), float(np.max(found))
    # Written so that NaN is outside too.
    if low >= 0 and high <= 1:
        return ""
    return f"scores are no probabilities: found {high if low >= 0 else low:g}, allowed is 0 to 1"


@defined_for(probable_scores)
def log_loss(scored: Scored) -> Measure:
    """Mean of minus the log of the probability given to what came true, at least 2.2e-16 (binary).

    >>> round(log_loss(Scored(np.array([0.0, 1]), np.array([0.5, 0.5]), np.ones(2))).value, 4)
    0.6931
    """
    return _surprise(np.where(scored.label == 1, scored.prediction, 1 - scored.prediction), scored.weight)


@defined_for(probable_classes)
def log_loss_of_classes(scored: Scored) -> Measure:
    """Mean of minus the log of the probability given to what came true, at least 2.2e-16 (multiclass)."""
    assert scored.probabilities is not None
    came = np.take_along_axis(scored.probabilities, scored.label.astype(np.intp)[:, None], axis=1)[:, 0]
    return _surprise(came, scored.weight)


def _surprise(probability: Floats, weight: Floats) -> Measure:
    return mean(-np.log(np.clip(probability, _LEAST, 1 - _LEAST)), weight)


@defined_for(probable_scores)
def brier(scored: Scored) -> Measure:
    """Mean squared difference between score and label: Brier (1950), in the form for two classes.

    >>> brier(Scored(np.array([0.0, 1]), np.array([0.5, 0.5]), np.ones(2))).value
    0.25
    """
    return mean(np.square(scored.prediction - scored.label), scored.weight)


@defined_for(probable_scores)
def predicted_minus_actual(scored: Scored) -> Measure:
    """Mean score minus the share of positives: above 0 the model expects too many.

    >>> predicted_minus_actual(Scored(np.array([0.0, 1]), np.array([0.5, 0.75]), np.ones(2))).value
    0.125
    """
    return mean(scored.prediction - scored.label, scored.weight)


@defined_for(probable_scores)
def ece(scored: Scored) -> Measure:
    """Expected calibration error: |mean score - share of positives| within ten bins of equal width, by their weight.

    A bin holds its upper edge, the first 0 as well, as in scikit-learn's `calibration_curve`: Guo et al. (2017). Small
    samples make it larger: an error of each bin that is chance counts as well. Where a bin has no gap at all, the value
    has a kink; the influence of the bin's rows is then that of the bin's staying without.

    >>> round(ece(Scored(np.array([0.0, 1]), np.array([0.1, 0.7]), np.ones(2))).value, 4)
    0.2
    """
    # The edges of calibration_curve, down to the last bit: 3 / 10 and 3 * 0.1 differ.
    bins = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], scored.prediction)
    gap = scored.prediction - scored.label
    side = np.sign(mass(bins, scored.weight * gap, count=BINS))
    return mean(side[bins] * gap, scored.weight)
