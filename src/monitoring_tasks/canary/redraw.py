"""Redraws: windows as ordinary as the one there is, drawn from its own rows and those of windows before it.

Rows are drawn within each block of time (day, or hour), which keeps its number of rows: a redraw has the rhythm of the
window and no gaps, as drawing whole blocks would leave. One window's rows alone make an echo: all redraws share what
chance did to them, which lasts as a fault does, and a row that is drawn twice is no news to a classifier that learned
it. So a window of few rows needs those of others, from which each row is drawn once at most.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
    """The rows that redraws are made of, block by block.

    `window` is the table of the window itself, in order of time. Each of its rows is redrawn as one of the `sizes` rows
    of `table` from `starts` on: those of its block, by the number of each row's block in `blocks`. Dictionaries are
    decoded. Nothing of a redraw is ever written back.
    """

    window: pa.Table
    table: pa.Table
    columns: Columns
    blocks: Ints
    starts: Ints
    sizes: Ints

    @classmethod
    def of(cls, window: pa.Table, columns: Columns, others: Sequence[pa.Table] = ()) -> Pool:
        """The pool of a window's rows, and of those of others like it, which `moved` brought to the window's time."""
        own = _in_order(window, columns)
        table = _in_order(pa.concat_tables([own, *map(decoded, others)]), columns)
        blocks, wanted = _blocks(table, columns), _blocks(own, columns)
        starts = np.searchsorted(blocks, wanted, side="left")
        return cls(own, table, columns, blocks, starts, np.searchsorted(blocks, wanted, side="right") - starts)

    @property
    def echoes(self) -> bool:
        """Whether rows must be drawn more than once: there are not twice as many as the window has."""
        return self.table.num_rows < 2 * self.window.num_rows

    def redraw(self, random: np.random.Generator) -> pa.Table:
        """As many rows as the window has, from the same blocks, each with an id of its own.

        A row is drawn once at most, but in a block where others lent too few: there it may be drawn again.
        """
        again = self.starts + (random.random(len(self.starts)) * self.sizes).astype(np.int64)
        places = np.where(self._wanted * 2 > self.sizes, again, self._once(random))
        drawn = self.table.take(arrow_array(places)).combine_chunks()
        name = self.columns.id
        if name is None or name not in drawn.column_names:
            return drawn
        return drawn.set_column(drawn.column_names.index(name), name, _fresh(drawn[name]))

    @cached_property
    def _wanted(self) -> Ints:
        """Number of the window's rows in the block of each."""
        last, first = (np.searchsorted(self.starts, self.starts, side=side) for side in ("right", "left"))
        return last - first

    def _once(self, random: np.random.Generator) -> Ints:
        """Different rows of each block: the first of them after each block was shuffled."""
        shuffled = np.lexsort((random.random(self.table.num_rows), self.blocks))
        place = np.arange(len(self.starts)) - np.searchsorted(self.starts, self.starts, side="left")
        chosen: Ints = shuffled[self.starts + place].astype(np.int64)
        return chosen


def moved(table: pa.Table, columns: Columns, of: Window) -> pa.Table | None:
    """The rows of another window as if they were logged in this one; None when their timestamps cannot be moved."""
    name = columns.timestamp
    kind = table[name].type
    if not pa.types.is_timestamp(kind):
        return None
    by: Any = pa.scalar(columns.window.start - of.start, pa.duration(kind.unit))
    later: Any = pc.add(table[name], by)
    return table.set_column(table.column_names.index(name), name, later)


def _in_order(table: pa.Table, columns: Columns) -> pa.Table:
    return decoded(table).take(arrow_array(in_order(table, columns))).combine_chunks()


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
