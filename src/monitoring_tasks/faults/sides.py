"""One window beside its baseline, and its sampled rows as arrays, whatever their columns turn out to hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_tasks.data.moments import instants
from monitoring_tasks.errors import SourceInvalid
from monitoring_tasks.profile.binning import Floats, Ints
from monitoring_tasks.profile.kernel import Column, arrow_array, is_numeric, numbers, value_type
from monitoring_tasks.profile.pairs import Pair
from monitoring_tasks.window import Window

Flags = NDArray[np.bool_]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = np.iinfo(np.int64).min
"""The time of a row without one."""
_NEVER_SCALAR: Any = arrow_array(np.array([NEVER], np.int64))[0]


@dataclass(frozen=True, eq=False)
class Sides:
    """One window beside its baseline.

    `pairs` has the two profiles of every monitored column. The samples hold at most a few thousand rows each, drawn by
    row position; any column may be missing in them or of another type. `duplicates` counts the window's rows whose id
    occurred before; None where that is not known.
    """

    window: Window
    pairs: Mapping[str, Pair]
    reference_sample: pa.Table
    sample: pa.Table
    timestamp: str | None
    id: str | None
    rows: int
    duplicates: int | None


def column_of(table: pa.Table, name: str | None) -> Column | None:
    """The column, or None where the table has none of that name, or two."""
    return table[name] if name is not None and table.column_names.count(name) == 1 else None


def numbers_of(table: pa.Table, name: str) -> Floats | None:
    """A numeric column's values, NaN where there is none; None when the column is missing or not numeric.

    >>> numbers_of(pa.table({"x": [1, None]}), "x").tolist()
    [1.0, nan]
    """
    column = column_of(table, name)
    if column is None or not is_numeric(value_type(column.type)):
        return None
    return np.concatenate([np.zeros(0), *(numbers(part).astype(np.float64) for part in column.chunks)])


def missing_in(table: pa.Table, name: str) -> Flags | None:
    """Whether each row lacks a value (null or NaN); None when the table lacks the column.

    >>> missing_in(pa.table({"x": ["a", None]}), "x").tolist()
    [False, True]
    """
    values = numbers_of(table, name)
    if values is not None:
        return np.isnan(values)
    column = column_of(table, name)
    return None if column is None else np.array(column.is_null().to_pylist(), np.bool_)


def microseconds_of(table: pa.Table, name: str | None) -> Ints | None:
    """Microseconds since the epoch of each row, `NEVER` where null; None where the column holds no moments.

    >>> microseconds_of(pa.table({"t": pa.array([1, None], pa.timestamp("s"))}), "t")[0]
    np.int64(1000000)
    """
    column = column_of(table, name)
    if column is None:
        return None
    try:
        counts: Any = instants(column, place="timestamp").cast(pa.int64()).fill_null(_NEVER_SCALAR)
    except (SourceInvalid, pa.ArrowException):
        return None
    return np.concatenate([np.zeros(0, np.int64), *(np.from_dlpack(part) for part in counts.chunks)])


def within(times: Ints, window: Window) -> Flags:
    """Whether each of `times` lies in the window."""
    low, high = microseconds(window.start), microseconds(window.end)
    inside: Flags = (times >= low) & (times < high)
    return inside


def microseconds(moment: datetime) -> int:
    """Whole microseconds since the epoch.

    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(count: float) -> datetime:
    """Inverse of `microseconds`."""
    return _EPOCH + timedelta(microseconds=int(count))
