"""The faults themselves: each takes rows and gives a copy in which one thing is wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitoring_tasks.canary.columns import (
    Columns,
    Mask,
    drawn,
    in_order,
    is_text,
    known,
    microseconds,
    moments,
    numbers,
    put,
    put_numbers,
    put_value,
)
from monitoring_tasks.canary.suitable import SHIFT_HOURS, counts
from monitoring_tasks.data.moments import inside
from monitoring_tasks.profile.kernel import arrow_array

FACTOR = 1000
UNSEEN_TEXT, UNSEEN_NUMBER = "value-of-the-self-test", 1_000_000_007
RENAMED = "_renamed"


@dataclass(frozen=True, eq=False)
class Case:
    """One injection at work: the rows, the column it changes, its share (of rows, or of the window's time) and size."""

    table: pa.Table
    columns: Columns
    column: str
    share: float
    size: float
    random: np.random.Generator

    @property
    def rows(self) -> int:
        """The share as a number of rows."""
        return round(self.share * self.table.num_rows)


def shift(case: Case) -> pa.Table:
    """Every value `size` standard deviations higher; whole numbers are rounded at random, so that the mean is right."""
    values = numbers(case.table, case.column)
    with np.errstate(over="ignore"):
        moved = values + case.size * np.nanstd(values)
    if pa.types.is_integer(case.table[case.column].type):
        moved = np.floor(moved + case.random.random(len(moved)))
    return put_numbers(case.table, case.column, np.isfinite(values), moved)


def shift_score(case: Case) -> pa.Table:
    """Every score `size` higher on the scale of log odds; a prediction that is no probability, as `shift` has it."""
    scores = numbers(case.table, case.column)
    within = (scores > 0) & (scores < 1)
    probable = within.any() and np.nanmin(scores) >= 0 and np.nanmax(scores) <= 1
    if not probable:
        return shift(case)
    odds = np.where(within, scores, 0.5) / (1 - np.where(within, scores, 0.5)) * np.exp(case.size)
    return put_numbers(case.table, case.column, within, odds / (1 + odds))


def scale(case: Case) -> pa.Table:
    """A thousand times the value in a share of rows, drawn among those that are not zero."""
    values = numbers(case.table, case.column)
    where = drawn(case.random, np.abs(values) > 0, case.rows)
    with np.errstate(over="ignore"):  # infinity is what a writer would make of it, too
        return put_numbers(case.table, case.column, where, values * FACTOR)


def lose_values(case: Case) -> pa.Table:
    """No value in a further share of rows."""
    return _emptied(case, drawn(case.random, known(case.table, case.column), case.rows))


def lose_values_in_a_burst(case: Case) -> pa.Table:
    """No value in one stretch of the window's time; it lies somewhere within."""
    when, (start, end) = moments(case.table, case.columns), microseconds(case.columns.window)
    first = start + case.random.random() * (1 - case.share) * (end - start)
    return _emptied(case, (when >= first) & (when < first + case.share * (end - start)))


def _emptied(case: Case, where: Mask) -> pa.Table:
    kind = case.table[case.column].type
    return put(case.table, case.column, where, pa.nulls(case.table.num_rows, kind))


def freeze(case: Case) -> pa.Table:
    """One value, the one it had then, in the last share of rows in order of time."""
    order = in_order(case.table, case.columns)
    frozen = order[len(order) - case.rows :]
    there = known(case.table, case.column)
    value = next((row for row in (*frozen, *order) if there[row]), order[0])
    where = np.zeros(len(order), bool)
    where[frozen] = True
    return put_value(case.table, case.column, where, case.table[case.column][int(value)])


def to_one_category(case: Case) -> pa.Table:
    """Another share of rows with one of the categories there are, drawn among those that have another."""
    category = _category(case, least=0.01, most=1 - case.share)
    others = known(case.table, case.column) & ~_has(case, category)
    where = drawn(case.random, others, case.rows)
    return put_value(case.table, case.column, where, pa.scalar(category, case.table[case.column].type))


def bring_unseen(case: Case) -> pa.Table:
    """A value that nobody has seen in a share of rows."""
    text = is_text(case.table[case.column].type)
    where = drawn(case.random, known(case.table, case.column), case.rows)
    return put_value(case.table, case.column, where, pa.scalar(UNSEEN_TEXT if text else UNSEEN_NUMBER))


def rename(case: Case) -> pa.Table:
    """Another name for a category, in every row that has it."""
    category = _category(case, least=0.05, most=0.95)
    return put_value(case.table, case.column, _has(case, category), pa.scalar(f"{category}{RENAMED}"))


def change_case(case: Case) -> pa.Table:
    """Capitals for small letters and the other way round, in every row."""
    everywhere = np.ones(case.table.num_rows, bool)
    texts = cast("Any", pc.utf8_swapcase(case.table[case.column])).combine_chunks()
    return put(case.table, case.column, everywhere, texts)


def shift_clock(case: Case) -> pa.Table:
    """Hours of another time zone; a timestamp takes with it what then lies after the window: those rows are lost."""
    if case.column != case.columns.timestamp:
        values = numbers(case.table, case.column)
        return put_numbers(case.table, case.column, np.isfinite(values), (values + SHIFT_HOURS) % 24)
    column = case.table[case.column]
    later: Any = pc.add(column, pa.scalar(timedelta(hours=SHIFT_HOURS), pa.duration(column.type.unit)))
    moved = case.table.set_column(case.table.column_names.index(case.column), case.column, later)
    return moved.filter(inside(later, case.columns.window, place=f"column {case.column!r}"))


def send_twice(case: Case) -> pa.Table:
    """A share of rows that follow each other a second time, with the same ids."""
    order = in_order(case.table, case.columns)
    first = int(case.random.integers(0, len(order) - case.rows + 1))
    batch = case.table.take(arrow_array(order[first : first + case.rows]))
    return pa.concat_tables([case.table, batch])


def truncate(case: Case) -> pa.Table:
    """No rows in the last share of the window's time."""
    start, end = microseconds(case.columns.window)
    early: Any = pa.array(moments(case.table, case.columns) < start + (1 - case.share) * (end - start))
    return case.table.filter(early)


def break_ties(case: Case) -> pa.Table:
    """The same values of a column, in other rows."""
    mixed = case.table[case.column].take(arrow_array(case.random.permutation(case.table.num_rows)))
    return case.table.set_column(case.table.column_names.index(case.column), case.column, mixed)


def _category(case: Case, *, least: float, most: float) -> str:
    """The category that is meant: of those with a fair share always the same, whichever rows were drawn."""
    found, rows = counts(case.table, case.column), case.table.num_rows
    fair = [str(value) for value, count in found.items() if least * rows <= count <= most * rows]
    return first_choice(case.column, fair or [str(max(found, key=lambda value: (found[value], str(value))))])


def _has(case: Case, category: str) -> Mask:
    same: Any = pc.equal(case.table[case.column], pa.scalar(category))
    mask: Mask = same.fill_null(False).to_numpy().astype(bool)
    return mask


def first_choice(seed: str, names: Sequence[str]) -> str:
    """One of the names, drawn by hash: the same one as long as it is there, whatever others come and go.

    >>> first_choice("mean", ["a", "b", "c"]), first_choice("mean", ["c", "b"])
    ('a', 'b')
    """
    return min(names, key=lambda name: hashlib.sha256(json.dumps([seed, name]).encode()).digest())
