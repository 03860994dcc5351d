"""Windows drawn anew from the flights: rows are drawn, and counted into the bins without building a table of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.alarms_faults import FAULTS
from bench.alarms_pool import MONITOR
from monitoring_tasks.data.memory import TableRows
from monitoring_tasks.profile.binning import Binning, CategoryBins, ColumnBins, Floats, Ints, NumericBins, binning_hash
from monitoring_tasks.profile.kernel import arrow_array
from monitoring_tasks.profile.profile import CategoryProfile, ColumnProfile, NumericProfile, Profile, merge_columns
from monitoring_tasks.profile.reference import ReferenceProfile, build_reference

REFERENCE_ROWS = 50_000
Values = NDArray[Any]
"""A column: float64 with NaN for missing, or text with None for missing."""


@dataclass(frozen=True, eq=False)
class Numbers:
    """A numeric column of the pool, the bin of each row beside it: the bin after the last one means missing."""

    values: Floats
    places: Ints
    bins: int

    @classmethod
    def of(cls, bins: NumericBins, values: Floats) -> Numbers:
        """The column in these bins; values are finite or NaN."""
        places = np.where(np.isnan(values), len(bins.edges) + 1, np.searchsorted(bins.edges, values))
        return cls(values, places, len(bins.edges) + 1)

    def profile(self, rows: Ints) -> NumericProfile:
        """What a scan of these rows of the pool finds."""
        values, places = self.values[rows], self.places[rows]
        known = values[~np.isnan(values)]
        counts = np.bincount(places, minlength=self.bins + 1)
        sums = np.bincount(places, weights=np.nan_to_num(values), minlength=self.bins + 1).astype(np.float64)
        low, high, mean, m2 = (math.nan, math.nan, math.nan, 0.0) if not len(known) else _moments(known)
        return NumericProfile(counts[: self.bins], sums[: self.bins], low, high, mean, m2, null=int(counts[self.bins]))


def _moments(known: Floats) -> tuple[float, float, float, float]:
    return float(known.min()), float(known.max()), float(known.mean()), float(known.var() * len(known))


@dataclass(frozen=True, eq=False)
class Words:
    """A categorical column of the pool: each row's place among the bins, the unknown `names`, and missing."""

    names: tuple[str, ...]
    places: Ints
    bins: int

    @classmethod
    def of(cls, bins: CategoryBins, values: Values) -> Words:
        """The column in these bins; values are text or None."""
        names, codes = np.unique(np.array(["" if value is None else value for value in values]), return_inverse=True)
        unknown = tuple(name for name in names.tolist() if name and name not in bins.values)
        place = {name: number for number, name in enumerate((*bins.values, *unknown))}
        places = np.array([place.get(name, len(place)) for name in names.tolist()])
        return cls(unknown, places[codes], len(bins.values))

    def profile(self, rows: Ints) -> CategoryProfile:
        """What a scan of these rows of the pool finds."""
        counts = np.bincount(self.places[rows], minlength=self.bins + len(self.names) + 1)
        unseen = dict(zip(self.names, counts[self.bins : -1].tolist(), strict=True))
        found = {name: count for name, count in unseen.items() if count}
        return CategoryProfile(counts[: self.bins], found, null=int(counts[-1]))


def coded(bins: ColumnBins, values: Values) -> Numbers | Words:
    """A column of the pool, ready to be counted."""
    return Words.of(bins, values) if isinstance(bins, CategoryBins) else Numbers.of(bins, values)


def column_values(column: pa.ChunkedArray[Any]) -> Values:
    """A column as numpy: numbers as float64 with NaN for missing, text as objects with None."""
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return column.cast(pa.float64()).to_numpy()
    return np.array(column.to_pylist(), dtype=object)


def reference_of(pool: pa.Table, number: int) -> ReferenceProfile:
    """A reference drawn from the pool."""
    rows = np.random.default_rng([20130331, number]).integers(0, pool.num_rows, REFERENCE_ROWS)
    return build_reference(MONITOR, TableRows(pool.take(arrow_array(rows))), f"draw {number}")


@dataclass(frozen=True, eq=False)
class Draws:
    """The pool in the bins of one reference that was drawn from it; windows are drawn in the same way."""

    pool: Mapping[str, Values]
    reference: ReferenceProfile

    @classmethod
    def of(cls, pool: pa.Table, number: int) -> Draws:
        """The draws against the reference of this number."""
        reference = reference_of(pool, number)
        return cls({name: column_values(pool[name]) for name in reference.binning.columns}, reference)

    @property
    def binning(self) -> Binning:
        """The reference's bins."""
        return self.reference.binning

    @cached_property
    def digest(self) -> str:
        """The hash of the bins."""
        return binning_hash(self.binning)

    @cached_property
    def _columns(self) -> dict[str, Numbers | Words]:
        return {name: coded(bins, self.pool[name]) for name, bins in self.binning.columns.items()}

    @cached_property
    def _altered(self) -> dict[str, Numbers | Words]:
        return {}

    def window(self, random: np.random.Generator, rows: int, fault: str | None = None) -> Profile:
        """The profile of a window of so many rows; `fault` is one of `FAULTS`."""
        drawn = random.integers(0, len(next(iter(self.pool.values()))), rows)
        columns: dict[str, ColumnProfile] = {name: each.profile(drawn) for name, each in self._columns.items()}
        if fault is not None:
            hit = random.random(rows) < FAULTS[fault].share
            name = FAULTS[fault].column
            sides = (self._columns[name].profile(drawn[~hit]), self._faulty(fault).profile(drawn[hit]))
            columns[name] = merge_columns(sides)
        return Profile(self.digest, rows, columns, self.reference.profile.types)

    def _faulty(self, fault: str) -> Numbers | Words:
        """The column as the fault makes it, in all rows."""
        if fault not in self._altered:
            name = FAULTS[fault].column
            self._altered[fault] = coded(self.binning.columns[name], FAULTS[fault].alter(self.pool[name]))
        return self._altered[fault]
