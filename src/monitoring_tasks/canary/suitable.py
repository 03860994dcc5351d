"""Which columns an injection fits: those in which its fault would be one, in the rows there are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitoring_tasks.canary.columns import Columns, Floats, in_order, is_number, is_text, known, moments, numbers
from monitoring_tasks.canary.columns import microseconds as ends

SEVERAL = 10
"""So many different values make a column one that varies: a flag is no number to shift."""
SHIFT_HOURS = 5
LEAST_CORRELATION = 0.3
"""Weaker ties are no fault to break: hardly anything changes."""
_CORRELATED_ROWS = 5000
_CORRELATED_COLUMNS = 60
_HOUR = re.compile(r"(^|[^a-z])hour([^a-z]|$)", re.IGNORECASE)


def varying(table: pa.Table, columns: Columns) -> list[str]:
    """Numeric features with several different values, known in most rows."""
    return [name for name in _numeric(table, columns) if _varies(numbers(table, name))]


def filled(table: pa.Table, columns: Columns) -> list[str]:
    """Features that are known in most rows."""
    return [name for name in columns.features(table) if known(table, name).sum() * 2 > table.num_rows]


def scalable(table: pa.Table, columns: Columns) -> list[str]:
    """Varying features of which most values are not zero: a thousand times zero is zero."""
    return [name for name in varying(table, columns) if (np.abs(numbers(table, name)) > 0).mean() > 0.5]


def live(table: pa.Table, columns: Columns) -> list[str]:
    """Features that could freeze: varying numbers, or where there are none, categories of which none has nearly all."""
    return varying(table, columns) or [
        name
        for name in columns.features(table, "categorical")
        if len(found := counts(table, name)) > 1 and max(found.values()) < 0.9 * table.num_rows
    ]


def categorical(table: pa.Table, columns: Columns) -> list[str]:
    """Categorical features of text with two or more categories."""
    return [name for name in _texts(table, columns) if len(counts(table, name)) > 1]


def lettered(table: pa.Table, columns: Columns) -> list[str]:
    """Categorical features of text of which most values have letters."""
    return [name for name in _texts(table, columns) if _letters(table, name) * 2 > table.num_rows]


def unseeable(table: pa.Table, columns: Columns) -> list[str]:
    """Categorical features that could hold a value nobody has seen: true and false leave no room for one."""
    return [
        name
        for name in columns.features(table, "categorical")
        if (is_text(table[name].type) or is_number(table[name].type)) and known(table, name).any()
    ]


def prediction(table: pa.Table, columns: Columns) -> list[str]:
    """The prediction, where it is a number that varies."""
    name = columns.prediction
    fits = name in table.column_names and columns.kinds.get(name) == "numeric" and is_number(table[name].type)
    return [name] if fits and _varies(numbers(table, name)) else []


def clock(table: pa.Table, columns: Columns) -> list[str]:
    """Features that hold the hour of the day; without one the timestamp, if the window is wide enough to lose some."""
    hours = [name for name in varying(table, columns) if _HOUR.search(name) and _is_hour(numbers(table, name))]
    wide = columns.window.width.total_seconds() > 2 * SHIFT_HOURS * 3600
    return hours or ([columns.timestamp] if wide and pa.types.is_timestamp(table[columns.timestamp].type) else [])


def ids(table: pa.Table, columns: Columns) -> list[str]:
    """The id, where the monitor names one that the rows have."""
    return [columns.id] if columns.id in table.column_names and columns.id else []


def spread(table: pa.Table, columns: Columns) -> list[str]:
    """The timestamp, where rows lie both in the first six tenths of the window and after them."""
    (start, end), when = ends(columns.window), moments(table, columns)
    early = when < start + 0.6 * (end - start)
    return [columns.timestamp] if early.any() and not early.all() else []


def correlated(table: pa.Table, columns: Columns) -> list[str]:
    """One of the two numeric features that are tied most closely (rank correlation), if they are tied at all."""
    names = varying(table, columns)[:_CORRELATED_COLUMNS]
    if len(names) < 2:
        return []
    step = max(1, table.num_rows // _CORRELATED_ROWS)
    rows = in_order(table, columns)[::step]
    ranks = np.array([_ranks(numbers(table, name)[rows]) for name in names])
    with np.errstate(invalid="ignore", divide="ignore"):
        ties = np.triu(np.nan_to_num(np.abs(np.corrcoef(ranks))), 1)
    first, _ = np.unravel_index(int(ties.argmax()), ties.shape)
    return [names[int(first)]] if ties.max() >= LEAST_CORRELATION else []


def counts(table: pa.Table, name: str) -> Mapping[object, int]:
    """How often each value of a column occurs; nulls are none."""
    pairs: Any = table[name].value_counts()
    found = Counter({entry["values"]: int(entry["counts"]) for entry in pairs.to_pylist()})
    found.pop(None, None)
    return found


def _numeric(table: pa.Table, columns: Columns) -> list[str]:
    return [name for name in columns.features(table, "numeric") if is_number(table[name].type)]


def _texts(table: pa.Table, columns: Columns) -> list[str]:
    return [name for name in columns.features(table, "categorical") if is_text(table[name].type)]


def _varies(values: Floats) -> bool:
    finite = values[np.isfinite(values)]
    if len(finite) * 2 <= len(values) or len(np.unique(finite)) < SEVERAL:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(finite.std()) and finite.std() > 0)


def _is_hour(values: Floats) -> bool:
    finite = values[np.isfinite(values)]
    return bool(finite.min() >= 0 and finite.max() < 24)


def _letters(table: pa.Table, name: str) -> int:
    texts: Any = table[name]
    changed: Any = pc.not_equal(pc.utf8_swapcase(texts), texts)
    return int(pc.sum(changed).as_py() or 0)


def _ranks(values: Floats) -> Floats:
    """Ranks of the values, ties in the order they come; missing ones take the middle."""
    ranks = np.full(len(values), len(values) / 2)
    there = np.flatnonzero(np.isfinite(values))
    ranks[there[np.argsort(values[there], kind="stable")]] = np.arange(len(there))
    return ranks
