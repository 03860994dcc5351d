"""From the table of scores to the gate's arrays, for each kind of model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.training_steps import gate_data

MOMENTS = [datetime(2013, 3, 1, 23, 59, tzinfo=UTC), datetime(2013, 3, 2, tzinfo=UTC), datetime(2013, 3, 3, tzinfo=UTC)]


def monitor(task: str, **gate: Any) -> Monitor:
    """A monitor of a task."""
    return Monitor.model_validate(
        {
            "name": "churn",
            "owner": "growth",
            "task": task,
            "source": {"path": "log"},
            "reference": {"kind": "champion", "repository": "/srv/churn.git"},
            "timestamp": "at",
            "prediction": "score",
            "id": "id",
            "label": "churned",
            "retraining": {"gate": gate},
        }
    )


def table(label: Any, predictions: Any, moments: Any = None) -> pa.Table:
    """Three rows, on three days, scored alike by both sides."""
    columns = {"id": ["a", "b", "c"], "at": MOMENTS if moments is None else moments, "plan": ["x", None, "y"]}
    sides = {f"{side} prediction": predictions for side in ("champion", "challenger")}
    return pa.table({**columns, "label": label, **sides})


@pytest.mark.parametrize("label", [[True, False, True], [1, 0, 1], [1.0, 0.0, 1.0], pa.array([1, 0, 1], pa.int8())])
def test_binary_labels_are_numbers(label: Any) -> None:
    """However they were logged."""
    data = gate_data(monitor("binary"), table(label, [0.1, 0.2, 0.3]))
    assert data.label.tolist() == [1.0, 0.0, 1.0]
    assert data.champion.tolist() == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(("label", "predictions"), [(["a", "b", "a"], ["a", "a", "b"]), ([1, 2, 1], ["1", "1", "2"])])
def test_classes_are_names(label: Any, predictions: Any) -> None:
    """A class that is logged as a number and predicted as text is the same class."""
    data = gate_data(monitor("multiclass"), table(label, predictions))
    assert data.label.tolist() == [str(value) for value in label]
    assert data.challenger.tolist() == predictions


def test_regression_is_numbers() -> None:
    """Whole numbers are numbers as well."""
    data = gate_data(monitor("regression"), table([1, 2, 3], [1.5, 2.5, 3.5]))
    assert data.label.dtype == np.float64


@pytest.mark.parametrize(
    "moments",
    [
        MOMENTS,
        [moment.replace(tzinfo=None) for moment in MOMENTS],
        pa.array(MOMENTS, pa.timestamp("ns", "Asia/Tokyo")),
        pa.array([moment.date() for moment in MOMENTS]),
    ],
)
def test_days_are_utc_days(moments: Any) -> None:
    """A minute before midnight UTC and midnight are two days, in whatever zone the rows write them."""
    data = gate_data(monitor("binary"), table([1, 0, 1], [0.1, 0.2, 0.3], moments))
    assert data.day is not None
    assert np.diff(data.day).tolist() == [1, 1]
    assert data.day[0] == (datetime(2013, 3, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days


def test_a_segment_may_be_missing() -> None:
    """Rows without a value stay apart from those with one."""
    data = gate_data(monitor("binary", segments=["plan"]), table([1, 0, 1], [0.1, 0.2, 0.3]))
    assert data.segments["plan"].tolist() == ["x", None, "y"]
