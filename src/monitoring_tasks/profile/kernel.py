"""One Arrow column against its bins: the profile of its rows, exact, in a few passes over cache-sized blocks.

A block of values is sorted; the place of each edge in it gives the bins' counts, and consecutive stretches of it the
bins' sums. That is several times faster than looking up a bin for each value, and nearly independent of the number of
bins. No step calls BLAS, whose threads would spin on a busy machine.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, TypeAlias, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

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

Column: TypeAlias = "pa.ChunkedArray[Any]"
Numbers = NDArray[Any]


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


def value_type(kind: pa.DataType) -> pa.DataType:
    """The type of a column's values: a dictionary's is that of its entries."""
    return kind.value_type if isinstance(kind, pa.DictionaryType) else kind


def is_numeric(kind: pa.DataType) -> bool:
    """Whether a numeric column may be of this type."""
    checks = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
    return any(check(kind) for check in checks)


def is_text(kind: pa.DataType) -> bool:
    """Whether the type holds text."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def is_categorical(kind: pa.DataType) -> bool:
    """Whether a categorical column may be of this type."""
    return is_text(kind) or is_numeric(kind)


def arrow_array(values: Numbers) -> pa.Array[Any]:
    """Numbers of numpy as an Arrow array that shares their memory; the inverse of `numbers`.

    `pa.array`, like `pa.scalar` and `to_numpy`, imports pandas: a tenth of a second, and 50 MB.

    >>> arrow_array(np.array([3, 1])).to_pylist()
    [3, 1]
    """
    shared = pa.py_buffer(np.ascontiguousarray(values).data)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, shared])


_NAN = arrow_array(np.array([math.nan]))[0]


def numbers(array: pa.Array[Any]) -> Numbers:
    """The values of a numeric array, nulls as NaN; without a copy where Arrow's memory allows it."""
    return _filled(_convertible(array))


def _filled(array: pa.Array[Any]) -> Numbers:
    if array.null_count:
        floats = array if pa.types.is_floating(array.type) else array.cast(pa.float64(), safe=False)
        array = floats.fill_null(_NAN)
    values: Numbers = np.from_dlpack(array)
    return values


def _convertible(array: pa.Array[Any]) -> pa.Array[Any]:
    """A numeric array in a type that numpy has."""
    kind = array.type
    if isinstance(array, pa.DictionaryArray):
        return _convertible(array.dictionary_decode())
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return array.cast(pa.float64())
    return array.cast(pa.uint8()) if pa.types.is_boolean(kind) else array


def _numeric(column: Column, bins: NumericBins) -> NumericProfile:
    tally = _Tally(bins)
    for block in _blocks(column):
        tally.add(np.sort(block))
    return tally.profile(nulls=column.null_count)


def _blocks(column: Column) -> Iterator[Numbers]:
    for array in column.chunks:
        converted = _convertible(array)
        # Block by block, so that what nulls make a copy of is still in the cache when it is sorted.
        for start in range(0, len(converted), BLOCK):
            yield _filled(converted.slice(start, BLOCK))


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


def texts(values: pa.Array[Any]) -> list[str | None]:
    """The values of an array that is not dictionary-encoded as their categories' texts; None for null and NaN."""
    if is_text(values.type):
        # By way of bytes: files may hold text that is not valid UTF-8, and must not end the scan.
        raw = values.cast(pa.large_binary()).to_pylist()
        return [None if item is None else item.decode("utf-8", "replace") for item in raw]
    return [_text(value) for value in values.to_pylist()]


def _text(value: bool | float | Decimal | None) -> str | None:
    """A value as its category's text; a whole number is written as an integer, whatever type it came in.

    Tools that have no missing integer turn a column of them into floats: the category must stay the same.
    """
    if value is None or value != value:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return str(int(value)) if value == value.to_integral_value() else format(value.normalize(), "f")
    return str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)
