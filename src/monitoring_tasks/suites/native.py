"""Evidently's own drift methods on bounded samples of rows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from evidently.legacy.calculations.stattests import get_stattest
from evidently.legacy.core import ColumnType

from monitoring_tasks.methods import Kind
from monitoring_tasks.profile.kernel import is_categorical, is_numeric, numbers, texts, value_type
from monitoring_tasks.suites.columns import NAN, Measured

COLUMN_TYPES: dict[Kind, ColumnType] = {"numeric": ColumnType.Numerical, "categorical": ColumnType.Categorical}
# Evidently hands both samples' counts to scipy, which refuses totals that differ.
_EQUAL_ROWS = frozenset({"g_test"})
# It compares the first of two categories with the rest; of more categories it would silently see one only.
_TWO_CATEGORIES = frozenset({"z"})
DIGITS = 12
"""Significant digits kept: Evidently sums categories in the order of a set, which differs between processes."""


def sampled_frame(sample: pa.Table, kinds: Mapping[str, Kind]) -> pd.DataFrame:
    """Columns of `kinds` in `sample` as Evidently's methods take them: finite numbers as float64, categories as text.

    A column that cannot be read as its kind, or holds no value, is left out: no type error can reach Evidently.
    """
    found = {name: _series(sample[name], kind) for name, kind in kinds.items() if name in sample.column_names}
    return pd.DataFrame({name: side for name, side in found.items() if side is not None and side.notna().any()})


def _series(column: pa.ChunkedArray[Any], kind: Kind) -> pd.Series[Any] | None:
    stored = value_type(column.type)
    if not (is_numeric if kind == "numeric" else is_categorical)(stored):
        return None
    array = column.cast(stored).combine_chunks()
    if kind == "categorical":
        return pd.Series(texts(array), dtype="object")
    return pd.Series(numbers(array).astype(np.float64)).replace([np.inf, -np.inf], np.nan)


def native_score(name: str, kind: Kind, *sides: pd.Series[Any] | None) -> Measured:
    """Score of Evidently's method `name` between a reference's and a window's sample of one column.

    Nulls are left out, as Evidently does. NaN with the reason where there is no score; raises what Evidently raises.
    """
    known = [side.dropna() for side in sides if side is not None]
    if len(known) < len(sides) or any(side.empty for side in known):
        return Measured(NAN, "no usable values in the sample")
    if name in _TWO_CATEGORIES and (found := pd.concat(known).nunique()) > 2:
        return Measured(NAN, f"{name} compares two categories, found {found}: use chisquare")
    if name in _EQUAL_ROWS:
        known = [side.head(min(map(len, known))) for side in known]
    score = _run(name, kind, *known)
    if not np.isfinite(score):
        return Measured(NAN, f"{name} is not defined for these values")
    return Measured(float(f"{score:.{DIGITS}g}"), f"on samples of {len(known[0])} and {len(known[1])} rows")


def _run(name: str, kind: Kind, reference: pd.Series[Any], current: pd.Series[Any]) -> float:
    test = get_stattest(reference, current, COLUMN_TYPES[kind], name)
    with _own_randomness(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy's remarks on capped p-values and constant samples
        return float(test(reference, current, COLUMN_TYPES[kind], None).drift_score)


@contextmanager
def _own_randomness() -> Iterator[None]:
    """Evidently's permutation test seeds NumPy's global generator: give the caller its state back."""
    state = np.random.get_state()
    try:
        yield
    finally:
        np.random.set_state(state)
