"""Evidently as its documentation shows it: both frames in pandas, `Report([DataDriftPreset()])`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from bench.data import CATEGORICAL, COLUMNS, NOT_FINITE, NUMERIC, Data


def default(data: Data) -> Iterator[str]:
    """The preset with the methods it chooses itself."""
    return _report(data, DataDriftPreset())


def psi(data: Data) -> Iterator[str]:
    """The preset with PSI for every column."""
    return _report(data, DataDriftPreset(method="psi"))


def _report(data: Data, preset: DataDriftPreset) -> Iterator[str]:
    reference, window = (_frame(path) for path in (data.reference, data.window))
    yield "load"
    definition = DataDefinition(numerical_columns=NUMERIC, categorical_columns=CATEGORICAL)
    pair = [Dataset.from_pandas(frame, data_definition=definition) for frame in (window, reference)]
    found = Report([preset]).run(*pair).dict()
    if len(found["metrics"]) <= len(COLUMNS):
        raise RuntimeError(f"{len(found['metrics'])} metrics found, {len(COLUMNS)} columns expected")
    yield "score"


def _frame(path: Path) -> pd.DataFrame:
    frame = pd.read_parquet(path, columns=COLUMNS)
    # PSI ends in an error on an infinity.
    return frame.assign(**{NOT_FINITE: frame[NOT_FINITE].where(np.isfinite(frame[NOT_FINITE]))})
