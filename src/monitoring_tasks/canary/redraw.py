"""Redraws: windows as ordinary as the one there is, drawn from its own rows.

Rows are drawn with replacement within each block of time (day, or hour), which keeps its number of rows: a redraw has
the rhythm of the window and no gaps, as drawing whole blocks would leave.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from monitoring_tasks.canary.columns import Columns, Ints, in_order, microseconds, moments
from monitoring_tasks.profile.kernel import arrow_array
from monitoring_tasks.window import DAY, HOUR, Window

CLEAN = "clean"
"""What stands for the fault in the seed of a redraw without one."""


def generator(monitor: str, window: Window, fault: str, number: int) -> np.random.Generator:
    """The source of all chance in one redraw: the same for the same monitor, window, fault and number."""
    content = json.dumps([monitor, window.to_json(), fault, number]).encode()
    return np.random.default_rng(int.from_bytes(hashlib.sha256(content).digest()[:16], "big"))


def block_width(window: Window) -> int | None:
    """Width of a window's blocks in microseconds: days where there are several, else hours; None for one block.

    >>> block_width(Window.parse("2013-06-04", "2013-06-11")) // 3_600_000_000
    24
    """
    width = next((unit for unit in (DAY, HOUR) if window.width >= 2 * unit), None)
    return None if width is None else round(width.total_seconds() * 1_000_000)


@dataclass(frozen=True, eq=False)
class Pool:
    """The rows that redraws are made of, in order of time.

    `starts` is the first row of each row's block, `sizes` that block's size. Dictionaries are decoded. Nothing of a
    redraw is ever written back.
    """

    table: pa.Table
    columns: Columns
    starts: Ints
    sizes: Ints

    @classmethod
    def of(cls, table: pa.Table, columns: Columns) -> Pool:
        """The pool of a window's rows."""
        ordered = decoded(table).take(arrow_array(in_order(table, columns)))
        _, first, place, sizes = np.unique(
            _blocks(ordered, columns), return_index=True, return_inverse=True, return_counts=True
        )
        return cls(ordered, columns, first[place].astype(np.int64), sizes[place].astype(np.int64))

    def redraw(self, random: np.random.Generator) -> pa.Table:
        """As many rows, drawn with replacement within their blocks, each with an id of its own."""
        places = self.starts + (random.random(len(self.starts)) * self.sizes).astype(np.int64)
        drawn = self.table.take(arrow_array(places)).combine_chunks()
        name = self.columns.id
        if name is None or name not in drawn.column_names:
            return drawn
        return drawn.set_column(drawn.column_names.index(name), name, _fresh(drawn[name]))


def _blocks(table: pa.Table, columns: Columns) -> Ints:
    when, width = moments(table, columns), block_width(columns.window)
    return np.zeros(len(when), np.int64) if width is None else (when - microseconds(columns.window)[0]) // width


def _fresh(ids: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    """Ids that occur once: a row that is drawn twice is two rows, not one that was sent twice."""
    numbers = arrow_array(np.arange(len(ids)))
    return numbers if pa.types.is_integer(ids.type) else numbers.cast(pa.string())


def decoded(table: pa.Table) -> pa.Table:
    """The table with the values of dictionaries in their place."""
    arrays: list[Any] = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return pa.Table.from_arrays(arrays, names=table.column_names)
