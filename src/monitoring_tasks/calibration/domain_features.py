"""What the domain classifier sees of two samples: ranks, codes of categories, and products that tell joint changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_tasks.methods import Kind
from monitoring_tasks.profile.kernel import Column, is_categorical, is_numeric, numbers, texts, value_type

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

BINS = 64
"""So many different values of a column the classifier tells apart, the missing one among them."""
_CATEGORIES = 60
_RARE = 10
"""A category has a code of its own when it is among the 60 most frequent and has at least 10 rows."""
_PAIRED_CATEGORIES = 5
_PAIRED_SHARE = 0.02
"""So many categories of a column can be part of a product, if so many of the rows have them."""
_LEVELS = 128


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of two samples as numbers; `current` says which are the window's.

    `values` (rows x columns) has whole numbers below `BINS`: binned ranks of numbers, codes of categories; a missing
    value has a number of its own. `terms` (rows x terms) is what products are made of: whole numbers with a mean near 0
    and a spread of some dozens, 0 where the value is missing. `owners` gives the column of each term.
    """

    names: tuple[str, ...]
    categorical: Flags
    values: Floats
    terms: Floats
    owners: Places
    current: Flags

    def take(self, places: Places, current: Flags | None = None) -> Rows:
        """The rows at these places; `current` says anew which of them are the window's."""
        whose = self.current[places] if current is None else current
        return Rows(self.names, self.categorical, self.values[places], self.terms[places], self.owners, whose)


@dataclass(frozen=True, eq=False)
class _Encoded:
    values: Floats
    terms: Floats


def encode(reference: pa.Table, current: pa.Table, kinds: Mapping[str, Kind]) -> Rows | None:
    """Both samples as numbers, or None when no column can be read on both sides and has more than one value.

    Columns are in the order of their names, so that the order in which they came does not matter. Ranks are those of
    both samples together: they know no magnitude, so no value is too large, and infinity is the largest.
    """
    columns = {name: _encoded(reference, current, name, kinds[name]) for name in sorted(kinds)}
    usable = {name: column for name, column in columns.items() if column is not None}
    if not usable:
        return None
    terms = [column.terms for column in usable.values()]
    return Rows(
        tuple(usable),
        np.array([kinds[name] == "categorical" for name in usable]),
        np.column_stack([column.values for column in usable.values()]),
        np.column_stack(terms),
        np.repeat(np.arange(len(terms)), [each.shape[1] for each in terms]),
        np.arange(reference.num_rows + current.num_rows) >= reference.num_rows,
    )


def _encoded(reference: pa.Table, current: pa.Table, name: str, kind: Kind) -> _Encoded | None:
    if not all(table.column_names.count(name) == 1 for table in (reference, current)):
        return None
    sides = (reference[name], current[name])
    fits = is_numeric if kind == "numeric" else is_categorical
    if not all(fits(value_type(side.type)) or pa.types.is_null(value_type(side.type)) for side in sides):
        return None
    found = _numeric(*sides) if kind == "numeric" else _categorical(*sides)
    return found if len(np.unique(found.values)) > 1 else None


def _numeric(*sides: Column) -> _Encoded:
    ranks = midranks(np.concatenate([_floats(side) for side in sides]))
    shares = ranks / max(1, int((~np.isnan(ranks)).sum()))
    # The second term is large at both ends: products with it tell relations that go up and down again.
    terms = _LEVELS * np.column_stack([shares - 0.5, 2 * np.abs(shares - 0.5) - 0.5])
    binned = np.nan_to_num(1 + np.floor((BINS - 1) * shares))  # a mid-rank's share is below 1; 0 is for missing
    return _Encoded(binned, np.nan_to_num(np.rint(terms)))


def _floats(column: Column) -> Floats:
    if pa.types.is_null(value_type(column.type)):
        return np.full(len(column), np.nan)
    parts = [numbers(chunk).astype(np.float64) for chunk in column.chunks]
    return np.concatenate(parts) if parts else np.zeros(0)


def midranks(values: Floats) -> Floats:
    """Ranks from 0.5 on, equal values sharing the middle of theirs; NaN stays NaN.

    >>> midranks(np.array([3.0, 1.0, 3.0, np.nan])).tolist()
    [2.0, 0.5, 2.0, nan]
    """
    ranks = np.full(len(values), np.nan)
    known = ~np.isnan(values)
    _, places, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    ranks[known] = (np.cumsum(counts) - counts / 2)[places]
    return ranks


def _categorical(*sides: Column) -> _Encoded:
    words = [word for side in sides for chunk in side.chunks for word in _words(chunk)]
    codes = _codes(words)
    others, missing = len(codes), len(codes) + 1
    values = np.array([missing if word is None else codes.get(word, others) for word in words], np.float64)
    return _Encoded(values, _indicators(values))


def _words(chunk: pa.Array[Any]) -> list[str | None]:
    plain = chunk.dictionary_decode() if isinstance(chunk, pa.DictionaryArray) else chunk
    return [None] * len(plain) if pa.types.is_null(plain.type) else texts(plain)


def _codes(words: list[str | None]) -> dict[str, int]:
    """Code of each frequent category, the most frequent first."""
    counts = Counter(word for word in words if word is not None)
    order = sorted(counts, key=lambda word: (-counts[word], word))[:_CATEGORIES]
    return {word: code for code, word in enumerate(order) if counts[word] >= _RARE}


def _indicators(codes: Floats) -> Floats:
    """One term for each of a column's frequent codes: high where a row has it."""
    found, counts = np.unique(codes, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_PAIRED_CATEGORIES]
    shares = counts[order] / max(1, len(codes))
    able = (shares >= _PAIRED_SHARE) & (shares <= 1 - _PAIRED_SHARE)
    shares, found = shares[able], found[order][able]
    spread = _LEVELS / np.sqrt(12 * shares * (1 - shares))  # makes it vary as much as a numeric column's first term
    indicators: Floats = np.rint(((codes[:, None] == found) - shares) * spread)
    return indicators


def strongest_pairs(rows: Rows, count: int) -> Places:
    """The `count` pairs of terms (an array of two columns) whose mean products differ most from side to side.

    Terms are whole numbers, so that their sums are exact and the number of threads cannot change them. Terms of one
    column are no pair: that would be a change of this column alone.
    """
    (mean, error), (other, its_error) = (_products(rows.terms[side]) for side in (rows.current, ~rows.current))
    spread = np.sqrt(error + its_error)
    scores = np.divide(np.abs(mean - other), spread, out=np.zeros_like(mean), where=spread > 0)
    scores[rows.owners[:, None] >= rows.owners] = 0.0
    order = np.argsort(-scores, axis=None, kind="stable")[:count]
    found = order[scores.ravel()[order] > 0]
    return np.column_stack(np.unravel_index(found, scores.shape))


def _products(terms: Floats) -> tuple[Floats, Floats]:
    """Mean of the product of each pair of terms, and the squared error of the mean."""
    means, squares = terms.T @ terms / len(terms), terms**2
    return means, np.maximum(squares.T @ squares / len(terms) - means**2, 0.0) / len(terms)
