"""The mergeable summary of a window's rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitoring_tasks.profile.binning import Floats, Ints


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
