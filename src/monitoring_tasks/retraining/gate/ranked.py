"""Average precision and recall at a rate of both sides on the same rows, and how each row moves their difference.

Neither is a mean over rows. To first order their difference is: that of the rows' influences (Hampel 1974), which
`performance` computes with the values, and blocks of rows are drawn as for any mean. Average precision hangs on the few
rows on top so much that this is too sure where positives are rare and hard to find: with blocks its error is the
jackknife's, which is never too small on average (Efron and Stein 1981).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from monitoring_tasks.performance.alerted import recall_at_rate
from monitoring_tasks.performance.measure import Function, Scored
from monitoring_tasks.performance.ranking import average_precision
from monitoring_tasks.retraining.gate.auc import Flags
from monitoring_tasks.retraining.gate.sample import Floats, Sample, Whole

RANKED: Mapping[str, Function] = {"average_precision": average_precision, "recall_at_rate": recall_at_rate}
"""The metrics of this kind; more of each is better."""


class Ranking(NamedTuple):
    """Both sides' values; `gain` has an entry for each row, whose mean over other rows is what the difference moves."""

    champion: float
    challenger: float
    gain: Floats


def rank(metric: str, rows: Sample, *, alert_rate: float) -> Ranking:
    """Both sides by a metric of `RANKED`; rows of both classes must be there.

    >>> label, score = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.1, 0.4, 0.3, 0.8])
    >>> rank("recall_at_rate", Sample(label, label, score), alert_rate=0.25)[:2]
    (0.5, 0.5)
    """
    ones = np.ones(len(rows))
    champion, challenger = (
        RANKED[metric](Scored(rows.label, side, ones, alert_rate=alert_rate))
        for side in (rows.champion, rows.challenger)
    )
    return Ranking(champion.value, challenger.value, challenger.influence - champion.influence)


def jackknife(rows: Sample) -> float:
    """Standard error of the difference in average precision, from leaving out each block; positives in two at least.

    >>> label, day = np.tile([0.0, 1.0], 6), np.repeat(np.arange(3), 4)
    >>> jackknife(Sample(label, label, label, day, day))
    0.0
    """
    assert rows.block is not None
    champion, challenger = (
        np.fromiter(_without_each(side, rows.label == 1, rows.block, rows.blocks), float)
        for side in (rows.champion, rows.challenger)
    )
    return float((challenger - champion).std() * np.sqrt(rows.blocks - 1))


def _without_each(score: Floats, positive: Flags, block: Whole, blocks: int) -> Iterator[float]:
    """Average precision without each of the blocks, whose numbers never fall."""
    thresholds = np.unique(score[positive])
    place = np.searchsorted(thresholds, score, side="right")
    every, found = _at_least(place, len(thresholds)), _at_least(place[positive], len(thresholds))
    for start, end in pairwise(np.searchsorted(block, np.arange(blocks + 1))):
        own = place[start:end]
        rows = every - _at_least(own, len(thresholds))
        hits = found - _at_least(own[positive[start:end]], len(thresholds))
        precision = np.divide(hits, rows, out=np.zeros(len(thresholds)), where=rows > 0)
        yield float(-np.diff(hits, append=0.0) @ precision / hits[0])


def _at_least(place: Whole, thresholds: int) -> Floats:
    """How many rows have each threshold or more, from the lowest up; `place` counts the thresholds that a row has."""
    counts = np.bincount(place, minlength=thresholds + 1)[1:].astype(np.float64)
    return np.cumsum(counts[::-1])[::-1]
