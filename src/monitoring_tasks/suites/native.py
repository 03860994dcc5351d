"""Evidently's own drift methods on bounded samples of rows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from evidently.legacy.calculations.stattests import get_stattest
from evidently.legacy.core import ColumnType
from scipy import stats

from monitoring_tasks.checks import Measured
from monitoring_tasks.methods import Kind
from monitoring_tasks.profile.kernel import is_categorical, is_numeric, numbers, texts, value_type
from monitoring_tasks.suites.columns import NAN

COLUMN_TYPES: dict[Kind, ColumnType] = {"numeric": ColumnType.Numerical, "categorical": ColumnType.Categorical}
# They look at the order of values alone, which no size of a value disturbs.
_BY_RANK = frozenset({"ks", "anderson", "cramer_von_mises", "mannw"})
# Its p-value holds for values without ties; with them and samples of unlike size it goes to 0 on equal distributions.
_WITHOUT_TIES = frozenset({"cramer_von_mises"})
TIED = 0.005
"""Share of both samples together that one value may hold where a method does not bear ties."""
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
    if unfit := _why_unfit(name, kind, known):
        return Measured(NAN, unfit)
    score = _run(name, kind, *known)
    if not np.isfinite(score):
        return Measured(NAN, f"{name} is not defined for these values")
    return Measured(float(f"{score:.{DIGITS}g}"), f"on samples of {len(known[0])} and {len(known[1])} rows")


def _why_unfit(name: str, kind: Kind, known: Sequence[pd.Series[Any]]) -> str:
    """Why `name` would give a wrong score for these values, in words; empty when it does not."""
    counts = pd.concat(known).value_counts()
    if name in _TWO_CATEGORIES and len(counts) > 2:
        return f"{name} compares two categories, found {len(counts)}: use chisquare"
    if name in _WITHOUT_TIES and counts.iloc[0] > max(1, TIED * counts.sum()):
        return f"{name} needs values that differ, found {counts.index[0]:.6g} {counts.iloc[0]} times: use evidently:ks"
    if kind == "numeric" and name not in _BY_RANK and not all(map(_has_spread, known)):
        return f"{name} needs a finite standard deviation, and values are too large for one: use evidently:ks"
    return ""


def _has_spread(side: pd.Series[Any]) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(np.std(side.to_numpy())))


def _g_test(reference: pd.Series[Any], current: pd.Series[Any]) -> float:
    """P-value of the G test of homogeneity; NaN for one category.

    Evidently takes the reference's counts for expected ones and refuses totals that differ. The reference is a sample
    as well: taken for exact, equal distributions drift in 20 % of the windows at a threshold of .05.
    """
    counts = pd.concat([reference.value_counts(), current.value_counts()], axis=1).fillna(0).to_numpy()
    if len(counts) < 2:
        return NAN
    return float(stats.chi2_contingency(counts, correction=False, lambda_="log-likelihood").pvalue)


def _run(name: str, kind: Kind, reference: pd.Series[Any], current: pd.Series[Any]) -> float:
    if name == "g_test":
        return _g_test(reference, current)
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
