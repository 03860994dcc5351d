"""Columns of logged predictions and labels as arrays of numbers, codes and flags, table by table."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_tasks.data.values import Column, is_numeric, is_text, numbers, texts, value_type
from monitoring_tasks.errors import SourceInvalid
from monitoring_tasks.performance.outcomes import Codes, Floats

Values = NDArray[Any]
Reader = Callable[[Column], Values]
"""The values of one table's column."""


_LARGE = 1 << 22
"""Bytes from which numpy asks for huge pages."""


def unfilled(rows: int, kind: type[np.generic]) -> Values:
    """An array that is to be filled, which costs no memory before; large ones are on pages of ordinary size.

    A virtual machine gets a huge page from its host, at ten times the price of many small ones that it has itself.

    >>> len(unfilled(3, np.int64))
    3
    """
    size = rows * np.dtype(kind).itemsize
    if size < _LARGE:
        return np.empty(rows, kind)
    private = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(private, kind, rows)


class Growing:
    """An array to which values are appended; what they do not fill of it costs no memory. `most`: so many, if known."""

    def __init__(self, kind: type[np.generic], most: int = 0) -> None:
        self._array = unfilled(most or 1 << 10, kind)
        self._rows = 0

    @property
    def values(self) -> Values:
        """What was appended."""
        return self._array[: self._rows]

    def clear(self) -> None:
        """Forget the values, and keep their memory for others."""
        self._rows = 0

    def extend(self, values: Values) -> None:
        """Append values.

        >>> some = Growing(np.int64)
        >>> some.extend(np.array([3, 1]))
        >>> some.values
        array([3, 1])
        """
        end = self._rows + len(values)
        if end > len(self._array):
            larger = unfilled(max(end, 2 * len(self._array)), self._array.dtype.type)
            larger[: self._rows] = self.values
            self._array = larger
        self._array[self._rows : end] = values
        self._rows = end


@dataclass(frozen=True)
class About:
    """What errors about a column say: its role, its name, and where it is."""

    role: str
    column: str
    place: str

    def refused(self, found: str, allowed: str) -> SourceInvalid:
        """The error that a column has what its role does not allow."""
        return SourceInvalid(
            f"{self.role} column {self.column!r} of {self.place} {found}: {allowed}; convert it where it is written"
        )


def numbers_in(column: Column, about: About, *, allowed: str) -> Floats:
    """The numbers of a column, true and false as 1 and 0; NaN where there is none.

    Raises `SourceInvalid` for other types, with what is allowed.

    >>> numbers_in(pa.chunked_array([[True, None]]), About("label", "y", "here"), allowed="a number").tolist()
    [1.0, nan]
    """
    kind = value_type(column.type)
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if not is_numeric(kind):
        raise about.refused(_example(column, kind), allowed)
    parts = [numbers(chunk).astype(np.float64, copy=False) for chunk in column.chunks]
    # Minus zero, and NaN of other bits, would be the same values and other bytes.
    found: Floats = (np.concatenate(parts) if parts else np.empty(0)) + 0.0
    found[np.isnan(found)] = np.nan
    return found


def _example(column: Column, kind: pa.DataType) -> str:
    value = next(iter(column.drop_null().slice(0, 1).to_pylist()), None)
    return f"has type {kind}" + ("" if value is None else f" and holds {str(value)[:40]!r}")


def finite(values: Floats) -> Floats:
    """The numbers with NaN for infinite ones: no figure can be computed with them."""
    values[np.isinf(values)] = np.nan
    return values


def binary_label(column: Column, about: About) -> Floats:
    """Labels 0 and 1, which may be written as false and true; raises `SourceInvalid` for anything else."""
    allowed = "the label of a binary model may be 0, 1, true, false or null"
    found = numbers_in(column, about, allowed=allowed)
    return _checked(found, (found != 0) & (found != 1), about, allowed)


def regression_label(column: Column, about: About) -> Floats:
    """Labels that are finite numbers; raises `SourceInvalid` for anything else."""
    allowed = "the label of a regression may be a finite number or null"
    found = numbers_in(column, about, allowed=allowed)
    return _checked(found, np.isinf(found), about, allowed)


def _checked(found: Floats, unlike: NDArray[np.bool_], about: About, allowed: str) -> Floats:
    wrong = found[unlike & ~np.isnan(found)]
    if len(wrong):
        raise about.refused(f"holds {wrong[0]:g}", allowed)
    return found


def flags_in(column: Column, about: About) -> NDArray[np.bool_]:
    """Where a column says that something failed: true, a number but 0, or text that is not empty.

    >>> flags_in(pa.chunked_array([["", "timed out", None]]), About("error", "e", "here")).tolist()
    [False, True, False]
    """
    if is_text(value_type(column.type)):
        codes = Categories()
        found = codes.read(column, about)
        failed: NDArray[np.bool_] = (found >= 0) & (found != codes.values.get("", -1))
        return failed
    number = numbers_in(column, about, allowed="an error may be true, false, text or null")
    nonzero: NDArray[np.bool_] = (number != 0) & ~np.isnan(number)
    return nonzero


@dataclass
class Categories:
    """The values of one or more columns of text, numbered as they are met."""

    values: dict[str, int] = field(default_factory=dict)

    def read(self, column: Column, about: About) -> Codes:
        """The number of each value, -1 for null; numbers and booleans count as text.

        Raises `SourceInvalid` for other types.
        """
        kind = value_type(column.type)
        if not (is_text(kind) or is_numeric(kind) or pa.types.is_null(kind)):
            raise about.refused(f"has type {kind}", f"a {about.role} may be text, a number, true, false or null")
        parts = [self._codes(chunk) for chunk in column.chunks if not pa.types.is_null(kind)]
        return np.concatenate(parts) if parts else np.full(len(column), -1, np.int32)

    def _codes(self, chunk: pa.Array[Any]) -> Codes:
        coded: Any = chunk if isinstance(chunk, pa.DictionaryArray) else chunk.dictionary_encode()
        known = [-1 if text is None else self.number(text) for text in texts(coded.dictionary)]
        # A null has no place in the dictionary: it is the entry after the last.
        places = coded.indices.cast(pa.int64()).fill_null(len(known))
        found: Codes = np.array([*known, -1], np.int32)[np.from_dlpack(places)]
        return found

    def number(self, text: str) -> int:
        """The number of a value, a new one where it was not met."""
        return self.values.setdefault(text, len(self.values))

    def sort(self, used: set[int] | None = None) -> Codes:
        """Put the values in order, or those of them that are used; the new number of each old one, and -1 for -1.

        >>> some = Categories({"b": 0, "a": 1})
        >>> some.sort().tolist(), some.values
        ([1, 0, -1], {'a': 0, 'b': 1})
        """
        kept = sorted(text for text, code in self.values.items() if used is None or code in used)
        moved = np.full(len(self.values) + 1, -1, np.int32)
        moved[[self.values[text] for text in kept]] = np.arange(len(kept))
        self.values = {text: code for code, text in enumerate(kept)}
        return moved

    def ranks(self, codes: Floats) -> Floats:
        """The place of each value's text in the order of all, given its number; NaN stays."""
        order = {text: rank for rank, text in enumerate(sorted(self.values))}
        ranks = np.array([*(order[text] for text in self.values), np.nan])
        found: Floats = ranks[np.nan_to_num(codes, nan=-1).astype(np.int64)]
        return found


def as_numbers(codes: Codes) -> Floats:
    """Codes as numbers, NaN for -1."""
    return np.where(codes < 0, np.nan, codes.astype(np.float64))


def moved(numbers: Floats, to: Codes) -> Floats:
    """Numbers of categories after these were sorted; NaN stays."""
    codes = np.nan_to_num(numbers, nan=-1).astype(np.int64)
    return as_numbers(to[codes])
