"""The mergeable summary of a window's rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitoring_tasks.errors import ProfileMismatch
from monitoring_tasks.profile.binning import (
    FORMAT,
    Binning,
    CategoryBins,
    ColumnBins,
    Floats,
    Ints,
    binning_hash,
    canonical,
    number,
    parse,
)

TOP_UNSEEN = 100
"""So many unseen categories a profile names; the rest are counted together."""


@dataclass(frozen=True, eq=False)
class NumericProfile:
    """Summary of one numeric column.

    `counts` and `sums` have one entry for each bin (`len(edges) + 1`) and cover finite values only. `minimum`,
    `maximum` and `mean` are NaN and `m2` is 0 where there is no finite value. Every row is counted once, in `counts`
    or in one of `null`, `nan`, `negative_infinite`, `positive_infinite`, `absent` (the column was not there) or
    `unusable` (its type was not numeric).
    """

    counts: Ints
    sums: Floats
    minimum: float
    maximum: float
    mean: float
    m2: float
    null: int = 0
    nan: int = 0
    negative_infinite: int = 0
    positive_infinite: int = 0
    absent: int = 0
    unusable: int = 0


@dataclass(frozen=True, eq=False)
class CategoryProfile:
    """Summary of one categorical column.

    `counts` is aligned with the reference's categories. `unseen` holds the most frequent other values (at most 100),
    `other` the number of rows in still further ones, so that `sum(unseen) + other` is exact.
    """

    counts: Ints
    unseen: Mapping[str, int]
    other: int = 0
    null: int = 0
    absent: int = 0
    unusable: int = 0


ColumnProfile = NumericProfile | CategoryProfile


@dataclass(frozen=True, eq=False)
class Profile:
    """Mergeable summary of a window's rows.

    `binning` is the hash of the binning it was made with. Every column of the binning is in `columns`, whether or not
    the rows had it. `types` holds the physical types seen, sorted. `duplicates` counts rows whose id occurred before
    in the same piece; None when the monitor has no id column.
    """

    binning: str
    rows: int
    columns: Mapping[str, ColumnProfile]
    types: Mapping[str, tuple[str, ...]]
    duplicates: int | None = None


def empty(binning: Binning, *, duplicates: int | None = None) -> Profile:
    """The profile of no rows: what merging starts from.

    >>> empty(Binning({"carrier": CategoryBins(("AA",))})).rows
    0
    """
    columns = {name: empty_column(bins) for name, bins in binning.columns.items()}
    return Profile(binning_hash(binning), 0, columns, dict.fromkeys(columns, ()), duplicates)


def empty_column(bins: ColumnBins, *, null: int = 0, absent: int = 0, unusable: int = 0) -> ColumnProfile:
    """The profile of a column with no value in any bin: nothing but the rows counted by the keywords."""
    if isinstance(bins, CategoryBins):
        counts = np.zeros(len(bins.values), np.int64)
        return CategoryProfile(counts, {}, null=null, absent=absent, unusable=unusable)
    size, nan = len(bins.edges) + 1, math.nan
    counts, sums = np.zeros(size, np.int64), np.zeros(size)
    return NumericProfile(counts, sums, nan, nan, nan, 0.0, null=null, absent=absent, unusable=unusable)


def merge(profiles: Sequence[Profile]) -> Profile:
    """The profile of all rows of `profiles`, summed in the order given.

    Counts, minima and maxima are those of one scan over all rows; means, sums and m2 are too, up to rounding. An id
    in two profiles is not a duplicate, since profiles hold no ids. Raises `ProfileMismatch` when the binnings differ,
    `ValueError` when there is nothing to merge.
    """
    if not profiles:
        raise ValueError("no profiles to merge: start from `empty(binning)`")
    first = profiles[0]
    require_same_binning(profiles)
    return Profile(
        first.binning,
        sum(profile.rows for profile in profiles),
        {name: merge_columns([profile.columns[name] for profile in profiles]) for name in first.columns},
        {name: tuple(sorted({kind for each in profiles for kind in each.types[name]})) for name in first.types},
        _sum_duplicates(profiles),
    )


def require_same_binning(profiles: Sequence[Profile]) -> None:
    """Raises `ProfileMismatch` unless all of `profiles` were made with one binning."""
    hashes = sorted({profile.binning for profile in profiles})
    if len(hashes) > 1:
        raise ProfileMismatch(
            f"profiles of {len(hashes)} binnings met ({', '.join(hashes)}); only profiles made with the bins of one "
            "reference can be merged or compared: profile the window again with this reference"
        )


def merge_columns(columns: Sequence[ColumnProfile], *, unseen: int = TOP_UNSEEN) -> ColumnProfile:
    """The profile of one column over all rows of `columns`, summed in order; at most `unseen` others stay named."""
    numeric = [column for column in columns if isinstance(column, NumericProfile)]
    categorical = [column for column in columns if isinstance(column, CategoryProfile)]
    if numeric and categorical:
        raise ProfileMismatch("a numeric and a categorical profile of one column met: profile the window again")
    return _merge_numeric(numeric) if numeric else _merge_categorical(categorical, unseen)


def _merge_numeric(columns: Sequence[NumericProfile]) -> NumericProfile:
    counted = ("null", "nan", "negative_infinite", "positive_infinite", "absent", "unusable")
    rows, mean, m2 = 0, math.nan, 0.0
    for column in columns:
        rows, mean, m2 = add_moments((rows, mean, m2), (int(column.counts.sum()), column.mean, column.m2))
    return NumericProfile(
        np.sum([column.counts for column in columns], axis=0),
        _add_in_order([column.sums for column in columns]),
        min((column.minimum for column in columns if not math.isnan(column.minimum)), default=math.nan),
        max((column.maximum for column in columns if not math.isnan(column.maximum)), default=math.nan),
        mean,
        m2,
        **{name: sum(getattr(column, name) for column in columns) for name in counted},
    )


Moments = tuple[int, float, float]


def add_moments(left: Moments, right: Moments) -> Moments:
    """Number, mean and m2 of two groups of values together (Chan, Golub and LeVeque 1979).

    >>> add_moments((2, 1.5, 0.5), (1, 3.0, 0.0))
    (3, 2.0, 2.0)
    """
    (rows, mean, m2), (more, other_mean, other_m2) = left, right
    if not more or not rows:
        return left if rows else right
    total, delta = rows + more, other_mean - mean
    return total, mean + delta * (more / total), m2 + other_m2 + delta * delta * (rows / total) * more


def _add_in_order(arrays: Sequence[Floats]) -> Floats:
    # numpy's own sum over an axis may pair the addends; one after the other is the order every caller can repeat.
    total = np.zeros_like(arrays[0])
    for array in arrays:
        total += array
    return total


def _merge_categorical(columns: Sequence[CategoryProfile], limit: int) -> CategoryProfile:
    unseen: Counter[str] = Counter()
    for column in columns:
        unseen.update(column.unseen)
    kept, rest = most_frequent(unseen, limit)
    counted = {name: sum(getattr(column, name) for column in columns) for name in ("null", "absent", "unusable")}
    other = rest + sum(column.other for column in columns)
    return CategoryProfile(np.sum([column.counts for column in columns], axis=0), kept, other, **counted)


def most_frequent(counts: Mapping[str, int], limit: int) -> tuple[dict[str, int], int]:
    """The `limit` most frequent entries, sorted by name, and the sum of the rest; of equals the first by name.

    >>> most_frequent({"b": 1, "c": 5, "a": 1}, 2)
    ({'a': 1, 'c': 5}, 1)
    """
    order = sorted(counts, key=lambda name: (-counts[name], name))
    return {name: counts[name] for name in sorted(order[:limit])}, sum(counts[name] for name in order[limit:])


def _sum_duplicates(profiles: Sequence[Profile]) -> int | None:
    known = [profile.duplicates for profile in profiles if profile.duplicates is not None]
    return sum(known) if len(known) == len(profiles) else None


def is_constant(profile: ColumnProfile) -> bool:
    """Whether all values are one and the same; also true when there is at most one value."""
    if isinstance(profile, CategoryProfile):
        return int(np.count_nonzero(profile.counts)) + len(profile.unseen) + (profile.other > 0) <= 1
    finite = profile.counts.sum() > 0
    infinite = (profile.negative_infinite > 0) + (profile.positive_infinite > 0)
    return bool(finite + infinite <= 1 and not (finite and profile.minimum < profile.maximum))


def filled(profile: ColumnProfile) -> int:
    """Rows with a value, in whatever bin or beyond them all.

    >>> filled(CategoryProfile(np.array([2, 1]), {"XX": 3}, other=1, null=5))
    7
    """
    rows = int(profile.counts.sum())
    if isinstance(profile, CategoryProfile):
        return rows + sum(profile.unseen.values()) + profile.other
    return rows + profile.negative_infinite + profile.positive_infinite


def dumps(profile: Profile) -> bytes:
    """Canonical JSON of a profile: sorted keys, non-finite numbers as null; the same profile gives the same bytes."""
    head = {name: getattr(profile, name) for name in ("binning", "rows", "types", "duplicates")}
    columns = {name: _column_json(column) for name, column in profile.columns.items()}
    return canonical({"format": FORMAT, "columns": columns, **head})


def loads(content: bytes) -> Profile:
    """Inverse of `dumps`; columns come sorted by name. Raises `ProfileMismatch` on another format version."""
    value = parse(content, "profile")
    columns = {name: _column_from_json(column) for name, column in value["columns"].items()}
    types = {name: tuple(kinds) for name, kinds in value["types"].items()}
    return Profile(value["binning"], value["rows"], columns, types, value["duplicates"])


_MAY_BE_NAN = ("minimum", "maximum", "mean", "m2")


def _column_json(column: ColumnProfile) -> dict[str, Any]:
    # Not asdict, which copies arrays and categories one by one.
    fields: dict[str, Any] = {**vars(column), "counts": column.counts.tolist()}
    if isinstance(column, NumericProfile):
        fields |= {name: number(fields[name]) for name in _MAY_BE_NAN}
        fields |= {"sums": [number(value) for value in column.sums.tolist()]}
    return fields


def _column_from_json(fields: dict[str, Any]) -> ColumnProfile:
    counts = np.array(fields["counts"], np.int64)
    if "unseen" in fields:
        return CategoryProfile(**{**fields, "counts": counts})
    sums = np.array(fields["sums"], np.float64)
    ends = {name: math.nan if fields[name] is None else fields[name] for name in _MAY_BE_NAN}
    return NumericProfile(**{**fields, **ends, "counts": counts, "sums": sums})
