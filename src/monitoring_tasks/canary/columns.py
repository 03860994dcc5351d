"""What an injection knows of a window's rows, and how it puts other values into them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring_tasks.data.moments import instants
from monitoring_tasks.methods import Kind
from monitoring_tasks.profile.kernel import arrow_array
from monitoring_tasks.window import Window

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Columns:
    """The roles of a monitor's columns: `kinds` of those it watches, the prediction among them, and the rows' window.

    `id` is None where the monitor names none.
    """

    kinds: Mapping[str, Kind]
    prediction: str
    timestamp: str
    window: Window
    id: str | None = None

    def features(self, table: pa.Table, kind: Kind | None = None) -> list[str]:
        """The features that the table has, of one kind or of both."""
        return [
            name
            for name, own in self.kinds.items()
            if name in table.column_names and name != self.prediction and kind in (None, own)
        ]


def moments(table: pa.Table, columns: Columns) -> Ints:
    """When each row was logged, in microseconds since 1970; the window's start where that is null."""
    found: Any = instants(table[columns.timestamp], place=f"column {columns.timestamp!r}").cast(pa.int64())
    filled: Ints = found.fill_null(microseconds(columns.window)[0]).to_numpy().astype(np.int64)
    return filled


def microseconds(window: Window) -> tuple[int, int]:
    """Start and end of a window in microseconds since 1970."""
    start, end = (round(moment.timestamp() * 1_000_000) for moment in (window.start, window.end))
    return start, end


def in_order(table: pa.Table, columns: Columns) -> Ints:
    """Positions of the rows in order of time; rows of one moment stay in the order they have."""
    return np.argsort(moments(table, columns), kind="stable").astype(np.int64)


def is_number(kind: pa.DataType) -> bool:
    """Whether a type holds numbers that arithmetic may change: true and false are none."""
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def is_text(kind: pa.DataType) -> bool:
    """Whether a type holds texts."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def numbers(table: pa.Table, name: str) -> Floats:
    """The values of a column of numbers; NaN where one is null or not finite."""
    values = table[name].cast(pa.float64(), safe=False).to_numpy()
    return np.where(np.isfinite(values), values, np.nan)


def known(table: pa.Table, name: str) -> Mask:
    """Where a column has a value; NaN and infinity are none."""
    mask: Mask = table[name].is_valid().to_numpy().astype(bool)
    return mask & np.isfinite(numbers(table, name)) if pa.types.is_floating(table[name].type) else mask


def drawn(random: np.random.Generator, where: Mask, rows: int) -> Mask:
    """`rows` rows of those in `where`, each with the same chance; all of them when they are fewer."""
    there = np.flatnonzero(where)
    mask = np.zeros(len(where), bool)
    mask[random.choice(there, min(rows, len(there)), replace=False)] = True
    return mask


def put(table: pa.Table, name: str, where: Mask, values: pa.Array[Any]) -> pa.Table:
    """A copy of the table whose column has `values` (one for each row) in the rows of `where`.

    The column keeps its type when that can hold them, and takes theirs otherwise.
    """
    old: Any = table[name].combine_chunks()
    rows: Any = pa.array(where)
    kept: Any = values.filter(rows)
    try:
        kept = kept.cast(old.type)
    except pa.ArrowInvalid:
        old = old.cast(values.type, safe=False)
    column = pc.replace_with_mask(old, rows, kept)
    return table.set_column(table.column_names.index(name), name, column)


def put_numbers(table: pa.Table, name: str, where: Mask, values: Floats) -> pa.Table:
    """`put` with numbers."""
    return put(table, name, where, arrow_array(values))


def put_value(table: pa.Table, name: str, where: Mask, value: Any) -> pa.Table:
    """`put` with one Arrow scalar in every row of `where`."""
    return put(table, name, where, pa.repeat(value, table.num_rows))
