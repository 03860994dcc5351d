"""What a careful person writes by hand: both frames in pandas, a scipy test for each column."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, ks_2samp

from bench.data import CATEGORICAL, COLUMNS, NUMERIC, Data


def p_values(data: Data) -> Iterator[str]:
    """Kolmogorov-Smirnov for the floats, chi-square for the texts."""
    reference, window = (pd.read_parquet(path, columns=COLUMNS) for path in (data.reference, data.window))
    yield "load"
    found = [float(ks_2samp(_finite(reference[name]), _finite(window[name])).pvalue) for name in NUMERIC]
    found += [_chi_square(reference[name], window[name]) for name in CATEGORICAL]
    if not np.isfinite(found).all():
        raise RuntimeError(f"a p-value is missing: {found}")
    yield "score"


def _finite(column: pd.Series[float]) -> NDArray[np.float64]:
    values = np.asarray(column, np.float64)
    return values[np.isfinite(values)]


def _chi_square(reference: pd.Series[str], window: pd.Series[str]) -> float:
    counts = pd.DataFrame({"reference": reference.value_counts(), "window": window.value_counts()}).fillna(0)
    return float(chi2_contingency(counts.to_numpy()).pvalue)
