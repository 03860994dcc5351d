"""AUC of two sides on the same rows: DeLong's covariance for independent rows, a table of pairs for blocks of rows.

AUC is the share of pairs of a positive and a negative in which the positive has the higher score; a tie counts half.
DeLong, DeLong and Clarke-Pearson (1988), with placements found by sorting as in Sun and Xu (2014).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.retraining.gate.sample import Floats, Whole

Flags = NDArray[np.bool_]


def placements(score: Floats, positive: Flags) -> tuple[Floats, Floats]:
    """For each positive the share of negatives below it, for each negative the share of positives above it.

    >>> placements(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, True, False, True]))
    (array([0.75, 1.  ]), array([1.  , 0.75]))
    """
    positives, negatives = score[positive], score[~positive]
    below = _below(np.sort(negatives), positives) / len(negatives)
    above = 1 - _below(np.sort(positives), negatives) / len(positives)
    return below, above


def delong(champion: Floats, challenger: Floats, positive: Flags) -> tuple[float, float, float | None]:
    """AUC of each side, and the standard error of their difference, None for a class of a single row.

    >>> scores = np.array([0.1, 0.4, 0.3, 0.8])
    >>> delong(scores, scores, np.array([False, True, False, True]))
    (1.0, 1.0, 0.0)
    """
    first, second = placements(champion, positive), placements(challenger, positive)
    means = float(first[0].mean()), float(second[0].mean())
    if min(len(first[0]), len(first[1])) < 2:
        return *means, None
    variance = sum(np.var(b - a, ddof=1) / len(a) for a, b in zip(first, second, strict=True))
    return *means, float(np.sqrt(variance))


def pairs(score: Floats, positive: Flags, block: Whole, blocks: int) -> Floats:
    """Won pairs between blocks: `[d, e]` counts positives of d above negatives of e, ties half; exact.

    AUC under weights w of the blocks is then `w pairs w / (w positives) (w negatives)`.

    >>> pairs(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, True, False, True]), np.array([0, 0, 1, 1]), 2)
    array([[1. , 0.5],
           [1. , 1. ]])
    """
    order = np.argsort(score)
    score, positive, block = score[order], positive[order], block[order]
    # Ranks count distinct scores of positives: a negative only matters by how many of those it is below.
    ranks = np.unique(score[positive])
    positives = np.searchsorted(ranks, score[positive])
    left = np.searchsorted(ranks, score[~positive], side="left")
    right = np.searchsorted(ranks, score[~positive], side="right")
    winners, losers = block[positive], block[~positive]
    table = np.empty((blocks, blocks))
    for number in range(blocks):
        mine = losers == number
        beaten = _beaten(left[mine], right[mine], len(ranks))
        table[:, number] = np.bincount(winners, weights=beaten[positives], minlength=blocks)
    return table


def _beaten(left: Whole, right: Whole, ranks: int) -> Floats:
    above = np.bincount(left, minlength=ranks + 1) + np.bincount(right, minlength=ranks + 1)
    return np.cumsum(above)[:ranks] / 2


def _below(others: Floats, values: Floats) -> Floats:
    both = np.searchsorted(others, values, side="left") + np.searchsorted(others, values, side="right")
    return both / 2
