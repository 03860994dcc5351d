"""The table of metrics against scikit-learn, and against weights that really are changed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from monitoring_tasks.performance.metrics import METRICS, Measure, Scored, metrics_of
from monitoring_tasks.performance_section import METRICS_OF

ALL = sorted(METRICS)
AT_RATE = ("recall_at_rate", "precision_at_rate")
SEEDS = st.integers(0, 10_000)


def drawn(task: str, seed: int, rows: int = 40) -> Scored:
    """Rows of a task with ties and unequal weights; both classes occur, no label is 0 in a regression."""
    random = np.random.default_rng(seed)
    weight = random.uniform(0.5, 2, rows)
    if task == "regression":
        label = random.choice([-3.0, 1.5, 2.0, 8.0], rows)
        return Scored(label, label + random.normal(0.3, 1, rows), weight)
    if task == "binary":
        label = (random.random(rows) < 0.4).astype(float)
        label[:2] = 0, 1
        score = np.round(np.clip(random.random(rows) * 0.7 + 0.3 * label, 0, 1), int(random.integers(1, 4)))
        return Scored(label, score, weight, threshold=0.45, alert_rate=0.2)
    label, probabilities = random.integers(0, 4, rows).astype(float), random.dirichlet(np.ones(4), rows)
    return Scored(label, probabilities.argmax(axis=1).astype(float), weight, probabilities, classes=4)


def _yes(scored: Scored) -> np.ndarray:
    return scored.prediction >= scored.threshold


def gaps(scored: Scored) -> np.ndarray:
    """Of each bin that has rows, the sum of score minus label."""
    bins = np.clip(np.ceil(np.round(scored.prediction * 10, 9)) - 1, 0, 9)
    return np.array([np.sum((scored.weight * (scored.prediction - scored.label))[bins == one]) for one in set(bins)])


def _ece(scored: Scored) -> float:
    return float(np.sum(np.abs(gaps(scored))) / scored.weight.sum())


Oracle = Callable[[Scored], float]


def _of(function: Callable[..., float], chosen: Callable[[Scored], np.ndarray], **options: object) -> Oracle:
    return lambda scored: function(scored.label, chosen(scored), sample_weight=scored.weight, **options)


def _score(scored: Scored) -> np.ndarray:
    return scored.prediction


def _probabilities(scored: Scored) -> np.ndarray:
    assert scored.probabilities is not None
    return scored.probabilities


def _difference(scored: Scored) -> float:
    means = (float(np.average(side, weights=scored.weight)) for side in (scored.prediction, scored.label))
    return next(means) - next(means)


def _alerted(scored: Scored) -> tuple[float, float]:
    """Weight of alerted positives and of all alerted rows, from the highest score down, score by score."""
    found, left = 0.0, scored.alert_rate * scored.weight.sum()
    alerted = left
    for score in sorted(set(scored.prediction), reverse=True):
        tied = scored.prediction == score
        part = min(left / scored.weight[tied].sum(), 1.0)
        found += part * scored.weight[tied & (scored.label == 1)].sum()
        left -= part * scored.weight[tied].sum()
    return found, alerted


def _recall_at_rate(scored: Scored) -> float:
    return float(_alerted(scored)[0] / scored.weight[scored.label == 1].sum())


def _precision_at_rate(scored: Scored) -> float:
    found, alerted = _alerted(scored)
    return float(found / alerted)


_MACRO = {"average": "macro", "zero_division": 0}
ORACLES: dict[tuple[str, str], Oracle] = {
    ("binary", "auc"): _of(sklearn_metrics.roc_auc_score, _score),
    ("binary", "average_precision"): _of(sklearn_metrics.average_precision_score, _score),
    ("binary", "recall_at_rate"): _recall_at_rate,
    ("binary", "precision_at_rate"): _precision_at_rate,
    ("binary", "accuracy"): _of(sklearn_metrics.accuracy_score, _yes),
    ("binary", "precision"): _of(sklearn_metrics.precision_score, _yes),
    ("binary", "recall"): _of(sklearn_metrics.recall_score, _yes),
    ("binary", "f1"): _of(sklearn_metrics.f1_score, _yes),
    ("binary", "f1_weighted"): _of(sklearn_metrics.f1_score, _yes, average="weighted", zero_division=0),
    ("binary", "log_loss"): _of(sklearn_metrics.log_loss, _score, labels=[0, 1]),
    ("binary", "brier"): _of(sklearn_metrics.brier_score_loss, _score, labels=[0, 1]),
    ("binary", "ece"): _ece,
    ("binary", "predicted_minus_actual"): _difference,
    ("multiclass", "accuracy"): _of(sklearn_metrics.accuracy_score, _score),
    ("multiclass", "precision"): _of(sklearn_metrics.precision_score, _score, **_MACRO),
    ("multiclass", "recall"): _of(sklearn_metrics.recall_score, _score, **_MACRO),
    ("multiclass", "f1"): _of(sklearn_metrics.f1_score, _score, **_MACRO),
    ("multiclass", "f1_weighted"): _of(sklearn_metrics.f1_score, _score, average="weighted", zero_division=0),
    ("multiclass", "log_loss"): _of(sklearn_metrics.log_loss, _probabilities, labels=[0, 1, 2, 3]),
    ("regression", "mae"): _of(sklearn_metrics.mean_absolute_error, _score),
    ("regression", "rmse"): _of(sklearn_metrics.root_mean_squared_error, _score),
    ("regression", "mape"): _of(sklearn_metrics.mean_absolute_percentage_error, _score),
    ("regression", "r2"): _of(sklearn_metrics.r2_score, _score),
    ("regression", "bias"): _difference,
}


def measured(key: tuple[str, str], scored: Scored) -> Measure:
    """One row of the table, on these rows."""
    return METRICS[key].measure(scored)


def test_the_table_is_what_a_monitor_can_name() -> None:
    """A row for each metric of each task and no other, under its own name; each has its oracle here."""
    assert sorted(METRICS) == sorted((task, name) for task, names in METRICS_OF.items() for name in names)
    assert all(metric.name == name for (_, name), metric in METRICS.items())
    assert ORACLES.keys() == METRICS.keys()


def test_metrics_come_in_the_order_people_are_shown() -> None:
    """All of a task, or the named ones; never one of another task."""
    for task, names in METRICS_OF.items():
        assert tuple(metric.name for metric in metrics_of(task)) == names
    assert [metric.name for metric in metrics_of("binary", ["brier", "auc", "mae"])] == ["auc", "brier"]
    assert metrics_of("binary", []) == ()


@pytest.mark.parametrize("key", ALL, ids="-".join)
@settings(max_examples=40)
@given(seed=SEEDS, rows=st.integers(3, 60))
def test_value_is_that_of_scikit_learn(key: tuple[str, str], seed: int, rows: int) -> None:
    """Or, where it has no such function, of the definition; with weights and ties."""
    scored = drawn(key[0], seed, rows)
    found = measured(key, scored)
    assert type(found.value) is float
    if math.isnan(found.value):
        assert found.reason
    else:
        assert found.value == pytest.approx(ORACLES[key](scored), abs=1e-10, rel=1e-10)


@pytest.mark.parametrize("key", ALL, ids="-".join)
@settings(max_examples=40)
@given(seed=SEEDS)
def test_influence_is_what_a_changed_weight_does(key: tuple[str, str], seed: int) -> None:
    """Derivative of the value by each row's weight, times the sum of the weights."""
    scored = drawn(key[0], seed, 12)
    if key[1] in AT_RATE:  # smoothed about the cut: exact where all rows around it tie, of whatever weights
        scored = replace(scored, prediction=np.where(np.argsort(scored.prediction) < 8, 0.7, scored.prediction / 2))
    assume(key[1] != "ece" or np.abs(gaps(scored)).min() > 0.001)  # at a kink the two sides differ
    found = measured(key, scored)
    if math.isnan(found.value):
        assert np.isnan(found.influence).all()
        return
    step = 1e-5
    moved = [
        measured(key, replace(scored, weight=scored.weight + side * step * (np.arange(12) == row))).value
        for row in range(12)
        for side in (1, -1)
    ]
    slope = (np.array(moved[::2]) - np.array(moved[1::2])) / (2 * step) * scored.weight.sum()
    assert found.influence == pytest.approx(slope, abs=2e-4, rel=1e-4)


@pytest.mark.parametrize("key", ALL, ids="-".join)
@settings(max_examples=40)
@given(seed=SEEDS, rows=st.integers(3, 200), scale=st.floats(0.01, 100))
def test_influence_averages_to_nothing(key: tuple[str, str], seed: int, rows: int, scale: float) -> None:
    """All weights larger by the same factor change neither value nor influence."""
    scored = drawn(key[0], seed, rows)
    found, other = measured(key, scored), measured(key, replace(scored, weight=scored.weight * scale))
    if not math.isnan(found.value):
        assert np.average(found.influence, weights=scored.weight) == pytest.approx(0, abs=1e-9)
        assert other.value == pytest.approx(found.value, rel=1e-9, abs=1e-12)
        assert other.influence == pytest.approx(found.influence, rel=1e-7, abs=1e-9)


def _without(scored: Scored, row: int) -> Scored:
    keep = np.arange(len(scored.label)) != row
    probabilities = None if scored.probabilities is None else scored.probabilities[keep]
    return replace(
        scored,
        label=scored.label[keep],
        prediction=scored.prediction[keep],
        weight=scored.weight[keep],
        probabilities=probabilities,
    )


@pytest.mark.parametrize("key", [key for key in ALL if key[1] not in ("ece", *AT_RATE)], ids="-".join)
def test_influence_gives_the_error_of_the_jackknife(key: tuple[str, str]) -> None:
    """Variance from the influence is that of leaving out each row, within 4 % at 400 rows; some are not smooth."""
    scored = replace(drawn(key[0], 5, 400), weight=np.ones(400))
    left_out = np.array([measured(key, _without(scored, row)).value for row in range(400)])
    jackknife = 399 / 400 * np.sum(np.square(left_out - left_out.mean()))
    assert np.mean(np.square(measured(key, scored).influence)) / 400 == pytest.approx(jackknife, rel=0.04)


@pytest.mark.parametrize("key", ALL, ids="-".join)
def test_weights_count_rows(key: tuple[str, str]) -> None:
    """A row of weight 2 is the same as the row twice."""
    scored = drawn(key[0], 8)
    weight = np.where(np.arange(40) % 3, 1.0, 2.0)
    twice = np.repeat(np.arange(40), weight.astype(int))
    probabilities = None if scored.probabilities is None else scored.probabilities[twice]
    repeated = replace(
        scored,
        label=scored.label[twice],
        prediction=scored.prediction[twice],
        weight=np.ones(len(twice)),
        probabilities=probabilities,
    )
    found, other = measured(key, replace(scored, weight=weight)), measured(key, repeated)
    assert found.value == pytest.approx(other.value, rel=1e-12)
    assert found.influence[twice] == pytest.approx(other.influence, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("key", ALL, ids="-".join)
def test_without_rows_nothing_is_defined(key: tuple[str, str]) -> None:
    """Never 0, never an error, never a warning."""
    empty = np.zeros(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value, influence, reason = measured(key, Scored(empty, empty, empty))
    assert math.isnan(value)
    assert influence.shape == (0,)
    assert reason == "no labelled rows"
