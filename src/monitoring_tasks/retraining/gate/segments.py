"""The deciding metric within each segment: where the challenger is worse, corrected for how many there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.retraining.gate.compare import compare, probability_of_less
from monitoring_tasks.retraining.gate.ranked import RANKED
from monitoring_tasks.retraining.gate.sample import Sample, named_values
from monitoring_tasks.retraining.gate.verdict import Comparison, SegmentComparison
from monitoring_tasks.retraining_section import Gate

LEAST_CLASS = 10
"""AUC of a segment, or another ranking, needs as many rows of each class."""


@dataclass(frozen=True)
class SegmentColumn:
    """What one column's segments show; `left` and `left_rows` count values too small to be judged, and their rows."""

    column: str
    judged: tuple[SegmentComparison, ...]
    left: int
    left_rows: int


def compare_segments(
    rows: Sample, columns: Mapping[str, NDArray[Any]], metric: str, gate: Gate
) -> tuple[SegmentColumn, ...]:
    """Every value of every column by the metric; `columns` are in the rows' order. Holm over all values judged."""
    found = [
        (column, value, len(group), _judged(group, metric, gate))
        for column, values in columns.items()
        for value, group in _groups(rows, values)
    ]
    tested = [(column, value, *seen) for column, value, _, seen in found if seen is not None]
    adjusted = holm([p for *_, p in tested])
    segments = [
        SegmentComparison(column, value, comparison, p, high, high < 1 - gate.confidence)
        for (column, value, comparison, p), high in zip(tested, adjusted, strict=True)
    ]
    left = {column: [size for name, _, size, seen in found if name == column and seen is None] for column in columns}
    return tuple(
        SegmentColumn(
            column, tuple(each for each in segments if each.column == column), len(left[column]), sum(left[column])
        )
        for column in columns
    )


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given: below a level, they bound the chance of any false one by it.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, least = [0.0] * len(p), 0.0
    for place, number in enumerate(sorted(range(len(p)), key=lambda number: p[number])):
        least = max(least, min(1.0, (len(p) - place) * p[number]))
        adjusted[number] = least
    return adjusted


def _groups(rows: Sample, values: NDArray[Any]) -> Iterator[tuple[str | None, Sample]]:
    codes, names = named_values(values)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(names)))[:-1]
    for name, group in zip(names, np.split(order, ends), strict=False):
        yield name, rows.take(group)


def _judged(group: Sample, metric: str, gate: Gate) -> tuple[Comparison, float] | None:
    if len(group) < gate.segment_rows or 0 < group.blocks < gate.minimum_days:
        return None
    if metric in ("auc", *RANKED) and _least_class(group) < LEAST_CLASS:
        return None
    comparison = compare(metric, group, confidence=gate.confidence, alert_rate=gate.alert_rate)
    p = probability_of_less(comparison, gate.tolerance)
    return None if p is None else (comparison, p)


def _least_class(group: Sample) -> int:
    positives = int(group.label.sum())
    return min(positives, len(group) - positives)
