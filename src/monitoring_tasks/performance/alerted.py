"""How good the rows with the highest scores are, where a fixed share of all rows is alerted: recall and precision."""

from __future__ import annotations

import numpy as np

from monitoring_tasks.performance.measure import Measure, Scored, both_classes, defined_for
from monitoring_tasks.performance.outcomes import Floats
from monitoring_tasks.performance.ranking import Ranked, ranked

BAND = 0.5
"""The rows ranked within so many alerted shares of the cut say how many of the rows at the cut are positive."""


@defined_for(both_classes)
def recall_at_rate(scored: Scored) -> Measure:
    """Share of the positives that are among the share `alert_rate` of the rows with the highest scores.

    Rows that tie at the cut are alerted in proportion: the expected recall were they drawn at random. Undefined for one
    class.

    >>> recall_at_rate(Scored(np.array([0.0, 1, 1, 0]), np.array([0.1, 0.4, 0.8, 0.4]), np.ones(4), alert_rate=0.5))[0]
    0.75
    """
    found, moved = _found(scored)
    positive = scored.label == 1
    total = float(np.sum(scored.weight[positive]))
    return _measure(scored, found / total, (moved - found / total * positive) / total)


@defined_for(both_classes)
def precision_at_rate(scored: Scored) -> Measure:
    """Share of positives among the share `alert_rate` of the rows with the highest scores; ties as for the recall.

    >>> precision_at_rate(
    ...     Scored(np.array([0.0, 1, 1, 0]), np.array([0.1, 0.4, 0.8, 0.4]), np.ones(4), alert_rate=0.5)
    ... ).value
    0.75
    """
    found, moved = _found(scored)
    alerted = scored.alert_rate * float(np.sum(scored.weight))
    return _measure(scored, found / alerted, (moved - found / alerted * scored.alert_rate) / alerted)


def _measure(scored: Scored, value: float, moved: Floats) -> Measure:
    return Measure(value, moved * float(np.sum(scored.weight)))


def _found(scored: Scored) -> tuple[float, Floats]:
    """Weight of the alerted positives, and by how much each row's weight moves it.

    A row that is alerted adds its label and pushes others over the cut; any row lets a share `alert_rate` more in. What
    is at the cut counts as positive with the share of the rows around it: that of the row itself, 0 or 1 where scores
    do not tie, would say nothing about other samples.
    """
    rows = ranked(scored.prediction, scored.label == 1, scored.weight)
    alerted = scored.alert_rate * float(np.sum(scored.weight))
    taken = _taken(rows, alerted)
    at_cut = _share_around(rows, alerted)
    moved = taken[rows.rank] * ((scored.label == 1) - at_cut) + scored.alert_rate * at_cut
    return float(np.sum(taken * rows.positive)), moved


def _taken(rows: Ranked, alerted: float) -> Floats:
    """Of the rows at each rank the share that is alerted: 1 above the cut, 0 below, between where rows tie at it."""
    weight = rows.positive + rows.negative
    above = np.cumsum(weight[::-1])[::-1] - weight
    return np.clip((alerted - above) / weight, 0.0, 1.0)


def _share_around(rows: Ranked, alerted: float) -> float:
    around = _taken(rows, (1 + BAND) * alerted) - _taken(rows, (1 - BAND) * alerted)
    total = float(np.sum(around * (rows.positive + rows.negative)))
    return float(np.sum(around * rows.positive)) / total
