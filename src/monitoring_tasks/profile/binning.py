"""How each monitored column is cut into bins; fixed by the reference, shared by every profile compared with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class NumericBins:
    """Bins of a numeric column: bin i holds `edges[i-1] < x <= edges[i]`, the outermost two are unbounded.

    `edges` are strictly increasing and finite (about 200 reference quantiles, atoms isolated, and the two range
    edges); `deciles` are the positions in `edges` of the reference's deciles. `low` and `high` are the lowest and
    highest plausible value, both allowed: `nextafter(low, -inf)` and `high` are among the edges, so that the number
    of values outside is exact. A column without any finite reference value has no edges.
    """

    edges: Floats
    deciles: Ints
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class CategoryBins:
    """Bins of a categorical column: one for each reference category, sorted, as text."""

    values: tuple[str, ...]


ColumnBins = NumericBins | CategoryBins


@dataclass(frozen=True, eq=False)
class Binning:
    """The bins of every monitored column, prediction included."""

    columns: Mapping[str, ColumnBins]
