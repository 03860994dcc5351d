"""The metrics: one function and one row of a table each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from monitoring_tasks.performance.outcomes import Floats


@dataclass(frozen=True, eq=False)
class Scored:
    """Labelled predictions that a metric is computed on; no NaN.

    `label` and `prediction` are as in `Outcomes`. `weight` is positive, ones where nothing is corrected. `threshold` is
    from where on a binary score counts as positive; `classes` is the number of classes (multiclass).
    """

    label: Floats
    prediction: Floats
    weight: Floats
    probabilities: Floats | None = None
    threshold: float = 0.5
    classes: int = 2


class Measure(NamedTuple):
    """A metric's value, and how each row moves it.

    `influence` has an entry for each row: the derivative of the value by the row's weight, times the sum of the
    weights (the empirical influence function); its weighted mean is 0. `value` is NaN where the metric is undefined,
    `reason` then says why and `influence` is all NaN.
    """

    value: float
    influence: Floats
    reason: str = ""


@dataclass(frozen=True)
class Metric:
    """One row of the table: what it is called, whether less of it is worse, and how it is computed."""

    name: str
    worse: Literal["lower", "higher", "either"]
    measure: Callable[[Scored], Measure]


METRICS: Mapping[tuple[str, str], Metric] = {}
"""Metric by task and name."""
