"""A small model whose reference and windows are real parquet files, judged by the real profile and suites."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_tasks.data.connections import EnvironmentConnections
from monitoring_tasks.data.source import open_reference
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.profile.plan import Plan
from monitoring_tasks.profile.reference import build_reference
from monitoring_tasks.profile.scan import scan
from monitoring_tasks.suites import SuiteInput, SuiteOutcome, run_suites
from monitoring_tasks.window import Window

WINDOW = Window.parse("2013-06-04", "2013-06-05")
ROWS = 1000
Judge = Callable[..., SuiteOutcome]


def rows(count: int = ROWS, *, seed: int = 1, start: datetime = WINDOW.start, days: int = 1) -> pa.Table:
    """Rows of one model: a skewed amount, an integer, a label with few values, the score, an id and a time."""
    random = np.random.default_rng(seed)
    seconds = np.sort(random.uniform(0, days * 86_400, count))
    return pa.table(
        {
            "at": pa.array([start + timedelta(seconds=int(each)) for each in seconds], pa.timestamp("us", "UTC")),
            "id": [f"{seed}-{number}" for number in range(count)],
            "amount": random.gamma(2.0, 3.0, count),
            "items": random.poisson(4, count),
            "colour": random.choice(["blue", "green", "red"], count, p=[0.5, 0.3, 0.2]),
            "score": random.beta(2, 5, count),
        }
    )


def reference_rows() -> pa.Table:
    """Twenty days of reference."""
    return rows(8000, seed=0, start=datetime(2013, 1, 1, tzinfo=UTC), days=20)


def replaced(table: pa.Table, column: str, values: Any) -> pa.Table:
    """The table with one column's values replaced, or the column added."""
    array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)
    place = table.schema.get_field_index(column)
    return table.append_column(column, array) if place < 0 else table.set_column(place, column, array)


def monitor(**changes: Any) -> Monitor:
    """The model's monitor; `changes` are top-level keys."""
    plain: dict[str, Any] = {
        "name": "orders",
        "owner": "shop",
        "task": "binary",
        "source": {"kind": "parquet", "path": "rows"},
        "reference": {"kind": "file", "path": "reference.parquet"},
        "timestamp": "at",
        "id": "id",
        "prediction": "score",
        "features": {"amount": "numeric", "items": "numeric", "colour": "categorical"},
    }
    return Monitor.model_validate({**plain, **changes})


@pytest.fixture
def given(tmp_path: Path) -> Callable[..., SuiteInput]:
    """Files, profile and sample of `current` and `reference`, ready to be judged."""

    def prepare(current: pa.Table, reference: pa.Table | None = None, **changes: Any) -> SuiteInput:
        judged = monitor(**changes)
        pq.write_table(reference_rows() if reference is None else reference, tmp_path / "reference.parquet")
        pq.write_table(current, tmp_path / "current.parquet")
        connections = EnvironmentConnections({})
        known = build_reference(
            judged, open_reference(str(tmp_path / "reference.parquet"), connections, timestamp="at"), "0" * 64
        )
        source = open_reference(str(tmp_path / "current.parquet"), connections, timestamp="at")
        found = scan(source, WINDOW, Plan(known.binning, id=judged.id))
        return SuiteInput(judged, WINDOW, known, found.profile, found.sample, {"champion": "v1.0.0-0a1b2c3d"})

    return prepare


@pytest.fixture
def judge(given: Callable[..., SuiteInput]) -> Judge:
    """The outcome for `current` against `reference`; further keywords change the monitor."""

    def run(current: pa.Table, reference: pa.Table | None = None, **changes: Any) -> SuiteOutcome:
        return run_suites(given(current, reference, **changes), script_href="evidently.js")

    return run
