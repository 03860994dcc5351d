"""Segments: the rows that have one value of a declared column, or one pair of values of two; which are looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_tasks.data.rows import ArrowRows
from monitoring_tasks.data.values import encoded
from monitoring_tasks.profile.binning import Ints
from monitoring_tasks.profile.kernel import Column, is_categorical, value_type

MISSING = "(missing)"
MOST = 50
"""So many values of a declared segment are looked at, those with most rows; the others are not."""

Values = tuple[str | None, ...]
"""One value of each column of a segment, as the text of its category; None is missing."""


@dataclass(frozen=True)
class Division:
    """One declared segment: a column or a pair of them, and the values looked at, those with most rows first."""

    columns: tuple[str, ...]
    values: tuple[Values, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """What each value is called."""
        return tuple(segment_words(self.columns, each) for each in self.values)


def segment_words(columns: Sequence[str], values: Sequence[str | None]) -> str:
    r"""What a segment is called; another one is never called the same.

    A backslash stands before a comma, an equals sign or a backslash of a name or value, and before a value that is
    spelt like a missing one.

    >>> print(segment_words(("origin", "carrier"), ("EWR", None)), segment_words(("a=b",), ("x, y",)), sep="; ")
    origin=EWR, carrier=(missing); a\=b=x\, y
    """
    return ", ".join(f"{_spelt(name)}={_value(value)}" for name, value in zip(columns, values, strict=True))


def _value(value: str | None) -> str:
    return MISSING if value is None else "\\" + value if value == MISSING else _spelt(value)


def _spelt(text: str) -> str:
    return text.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def divide(rows: ArrowRows, segments: Sequence[tuple[str, ...]], least: int) -> tuple[Division, ...]:
    """The declared segments with their values that have `least` rows or more, at most `MOST` of each.

    Reads the columns of the segments and nothing else. A column that is not there has no values.
    """
    declared = list(dict.fromkeys(segments))
    found = [Counter[Values]() for _ in declared]
    names = list(dict.fromkeys(name for columns in declared for name in columns))
    for chunk in rows.chunks(None) if declared else ():
        table = chunk.read(names)
        for columns, counts in zip(declared, found, strict=True):
            counts.update(dict(_counted(table, columns)))
    pairs = zip(declared, found, strict=True)
    return tuple(Division(columns, _largest(columns, counts, least)) for columns, counts in pairs)


def _largest(columns: Sequence[str], counts: Mapping[Values, int], least: int) -> tuple[Values, ...]:
    enough = [values for values, count in counts.items() if count >= least]
    return tuple(sorted(enough, key=lambda values: (-counts[values], segment_words(columns, values)))[:MOST])


def _counted(table: pa.Table, columns: Sequence[str]) -> Iterator[tuple[Values, int]]:
    """How often each value of a segment occurs in a table."""
    known = _known(table, columns)
    if known is None:
        return
    numbers = reduce(lambda found, each: found * len(each[0]) + each[1], known[1:], known[0][1])
    present, counts = np.unique(numbers, return_counts=True)
    places = np.unravel_index(present, tuple(len(words) for words, _ in known))
    for *at, count in zip(*(place.tolist() for place in places), counts.tolist(), strict=True):
        yield tuple(words[place] for (words, _), place in zip(known, at, strict=True)), count


Coded = tuple[list[str | None], Ints]
"""The texts of a column, each once and None first, and the place of each row's among them."""


def _known(table: pa.Table, columns: Sequence[str]) -> list[Coded] | None:
    """The columns of a segment as codes; None where one is not there, or holds no categories."""
    found = [coded(table[name]) for name in columns if name in table.column_names]
    known = [each for each in found if each is not None]
    return known if len(known) == len(columns) else None


def coded(column: Column) -> Coded | None:
    """The texts of a column, and the place of each row's among them; None where it holds no categories."""
    kind = value_type(column.type)
    if pa.types.is_null(kind):
        return [None], np.zeros(len(column), np.int64)
    if not is_categorical(kind):
        return None
    parts = [encoded(array) for array in column.chunks]
    known = {text: place for place, text in enumerate(dict.fromkeys([None, *(t for words, _ in parts for t in words)]))}
    renamed = [np.array([known[text] for text in words], np.int64)[codes] for words, codes in parts]
    return list(known), np.concatenate([np.zeros(0, np.int64), *renamed])


@dataclass(frozen=True, eq=False)
class Parted:
    """The rows of a table by segment, of those that have any: `order` has the places of each one's rows in turn."""

    words: tuple[str, ...]
    rows: Ints
    order: Ints


def part(table: pa.Table, division: Division) -> Parted:
    """The rows of a table by the values of a division; those of other values are in none."""
    codes = _codes(table, division)
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes.astype(np.int64) + 1, minlength=len(division.values) + 1)
    rows, filled = counts[1:], np.flatnonzero(counts[1:])
    return Parted(tuple(division.words[at] for at in filled.tolist()), rows[filled], order[counts[0] :])


def _codes(table: pa.Table, division: Division) -> NDArray[np.int16]:
    """The place of each row's value among those of the division, -1 where it is none of them."""
    known = _known(table, division.columns)
    if known is None:
        return np.full(table.num_rows, -1, np.int16)
    place = {values: number for number, values in enumerate(division.values)}
    listed = [[*dict.fromkeys(values[at] for values in division.values)] for at in range(len(known))]
    small = [_places(words, wanted)[codes] for (words, codes), wanted in zip(known, listed, strict=True)]
    grid = np.full([len(wanted) + 1 for wanted in listed], -1, np.int16)
    for at in product(*(range(len(wanted)) for wanted in listed)):
        grid[at] = place.get(tuple(wanted[one] for wanted, one in zip(listed, at, strict=True)), -1)
    found: NDArray[np.int16] = grid[tuple(small)]
    return found


def _places(words: Sequence[str | None], wanted: Sequence[str | None]) -> Ints:
    """The place of each text among the wanted ones; beyond them all where it is none."""
    place = {text: number for number, text in enumerate(wanted)}
    return np.array([place.get(text, len(wanted)) for text in words], np.int64)
