"""Tests of a window's segments: how far each column of each lies from the same segment's baseline.

A segment has few rows, and what chance does to so few is known. How ordinary windows differ beyond that is learnt from
whole windows alone: a segment's are taken to differ as much.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from monitoring_tasks.calibration.calibrate import ColumnNull
from monitoring_tasks.calibration.counts import Counts, column_counts, distances
from monitoring_tasks.calibration.lessons import chance_null
from monitoring_tasks.calibration.nulls import DistanceNull
from monitoring_tasks.profile.binning import Binning, CategoryBins, ColumnBins
from monitoring_tasks.profile.profile import Profile
from monitoring_tasks.profile.segments import Division

SegmentKey = tuple[str, str]
"""A segment's words and a column."""


@dataclass(frozen=True, eq=False)
class SegmentCase:
    """One segment of a window beside the rows it is compared with; `columns` are those that are looked at."""

    words: str
    baseline: Profile
    current: Profile
    columns: tuple[str, ...]


class SegmentTest(NamedTuple):
    """The test of one column of one segment."""

    key: SegmentKey
    p_value: float
    effect: float


def segment_tests(
    nulls: Mapping[str, ColumnNull], binning: Binning, cases: Sequence[SegmentCase]
) -> Iterator[SegmentTest]:
    """The tests of those columns of segments that there is something to compare of."""
    for case in cases:
        for name in case.columns:
            bins = binning.columns[name]
            both = column_counts(bins, [case.current.columns[name], case.baseline.columns[name]])
            found = distances(bins, both.one(0), both.one(1))
            if found.squared[0] >= 0:  # not NaN: there are rows on both sides
                null = _null(nulls[name].distance, bins, both.one(1))
                p = null.p_value(float(found.squared[0]), float(found.scarcity[0]), float(found.peak[0]))
                yield SegmentTest((case.words, name), p, float(found.effect[0]))


def _null(whole: DistanceNull, bins: ColumnBins, baseline: Counts) -> DistanceNull:
    """The column's null with the chance of a segment's own values.

    No values are spread wider than those of a continuous column: its chance is that of any segment.
    """
    if whole.continuous and not isinstance(bins, CategoryBins):
        return whole
    own = chance_null(bins, baseline)
    return replace(whole, chance=own.chance, freedom=own.freedom, continuous=own.continuous)


def most_tests(divisions: Sequence[Division], columns: Sequence[str]) -> int:
    """Tests of segments that a window has at most: each value's, of the columns that do not make the segment."""
    return sum(len(division.values) * len(set(columns) - set(division.columns)) for division in divisions)
