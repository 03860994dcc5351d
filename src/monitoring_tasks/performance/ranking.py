"""How well scores rank positives above negatives: AUC and average precision, ties counted as they are.

Influence of a row on AUC is its placement, centred: DeLong, DeLong and Clarke-Pearson (1988). Ranks are found by one
sort, as in Sun and Xu (2014).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.performance.measure import Flags, Measure, Scored, both_classes, defined_for, mass
from monitoring_tasks.performance.outcomes import Floats


class Ranked(NamedTuple):
    """Rows by score: `rank` numbers each row's score from the lowest up, ties alike; weight of each class at a rank."""

    rank: NDArray[np.intp]
    positive: Floats
    negative: Floats


def ranked(score: Floats, positive: Flags, weight: Floats) -> Ranked:
    """Rows by score.

    >>> ranked(np.array([0.4, 0.1, 0.4]), np.array([True, False, False]), np.ones(3))
    Ranked(rank=array([1, 0, 1]), positive=array([0., 1.]), negative=array([1., 1.]))
    """
    scores, rank = np.unique(score, return_inverse=True)
    return Ranked(rank, *(mass(rank[each], weight[each], count=len(scores)) for each in (positive, ~positive)))


def placements(score: Floats, positive: Flags, weight: Floats) -> Floats:
    """For each positive the share of negatives below it, for each negative that of positives above it; ties half.

    Both classes must be there.

    >>> placements(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, True, False, True]), np.ones(4))
    array([1.  , 0.75, 0.75, 1.  ])
    """
    rank, positives, negatives = ranked(score, positive, weight)
    placed: Floats = np.where(positive, _share_below(negatives)[rank], 1 - _share_below(positives)[rank])
    return placed


def _share_below(amount: Floats) -> Floats:
    up_to = np.cumsum(amount)
    below: Floats = (up_to - amount / 2) / up_to[-1]
    return below


@defined_for(both_classes)
def auc(scored: Scored) -> Measure:
    """Share of the pairs of a positive and a negative in which the positive has the higher score; a tie counts half.

    Undefined for one class.

    >>> auc(Scored(np.array([0.0, 1, 0, 1]), np.array([0.1, 0.4, 0.4, 0.8]), np.ones(4))).value
    0.875
    """
    positive = scored.label == 1
    placed = placements(scored.prediction, positive, scored.weight)
    value = float(np.average(placed[positive], weights=scored.weight[positive]))
    share = float(np.average(positive, weights=scored.weight))
    return Measure(value, (placed - value) / np.where(positive, share, 1 - share))


@defined_for(both_classes)
def average_precision(scored: Scored) -> Measure:
    """Precision at each score as a threshold, averaged over the positives; rows with one score count together.

    Undefined for one class.

    >>> average_precision(Scored(np.array([0.0, 1, 0, 1]), np.array([0.1, 0.4, 0.4, 0.8]), np.ones(4))).value
    0.8333333333333333
    """
    rank, positives, negatives = ranked(scored.prediction, scored.label == 1, scored.weight)
    # Thresholds run down from the highest score; a weight counts at every threshold from its own score on.
    found, wrong = _from_above(positives), _from_above(negatives)
    precision, total = found / (found + wrong), float(found[0])
    value = float(np.sum(positives * precision)) / total
    slope = positives / np.square(found + wrong)
    of_positive = precision + np.cumsum(slope * wrong) - value
    of_negative = -np.cumsum(slope * found)
    influence = np.where(scored.label == 1, of_positive[rank], of_negative[rank])
    return Measure(value, influence * (float(np.sum(scored.weight)) / total))


def _from_above(amount: Floats) -> Floats:
    return np.cumsum(amount[::-1])[::-1]
