"""Metrics against other ways to the same figure: DeLong, counted pairs, calibration curves, each class alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import f1_score, precision_recall_fscore_support

from monitoring_tasks.performance.classes import f1, f1_weighted, per_class, precision, recall
from monitoring_tasks.performance.metrics import METRICS, Scored
from monitoring_tasks.performance.probabilities import ece
from monitoring_tasks.performance.ranking import auc, average_precision, placements
from monitoring_tasks.performance.threshold import decided
from monitoring_tasks.performance.threshold import f1 as positive_f1
from monitoring_tasks.retraining.gate.auc import delong

ROWS = st.tuples(st.integers(0, 10_000), st.integers(4, 60), st.integers(1, 20))


def binary(seed: int, rows: int, levels: int) -> Scored:
    """Scores on a grid of levels, two rows of each class at least, weights of one."""
    random = np.random.default_rng(seed)
    label = (random.random(rows) < 0.4).astype(float)
    label[:4] = 0, 0, 1, 1
    return Scored(label, random.integers(0, levels + 1, rows) / levels, np.ones(rows))


@given(ROWS)
def test_auc_has_delongs_variance(drawn: tuple[int, int, int]) -> None:
    """Sum of squared influence over the rows squared, each class with one row less for its mean."""
    scored = binary(*drawn)
    positive, found = scored.label == 1, auc(scored)
    # DeLong's error of a difference, the other side being one whose placements are all one half.
    chance, value, error = delong(np.zeros(len(positive)), scored.prediction, positive)
    parts = [np.sum(np.square(found.influence[each])) * each.sum() / (each.sum() - 1) for each in (positive, ~positive)]
    assert found.value == pytest.approx(value, abs=1e-12)
    assert chance == 0.5
    assert math.sqrt(sum(parts)) / len(positive) == pytest.approx(error, abs=1e-12)


@given(ROWS, st.integers(0, 100))
def test_placements_are_counted_pairs(drawn: tuple[int, int, int], seed: int) -> None:
    """The definition, pair by pair, under weights."""
    scored = binary(*drawn)
    weight, positive = np.random.default_rng(seed).uniform(0.5, 2, len(scored.label)), scored.label == 1
    difference = scored.prediction[:, None] - scored.prediction[None, :]
    won = (difference > 0) + 0.5 * (difference == 0)
    below = won[positive][:, ~positive] @ weight[~positive] / weight[~positive].sum()
    above = weight[positive] @ won[positive][:, ~positive] / weight[positive].sum()
    found = placements(scored.prediction, positive, weight)
    assert found[positive] == pytest.approx(below, abs=1e-12)
    assert found[~positive] == pytest.approx(above, abs=1e-12)


def test_one_score_for_all_ranks_nothing() -> None:
    """AUC is one half, average precision the share of positives; no row moves AUC."""
    scored = replace(binary(3, 50, 5), prediction=np.full(50, 0.3))
    assert auc(scored).value == 0.5
    assert not auc(scored).influence.any()
    assert average_precision(scored).value == pytest.approx(scored.label.mean())
    assert average_precision(scored).influence == pytest.approx(scored.label - scored.label.mean())


def test_perfect_order() -> None:
    """Every positive above every negative: both are 1, and no weight can change that."""
    scored = Scored(np.array([0.0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9]), np.array([1.0, 2, 3, 4]))
    for metric in (auc, average_precision):
        assert metric(scored).value == pytest.approx(1, abs=1e-15)
        assert metric(scored).influence == pytest.approx(np.zeros(4), abs=1e-15)


@given(ROWS, st.booleans())
def test_calibration_error_uses_the_bins_of_the_calibration_curve(drawn: tuple[int, int, int], fine: bool) -> None:
    """Scores on the edges of bins fall where scikit-learn puts them: levels of a tenth hit every edge."""
    scored = binary(*drawn[:2], 1000 if fine else 10)
    actual, predicted = calibration_curve(scored.label, scored.prediction, n_bins=10)
    edges = np.linspace(0, 1, 11)
    counts = np.bincount(np.searchsorted(edges[1:-1], scored.prediction), minlength=10)
    expected = np.sum(counts[counts > 0] * np.abs(actual - predicted)) / len(scored.label)
    assert ece(scored).value == pytest.approx(expected, abs=1e-12)


def multiclass(seed: int, rows: int, classes: int) -> Scored:
    """Random classes, right more often than not."""
    random = np.random.default_rng(seed)
    label = random.integers(0, classes, rows)
    prediction = np.where(random.random(rows) < 0.6, label, random.integers(0, classes, rows))
    return Scored(label.astype(float), prediction.astype(float), random.uniform(0.5, 2, rows), classes=classes)


@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(2, 6))
def test_each_class_is_scikit_learns(seed: int, rows: int, classes: int) -> None:
    """Undefined where scikit-learn has to be told what 0 / 0 is; never where it has not."""
    scored = multiclass(seed, rows, classes)
    expected = precision_recall_fscore_support(
        scored.label,
        scored.prediction,
        labels=range(classes),
        sample_weight=scored.weight,
        zero_division=np.nan,
    )
    for name, values in zip(("precision", "recall", "f1"), expected, strict=False):
        found = [each.value for each in per_class(scored, name).values()]  # type: ignore[arg-type]
        assert found == pytest.approx(values, nan_ok=True, abs=1e-12)


@pytest.mark.parametrize(("name", "average"), [("precision", precision), ("recall", recall), ("f1", f1)])
def test_the_average_moves_as_its_classes_do(name: str, average: object) -> None:
    """Influence on a macro average is the mean of those on the classes."""
    scored = multiclass(7, 200, 5)
    each = [measure.influence for measure in per_class(scored, name).values()]  # type: ignore[arg-type]
    assert average(scored).influence == pytest.approx(np.mean(each, axis=0), abs=1e-12)  # type: ignore[operator]


def test_binary_scores_by_class() -> None:
    """The positive class's own F1 is that of the binary metric; weighting it with the other's is scikit-learn's."""
    scored = replace(binary(5, 60, 20), threshold=0.35, weight=np.random.default_rng(1).uniform(0.5, 2, 60))
    classes = decided(scored)
    assert per_class(classes, "f1")[1].value == pytest.approx(positive_f1(scored).value, abs=1e-15)
    expected = f1_score(scored.label, scored.prediction >= 0.35, average="weighted", sample_weight=scored.weight)
    assert f1_weighted(classes).value == pytest.approx(expected, abs=1e-12)


def test_the_interval_of_the_influence_holds_the_truth() -> None:
    """In 95 % of samples of 800 rows, within what 400 samples can tell, the truth is within 1.96 errors of the AUC."""
    truth, held = 0.7602499389065233, 0  # that two normals one apart are in order: Phi(1 / sqrt 2)
    for seed in range(400):
        random = np.random.default_rng(seed)
        label = (random.random(800) < 0.3).astype(float)
        found = auc(Scored(label, random.normal(label), np.ones(800)))
        held += abs(found.value - truth) < 1.96 * math.sqrt(np.mean(np.square(found.influence)) / 800)
    assert 0.925 <= held / 400 <= 0.975


@pytest.mark.parametrize("key", sorted(METRICS), ids="-".join)
def test_the_order_of_rows_changes_only_the_last_bits(key: tuple[str, str]) -> None:
    """Reversed rows give the same value, and each row the same influence."""
    scored = {"binary": binary(2, 50, 7), "multiclass": multiclass(2, 50, 3)}.get(key[0], binary(2, 50, 7))
    if key[0] == "regression":
        scored = replace(scored, label=scored.label + 1)
    if key[0] == "multiclass":
        scored = replace(scored, probabilities=np.random.default_rng(0).dirichlet(np.ones(3), 50))
    turned = replace(
        scored,
        label=scored.label[::-1],
        prediction=scored.prediction[::-1],
        weight=scored.weight[::-1],
        probabilities=None if scored.probabilities is None else scored.probabilities[::-1],
    )
    found, other = (METRICS[key].measure(each) for each in (scored, turned))
    assert found.value == pytest.approx(other.value, rel=1e-13)
    assert found.influence == pytest.approx(other.influence[::-1], abs=1e-12)
