"""AUC of two sides on the same rows: DeLong's covariance for independent rows, a table of pairs for blocks of rows.

AUC is the share of pairs of a positive and a negative in which the positive has the higher score; a tie counts half.
DeLong, DeLong and Clarke-Pearson (1988), with the placements that `performance.ranking` finds by sorting.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.performance.ranking import placements
from monitoring_tasks.retraining.gate.sample import Floats, Whole

Flags = NDArray[np.bool_]
WITHOUT_THREADS = 1 << 18


def delong(champion: Floats, challenger: Floats, positive: Flags) -> tuple[float, float, float | None]:
    """AUC of each side, and the standard error of their difference, None for a class of a single row.

    >>> scores = np.array([0.1, 0.4, 0.3, 0.8])
    >>> delong(scores, scores, np.array([False, True, False, True]))
    (1.0, 1.0, 0.0)
    """
    placed = [placements(side, positive, np.ones(len(side))) for side in (champion, challenger)]
    first, second = ((each[positive], each[~positive]) for each in placed)
    means = float(first[0].mean()), float(second[0].mean())
    if min(len(first[0]), len(first[1])) < 2:
        return *means, None
    variance = sum(np.var(b - a, ddof=1) / len(a) for a, b in zip(first, second, strict=True))
    return *means, float(np.sqrt(variance))


def pairs(score: Floats, positive: Flags, block: Whole, blocks: int) -> Floats:
    """Won pairs between blocks: `[d, e]` counts positives of d above negatives of e, ties half; exact.

    `block` numbers the rows' blocks and never falls. AUC under weights w of the blocks is then
    `w pairs w / (w positives) (w negatives)`.

    >>> pairs(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, True, False, True]), np.array([0, 0, 1, 1]), 2)
    array([[1. , 0.5],
           [1. , 1. ]])
    """
    if 2 * np.count_nonzero(positive) > len(positive):
        # The work is in the class that is ranked: let it be the smaller one.
        return pairs(-score, ~positive, block, blocks).T
    ranked = np.argsort(score[positive])
    ranks, winners = score[positive][ranked], block[positive][ranked]
    left, right = _places(ranks, score[~positive])
    ends = np.searchsorted(block[~positive], np.arange(blocks + 1))
    table = np.empty((blocks, blocks))
    for number, (start, end) in enumerate(pairwise(ends)):
        beaten = _beaten(left[start:end], right[start:end], len(ranks))
        table[:, number] = np.bincount(winners, weights=beaten, minlength=blocks)
    return table


def quadratic(weights: Floats, table: Floats) -> Floats:
    """`w table w` for each row w of the weights.

    >>> quadratic(np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([[1.0, 0.5], [1.0, 1.0]]))
    array([8., 1.])
    """
    # In parts so small that BLAS starts no threads: on a busy machine those take fifty times as long as the work.
    parts = -(-len(weights) * table.size // WITHOUT_THREADS)
    return np.concatenate([((part @ table) * part).sum(axis=1) for part in np.array_split(weights, parts)])


def _places(ranks: Floats, scores: Floats) -> tuple[Whole, Whole]:
    """Where each score would stand among the ranked: before, and after, those it ties with."""
    left = np.searchsorted(ranks, scores, side="left")
    # A second search of all scores would cost as much as everything else; that of the ranks themselves is cheap.
    after = np.append(np.searchsorted(ranks, ranks, side="right"), len(ranks))
    tied = np.append(ranks, np.inf)[left] == scores
    return left, np.where(tied, after[left], left)


def _beaten(left: Whole, right: Whole, ranks: int) -> Floats:
    """Of each ranked positive, how many negatives are below it, those as high half; `left` and `right` place them."""
    placed = np.bincount(left, minlength=ranks + 1) + np.bincount(right, minlength=ranks + 1)
    return np.cumsum(placed)[:ranks] / 2
