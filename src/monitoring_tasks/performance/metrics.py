"""The metrics: one function and one row of a table each.

Values are scikit-learn's to the last few bits, which a test holds; they are computed here because the influence of each
row takes the same sort and the same sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from monitoring_tasks.performance import alerted, classes, probabilities, ranking, regression, threshold
from monitoring_tasks.performance.measure import Function, Measure, Scored
from monitoring_tasks.performance_section import METRICS_OF

__all__ = ["METRICS", "Measure", "Metric", "Scored", "metrics_of"]


@dataclass(frozen=True)
class Metric:
    """One row of the table: what it is called, whether less of it is worse, and how it is computed.

    `form` is how people read it: four decimals where it is a share or nearly, four digits where it has a unit.
    """

    name: str
    worse: Literal["lower", "higher", "either"]
    measure: Function
    form: str = ".4f"


METRICS: Mapping[tuple[str, str], Metric] = {
    ("binary", "auc"): Metric("auc", "lower", ranking.auc),
    ("binary", "average_precision"): Metric("average_precision", "lower", ranking.average_precision),
    ("binary", "recall_at_rate"): Metric("recall_at_rate", "lower", alerted.recall_at_rate),
    ("binary", "precision_at_rate"): Metric("precision_at_rate", "lower", alerted.precision_at_rate),
    ("binary", "accuracy"): Metric("accuracy", "lower", threshold.accuracy),
    ("binary", "precision"): Metric("precision", "lower", threshold.precision),
    ("binary", "recall"): Metric("recall", "lower", threshold.recall),
    ("binary", "f1"): Metric("f1", "lower", threshold.f1),
    ("binary", "f1_weighted"): Metric("f1_weighted", "lower", threshold.f1_weighted),
    ("binary", "log_loss"): Metric("log_loss", "higher", probabilities.log_loss),
    ("binary", "brier"): Metric("brier", "higher", probabilities.brier),
    ("binary", "ece"): Metric("ece", "higher", probabilities.ece),
    ("binary", "predicted_minus_actual"): Metric(
        "predicted_minus_actual", "either", probabilities.predicted_minus_actual
    ),
    ("multiclass", "accuracy"): Metric("accuracy", "lower", classes.accuracy),
    ("multiclass", "precision"): Metric("precision", "lower", classes.precision),
    ("multiclass", "recall"): Metric("recall", "lower", classes.recall),
    ("multiclass", "f1"): Metric("f1", "lower", classes.f1),
    ("multiclass", "f1_weighted"): Metric("f1_weighted", "lower", classes.f1_weighted),
    ("multiclass", "log_loss"): Metric("log_loss", "higher", probabilities.log_loss_of_classes),
    ("regression", "mae"): Metric("mae", "higher", regression.mae, ".4g"),
    ("regression", "rmse"): Metric("rmse", "higher", regression.rmse, ".4g"),
    ("regression", "mape"): Metric("mape", "higher", regression.mape),
    ("regression", "r2"): Metric("r2", "lower", regression.r2),
    ("regression", "bias"): Metric("bias", "either", regression.bias, ".4g"),
}
"""Metric by task and name."""


def metrics_of(task: str, names: Iterable[str] | None = None) -> tuple[Metric, ...]:
    """The metrics of a task, or those of them that are named, in the order in which people are shown them.

    >>> [metric.name for metric in metrics_of("regression", {"rmse", "mae"})]
    ['mae', 'rmse']
    """
    wanted = METRICS_OF[task] if names is None else set(names)
    return tuple(METRICS[task, name] for name in METRICS_OF[task] if name in wanted)
