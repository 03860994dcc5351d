"""What each row costs each side; a metric's value is the mean over the rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.retraining.gate.sample import Floats

CLIP = 1e-6
"""Probabilities are kept this far from 0 and 1 in the log loss: one sure mistake costs 13.8, not everything."""


def log_loss(label: Floats, prediction: Floats) -> Floats:
    """Minus the log of the probability given to what happened, clipped at 1e-6.

    >>> log_loss(np.array([1.0, 0.0]), np.array([0.5, 1.0])).round(3)
    array([ 0.693, 13.816])
    """
    given = np.where(label == 1, prediction, 1 - prediction)
    loss: Floats = -np.log(np.clip(given, CLIP, 1 - CLIP))
    return loss


def squared(label: Floats, prediction: Floats) -> Floats:
    """Squared difference: the Brier score of probabilities, MSE of numbers."""
    square: Floats = (label - prediction) ** 2
    return square


def absolute(label: Floats, prediction: Floats) -> Floats:
    """Absolute difference: MAE."""
    distance: Floats = np.abs(label - prediction)
    return distance


def right(label: Floats, prediction: Floats) -> Floats:
    """1 where the class is the predicted one, else 0: accuracy."""
    same: NDArray[np.bool_] = label == prediction
    return same.astype(np.float64)


LOSSES: dict[str, tuple[Callable[[Floats, Floats], Floats], int]] = {
    "log_loss": (log_loss, -1),
    "brier": (squared, -1),
    "accuracy": (right, 1),
    "mae": (absolute, -1),
    "mse": (squared, -1),
}
"""Of each metric that is a mean: the value of a row, and the sign that makes more be better."""


def better_when_less(metric: str) -> bool:
    """Whether the metric is a loss.

    >>> better_when_less("mae"), better_when_less("auc")
    (True, False)
    """
    return metric in LOSSES and LOSSES[metric][1] < 0
