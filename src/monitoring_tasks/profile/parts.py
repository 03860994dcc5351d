"""One Arrow column against its bins, segment by segment: what `kernel` finds in each, in one pass over all of them.

The rows of a segment are put together and sorted; what a sort costs depends little on how many it is cut into.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_tasks.profile.binning import CategoryBins, ColumnBins, Floats, Ints, NumericBins
from monitoring_tasks.profile.kernel import (
    CARRIED_UNSEEN,
    Column,
    arrow_array,
    is_categorical,
    is_numeric,
    numbers,
    profile_column,
    value_type,
)
from monitoring_tasks.profile.profile import (
    CategoryProfile,
    ColumnProfile,
    NumericProfile,
    empty_column,
    most_frequent,
)
from monitoring_tasks.profile.segments import Parted, coded

MOST_CATEGORIES = 2000
"""With more of them in a table, counting each segment by itself takes less memory than a matrix of all."""


def profile_parts(column: Column, bins: ColumnBins, parted: Parted) -> list[ColumnProfile]:
    """The profile of one column's rows in each segment, in order: `profile_column` of them, up to rounding of sums."""
    kind = value_type(column.type)
    fits = is_categorical if isinstance(bins, CategoryBins) else is_numeric
    if pa.types.is_null(kind) or not fits(kind):
        return _one_by_one(column, bins, parted)
    with np.errstate(over="ignore", invalid="ignore"):
        found = _categories(column, bins, parted) if isinstance(bins, CategoryBins) else _numbers(column, bins, parted)
    return _one_by_one(column, bins, parted) if found is None else found


def absent_parts(bins: ColumnBins, parted: Parted) -> list[ColumnProfile]:
    """The profile of a column that is not there in each segment."""
    return [empty_column(bins, absent=rows) for rows in parted.rows.tolist()]


def _one_by_one(column: Column, bins: ColumnBins, parted: Parted) -> list[ColumnProfile]:
    ends = np.cumsum(parted.rows).tolist()
    return [
        profile_column(column.take(arrow_array(parted.order[end - rows : end])), bins)
        for rows, end in zip(parted.rows.tolist(), ends, strict=True)
    ]


def _numbers(column: Column, bins: NumericBins, parted: Parted) -> list[ColumnProfile] | None:
    """None where there is an infinite number, which is rare."""
    array = column.combine_chunks()
    values = numbers(array).take(parted.order).astype(np.float64, copy=False)
    finite = np.isfinite(values)
    every, nulls = parted.rows, np.zeros(len(parted.rows), np.int64)
    if not finite.all():
        if np.isinf(values).any():
            return None
        nulls = _sums_of(np.from_dlpack(array.is_null().cast(pa.uint8())).take(parted.order), every)
        rows, values = _sums_of(finite, every), values[finite]
    else:
        rows = every
    return _profiles(_Cells.of(values, rows, bins.edges), nulls, every - rows - nulls)


def _sums_of(marks: NDArray[Any], rows: Ints) -> Ints:
    ends = np.concatenate([[0], np.cumsum(rows)])
    found: Ints = np.diff(np.concatenate([[0], np.cumsum(marks, dtype=np.int64)])[ends])
    return found


class _Cells:
    """Counts and sums of finite numbers, by segment and bin, with the moments and ends of each segment."""

    def __init__(self, counts: Ints, sums: Floats, moments: tuple[Floats, Floats], ends: tuple[Floats, Floats]) -> None:
        self.counts, self.sums, self.moments, self.ends = counts, sums, moments, ends

    @classmethod
    def of(cls, values: Floats, rows: Ints, edges: Floats) -> _Cells:
        """From the values in the order of segments, so many of each; uses up their memory."""
        ends = np.cumsum(rows)
        places = np.empty((len(rows), len(edges) + 2), np.int64)
        places[:, 0], places[:, -1] = ends - rows, ends
        for at, (end, count) in enumerate(zip(ends.tolist(), rows.tolist(), strict=True)):
            own = values[end - count : end]
            own.sort()
            places[at, 1:-1] = own.searchsorted(edges, "right")
        places[:, 1:-1] += (ends - rows)[:, None]
        counts = np.diff(places, axis=1)
        sums = np.zeros(counts.shape)
        sums[counts > 0] = _added(values, places[:, :-1][counts > 0])
        some = rows > 0
        low, high, mean, m2 = (np.full(len(rows), math.nan) for _ in range(4))
        low[some], high[some] = values[(ends - rows)[some]], values[ends[some] - 1]
        mean[some], m2[~some] = sums[some].sum(axis=1) / rows[some], 0.0
        values -= np.repeat(mean, rows)
        values *= values
        m2[some] = _added(values, (ends - rows)[some])
        return cls(counts, sums, (mean, m2), (low, high))


def _added(values: Floats, starts: Ints) -> Floats:
    return np.add.reduceat(values, starts) if len(starts) else np.zeros(0)


def _profiles(cells: _Cells, nulls: Ints, nan: Ints) -> list[ColumnProfile]:
    columns = (*cells.ends, *cells.moments, nulls, nan)
    return [
        NumericProfile(counts, sums, low, high, mean, m2, null=null, nan=written)
        for counts, sums, low, high, mean, m2, null, written in zip(
            cells.counts, cells.sums, *(each.tolist() for each in columns), strict=True
        )
    ]


def _categories(column: Column, bins: CategoryBins, parted: Parted) -> list[ColumnProfile] | None:
    """None where there are many categories."""
    known = coded(column)
    if known is None or len(known[0]) > MOST_CATEGORIES:
        return None
    words, codes = known
    size = len(parted.rows) * len(words)
    cells = np.repeat(np.arange(len(parted.rows)) * len(words), parted.rows) + codes[parted.order]
    counts = np.bincount(cells, minlength=size).reshape(-1, len(words))
    place = {word: at for at, word in enumerate(words)}
    # A category that the rows lack is in a last column, of zeros.
    counts = np.column_stack([counts, np.zeros(len(counts), np.int64)])
    inside = counts[:, [place.get(word, len(words)) for word in bins.values]]
    others = {word: at for word, at in place.items() if word is not None and word not in set(bins.values)}
    return [_category(own, row, others, int(row[place[None]])) for own, row in zip(inside, counts, strict=True)]


def _category(own: Ints, row: Ints, others: Mapping[str, int], null: int) -> CategoryProfile:
    found = {word: int(row[at]) for word, at in others.items() if row[at]}
    unseen, other = most_frequent(found, CARRIED_UNSEEN)
    return CategoryProfile(own, unseen, other, null=null)


def profile_segments(
    table: pa.Table, bins: Mapping[str, ColumnBins], parted: Parted
) -> dict[str, tuple[int, dict[str, ColumnProfile]]]:
    """The rows of each segment that a table has any of, and the profile of each column of `bins` over them."""
    columns: dict[str, Sequence[ColumnProfile]] = {
        name: profile_parts(table[name], each, parted) if name in table.column_names else absent_parts(each, parted)
        for name, each in bins.items()
    }
    return {
        words: (rows, {name: found[at] for name, found in columns.items()})
        for at, (words, rows) in enumerate(zip(parted.words, parted.rows.tolist(), strict=True))
    }
