"""One Arrow column against its bins: the profile of its rows, exact, in a few passes over cache-sized blocks.

A block of values is sorted; the place of each edge in it gives the bins' counts, and consecutive stretches of it the
bins' sums. That is several times faster than looking up a bin for each value, and nearly independent of the number of
bins. No step calls BLAS, whose threads would spin on a busy machine.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# Under their own names here as well: a profile's readers take them from where its columns are counted.
from monitoring_tasks.data.values import Column as Column
from monitoring_tasks.data.values import Numbers, convertible, filled
from monitoring_tasks.data.values import arrow_array as arrow_array
from monitoring_tasks.data.values import is_numeric as is_numeric
from monitoring_tasks.data.values import is_text as is_text
from monitoring_tasks.data.values import numbers as numbers
from monitoring_tasks.data.values import texts as texts
from monitoring_tasks.data.values import value_type as value_type
from monitoring_tasks.profile.binning import CategoryBins, ColumnBins, NumericBins
from monitoring_tasks.profile.profile import (
    CategoryProfile,
    ColumnProfile,
    NumericProfile,
    add_moments,
    empty_column,
    most_frequent,
)

BLOCK = 40_960
"""Values sorted at a time: 320 kB, which stays in a core's own cache; three make a row group of the usual size."""
CARRIED_UNSEEN = 10_000
"""So many unseen categories are told apart while rows are read, so that an id column cannot exhaust memory."""


def profile_column(column: Column, bins: ColumnBins) -> ColumnProfile:
    """The profile of one column's rows.

    A numeric column takes integers, floats, decimals and booleans (0 and 1); a categorical one strings, booleans,
    integers, decimals and floats, as text. Rows of any other type are counted as unusable. A dictionary counts as the
    type it holds. Up to `CARRIED_UNSEEN` unseen categories are kept, for the caller to cut.

    >>> bins = NumericBins(np.array([1.0, 2.0]), np.array([0, 1]), 0.0, 3.0)
    >>> profile_column(pa.chunked_array([[0.5, 1.0, 1.5, None, 9.0]]), bins).counts.tolist()
    [2, 1, 1]
    """
    usable = is_categorical if isinstance(bins, CategoryBins) else is_numeric
    kind = value_type(column.type)
    if pa.types.is_null(kind):
        return empty_column(bins, null=len(column))
    if not usable(kind):
        return empty_column(bins, unusable=len(column))
    # Overflow and NaN are results here: of sums of values near the largest float.
    with np.errstate(over="ignore", invalid="ignore"):
        return _categorical(column, bins) if isinstance(bins, CategoryBins) else _numeric(column, bins)


def is_categorical(kind: pa.DataType) -> bool:
    """Whether a categorical column may be of this type."""
    return is_text(kind) or is_numeric(kind)


def _numeric(column: Column, bins: NumericBins) -> NumericProfile:
    tally = _Tally(bins)
    for block in _blocks(column):
        tally.add(np.sort(block))
    return tally.profile(nulls=column.null_count)


def _blocks(column: Column) -> Iterator[Numbers]:
    for array in column.chunks:
        converted = convertible(array)
        # Block by block, so that what nulls make a copy of is still in the cache when it is sorted.
        for start in range(0, len(converted), BLOCK):
            yield filled(converted.slice(start, BLOCK))


class _Tally:
    """Running totals of one numeric column; blocks arrive sorted, so NaN stands last and infinities at the ends."""

    def __init__(self, bins: NumericBins) -> None:
        self.edges = bins.edges
        self.counts = np.zeros(len(bins.edges) + 1, np.int64)
        self.sums = np.zeros(len(bins.edges) + 1)
        self.moments = (0, math.nan, 0.0)
        self.ends = (math.nan, math.nan)
        self.nan = self.negative = self.positive = 0

    def add(self, ordered: Numbers) -> None:
        """Add a sorted block and use up its memory."""
        # Sorting in the column's own type is faster; the order survives the conversion.
        values = self._finite(ordered.astype(np.float64, copy=False))
        if len(values):
            self.ends = (float(np.fmin(self.ends[0], values[0])), float(np.fmax(self.ends[1], values[-1])))
            self._count(values)

    def _finite(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        if math.isfinite(values[0]) and math.isfinite(values[-1]):
            return values
        ends = (np.searchsorted(values, -np.inf, "right"), *np.searchsorted(values, [np.inf, np.nan]))
        low, high, numbered = (int(end) for end in ends)
        self.negative += low
        self.positive += numbered - high
        self.nan += len(values) - numbered
        return values[low:high]

    def _count(self, values: NDArray[np.float64]) -> None:
        places = np.empty(len(self.counts) + 1, np.int64)
        places[0], places[-1] = 0, len(values)
        places[1:-1] = values.searchsorted(self.edges, "right")
        counts = places[1:] - places[:-1]
        filled = counts.nonzero()[0]
        sums = np.add.reduceat(values, places[filled])
        self.counts += counts
        self.sums[filled] += sums
        self._add_moments(values, float(sums.sum()) / len(values))

    def _add_moments(self, values: NDArray[np.float64], mean: float) -> None:
        np.subtract(values, mean, out=values)
        self.moments = add_moments(self.moments, (len(values), mean, float(np.einsum("i,i", values, values))))

    def profile(self, nulls: int) -> NumericProfile:
        _, mean, m2 = self.moments
        infinite = {"negative_infinite": self.negative, "positive_infinite": self.positive}
        # Nulls became NaN on the way: what is left are the NaN that were written as such.
        return NumericProfile(
            self.counts, self.sums, *self.ends, mean, m2, null=nulls, nan=self.nan - nulls, **infinite
        )


def _categorical(column: Column, bins: CategoryBins) -> CategoryProfile:
    found = count_texts(column)
    nulls = len(column) - found.total()
    counts = np.array([found.pop(value, 0) for value in bins.values], np.int64)
    unseen, other = most_frequent(found, CARRIED_UNSEEN)
    return CategoryProfile(counts, unseen, other, null=nulls)


def count_texts(column: Column) -> Counter[str]:
    """How often each value of a column occurs, as text; nulls and NaN are not counted.

    >>> sorted(count_texts(pa.chunked_array([[1.0, 2.5, None, 1.0]])).items())
    [('1', 2), ('2.5', 1)]
    """
    found: Counter[str] = Counter()
    for array in column.chunks:
        for text, count in _counted(array):
            if text is not None:
                found[text] += count
    return found


def _counted(array: pa.Array[Any]) -> Iterable[tuple[str | None, int]]:
    if isinstance(array, pa.DictionaryArray):
        indices = cast("NDArray[np.int64]", np.from_dlpack(array.indices.drop_null()))
        counts = np.bincount(indices, minlength=len(array.dictionary))
        pairs = zip(texts(array.dictionary), counts.tolist(), strict=True)
        return (pair for pair in pairs if pair[1])
    if pa.types.is_string_view(array.type):
        array = array.cast(pa.large_string())  # counting string views takes their nulls for empty text (pyarrow 26)
    table = pc.value_counts(array)
    return zip(texts(table.field("values")), np.from_dlpack(table.field("counts")).tolist(), strict=True)
