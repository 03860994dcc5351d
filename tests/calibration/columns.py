"""Columns for the tests of calibration: counts from shares, windows that differ, references of daily pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from monitoring_tasks.calibration.counts import Counts
from monitoring_tasks.calibration.geometry import Replay
from monitoring_tasks.profile.binning import Binning, CategoryBins, ColumnBins, Floats, NumericBins, binning_hash
from monitoring_tasks.profile.profile import CategoryProfile, ColumnProfile, NumericProfile, Profile, merge
from monitoring_tasks.profile.reference import ReferenceProfile
from monitoring_tasks.window import Window

DAY = timedelta(days=1)
START = datetime(2013, 1, 1, tzinfo=UTC)
ANY = NumericBins(np.zeros(0), np.zeros(0, np.int64), float("nan"), float("nan"))
"""Numeric bins for functions that only ask of which kind a column is."""


def named(number: int) -> CategoryBins:
    """Bins of so many categories."""
    return CategoryBins(tuple(f"{place:03}" for place in range(number)))


def counted(values: object, missing: object = 0.0, outside: object = 0.0) -> Counts:
    """Counts of one window for each row of a matrix of bins; the others are the same for all windows, or one for each.

    A categorical column's last bin is that of unknown categories, a numeric one's outermost are infinite values.
    """
    matrix = np.atleast_2d(np.asarray(values, float))
    size = len(matrix)
    return Counts(
        matrix, np.broadcast_to(np.asarray(missing, float), size), np.broadcast_to(np.asarray(outside, float), size)
    )


def each_against_rest(windows: int) -> Replay:
    """As many windows of one piece each, compared with all others."""
    own = np.eye(windows)
    return Replay(own, 1 - own)


def column(
    bins: ColumnBins, counts: object, *, null: int = 0, unseen: Mapping[str, int] | None = None
) -> ColumnProfile:
    """A column's profile with these counts, one for each of its bins."""
    cells = np.asarray(counts, np.int64)
    if isinstance(bins, CategoryBins):
        return CategoryProfile(cells, dict(unseen or {}), null=null)
    ends = (0.0, float((cells > 0).sum() > 1)) if cells.any() else (float("nan"), float("nan"))
    return NumericProfile(cells, np.zeros(len(cells)), *ends, 0.0, 1.0, null=null)


def profile(
    binning: Binning, columns: Mapping[str, ColumnProfile], rows: int, *, duplicates: int | None = None
) -> Profile:
    """A window's profile."""
    return Profile(binning_hash(binning), rows, columns, dict.fromkeys(columns, ()), duplicates)


def reference(
    binning: Binning, pieces: Sequence[Profile], *, days: Sequence[int] | None = None, timed: bool = True
) -> ReferenceProfile:
    """A reference with one profile for each day, of which some may be left out; without pieces if it is not `timed`."""
    places = days if days is not None else range(len(pieces))
    windows = [Window(START + place * DAY, START + (place + 1) * DAY) for place in places]
    kept = dict(zip(windows, pieces, strict=True)) if timed else {}
    return ReferenceProfile("hash", {}, binning, merge(pieces), kept, pa.table({}))


def equal(parts: int) -> Floats:
    """So many equal shares."""
    return np.full(parts, 1 / parts)
