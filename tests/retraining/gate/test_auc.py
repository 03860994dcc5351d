"""AUC, DeLong's error and the table of pairs, against definitions that count every pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from monitoring_tasks.retraining.gate.auc import delong, pairs

LABELS = st.lists(st.booleans(), min_size=4, max_size=40).filter(lambda each: 2 <= sum(each) <= len(each) - 2)


def kernel(score: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Of every positive against every negative: 1 won, one half tied, 0 lost."""
    difference = score[positive][:, None] - score[~positive][None, :]
    return (difference > 0) + 0.5 * (difference == 0)


def drawn(seed: int, rows: int, levels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two sides' scores with ties, and labels."""
    random = np.random.default_rng(seed)
    positive = random.random(rows) < 0.3
    return *(np.round((random.random(rows) + 0.3 * positive) * levels) / levels for _ in range(2)), positive


@given(LABELS, st.integers(0, 1000), st.integers(1, 30))
def test_delong_is_the_definition(labels: list[bool], seed: int, levels: int) -> None:
    """AUC and error agree with structural components by counting pairs; AUC with scikit-learn."""
    positive = np.array(labels)
    first, second = np.random.default_rng(seed).integers(0, levels, (2, len(labels))) / levels
    champion, challenger, error = delong(first, second, positive)
    counted = [kernel(side, positive) for side in (first, second)]
    rows = np.cov([each.mean(axis=1) for each in counted]) / positive.sum()
    rows += np.cov([each.mean(axis=0) for each in counted]) / (~positive).sum()
    assert champion == pytest.approx(roc_auc_score(positive, first), abs=1e-12)
    assert challenger == pytest.approx(counted[1].mean(), abs=1e-12)
    assert error == pytest.approx(np.sqrt(max(rows[0, 0] + rows[1, 1] - 2 * rows[0, 1], 0)), abs=1e-7)


def test_delong_error_is_about_that_of_drawing_rows_anew() -> None:
    """Over a thousand samples, the standard deviation of the difference is DeLong's error within 8 %."""
    found = np.array([_difference(*drawn(seed, 300, 50)) for seed in range(1000)])
    assert found[:, 0].std() == pytest.approx(found[:, 1].mean(), rel=0.08)


def _difference(first: np.ndarray, second: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    champion, challenger, error = delong(first, second, positive)
    assert error is not None
    return challenger - champion, error


def test_identical_scores_have_no_error() -> None:
    """The same scores differ by nothing, for certain."""
    first, _, positive = drawn(1, 200, 10)
    assert delong(first, first, positive)[2] == 0


def test_a_single_row_of_a_class_has_no_error() -> None:
    """One positive gives an AUC and no standard error."""
    positive = np.array([True, False, False])
    assert delong(np.array([0.5, 0.5, 0.1]), np.array([0.9, 0.5, 0.1]), positive) == (0.75, 1.0, None)


def test_constant_scores_place_everything_half_way() -> None:
    """Ties count half."""
    constant = np.full(5, 0.3)
    assert delong(constant, constant, np.array([True, True, False, False, False])) == (0.5, 0.5, 0.0)


@settings(max_examples=60)
@given(LABELS, st.integers(0, 1000), st.integers(1, 8), st.integers(1, 6))
def test_pairs_of_blocks_are_counted(labels: list[bool], seed: int, levels: int, blocks: int) -> None:
    """Every pair of blocks holds what counting finds, ties and blocks without a class among them."""
    random = np.random.default_rng(seed)
    positive, block = np.array(labels), np.sort(random.integers(0, blocks, len(labels)))
    score = random.integers(0, levels, len(labels)) / levels
    counted = np.zeros((blocks, blocks))
    np.add.at(counted, (block[positive][:, None], block[~positive][None, :]), kernel(score, positive))
    assert np.array_equal(pairs(score, positive, block, blocks), counted)


def test_weighted_auc_is_that_of_repeated_rows() -> None:
    """The quadratic form under weights of blocks is scikit-learn's AUC of rows repeated as often, exactly."""
    score, _, positive = drawn(5, 400, 20)
    random = np.random.default_rng(6)
    block, weight = np.sort(random.integers(0, 7, 400)), random.integers(0, 4, 7).astype(float)
    table = pairs(score, positive, block, 7)
    possible = (weight[block] * positive).sum() * (weight[block] * ~positive).sum()
    again = np.repeat(np.arange(400), weight[block].astype(int))
    assert weight @ table @ weight / possible == pytest.approx(roc_auc_score(positive[again], score[again]), abs=1e-12)
    assert weight @ table @ weight / possible == pytest.approx(
        roc_auc_score(positive, score, sample_weight=weight[block]), abs=1e-12
    )
