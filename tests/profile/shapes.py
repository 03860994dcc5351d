"""Rows of many shapes for the tests of profiles and scores, and rows held in memory as a source of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from monitoring_tasks.data.memory import TableChunk
from monitoring_tasks.profile.binning import CategoryBins, Floats, NumericBins, numeric_bins
from monitoring_tasks.profile.kernel import profile_column
from monitoring_tasks.profile.profile import ColumnProfile, merge_columns
from monitoring_tasks.window import Window

numbers = st.floats(-1e9, 1e9, allow_subnormal=False)
atoms = st.sampled_from([0.0, -0.0, 1.0, -3.5, 1e300, -1e300, 5e-324 * 2**60])
odd = st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 7.0])


@st.composite
def shapes(draw: st.DrawFn, *, most: int = 400) -> Floats:
    """Values of one column: normal, heavy tailed, with atoms, constant, any; some NaN or infinite; also none."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    size = draw(st.integers(0, most))
    values = draw(
        st.sampled_from(
            [
                lambda: rng.normal(draw(st.floats(-2, 2)), 1, size),
                lambda: rng.standard_t(2, size) * 100,
                lambda: np.exp(rng.normal(0, 3, size)),
                lambda: rng.integers(0, 5, size).astype(float),
                lambda: np.where(rng.random(size) < 0.6, 0.0, rng.exponential(1, size)),
                lambda: np.full(size, 4.25),
                lambda: np.round(rng.normal(0, 1, size), 1),
                lambda: np.array(draw(st.lists(numbers, max_size=20))),
            ]
        )
    )()
    spoilt = np.array(draw(st.lists(odd, max_size=8)))
    return rng.permutation(np.concatenate([values, spoilt]))


texts = st.lists(st.sampled_from(["AA", "UA", "DL", "", "é", "__other__"]) | st.text(max_size=2), max_size=60)


class MemoryChunk(TableChunk):
    """A table as a chunk, one of several."""


@dataclass(frozen=True)
class MemoryRows:
    """Tables as a source of rows; every window holds all of them."""

    tables: Sequence[pa.Table]

    def chunks(self, window: Window | None) -> Sequence[MemoryChunk]:
        return [MemoryChunk(table, 1000 + place) for place, table in enumerate(self.tables)]

    def schema(self) -> pa.Schema:
        return pa.unify_schemas([table.schema for table in self.tables])

    def together(self, columns: Iterable[str]) -> list[str]:
        return list(columns)

    def fingerprint(self, window: Window | None) -> str:
        return ""


def bins_of(values: Floats) -> NumericBins:
    """Bins as a reference of these values has them by default."""
    return numeric_bins(values, limits=None, slack=3.0)


def profiled(values: object, bins: NumericBins | CategoryBins) -> ColumnProfile:
    """The finished profile of one array of values."""
    return merge_columns([profile_column(pa.chunked_array([pa.array(values)]), bins)])
