"""Draws of whole blocks: against drawing rows, and against the spread of windows drawn anew."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bench.windows import Window, window
from monitoring_tasks.retraining.gate import bootstrap
from monitoring_tasks.retraining.gate.bootstrap import DRAWS, degrees, standard_error, weights
from monitoring_tasks.retraining.gate.compare import compare
from monitoring_tasks.retraining.gate.sample import Sample, sample


def resampled(metric: str, rows: Sample, draws: int) -> float:
    """Standard error by really drawing the rows of days, and computing the metric of those."""
    assert rows.block is not None
    random = np.random.default_rng(3)
    days = [np.flatnonzero(rows.block == day) for day in range(rows.blocks)]
    found = []
    for _ in range(draws):
        at = np.concatenate([days[day] for day in random.integers(0, len(days), len(days))])
        sides = [_metric(metric, rows.label[at], side[at]) for side in (rows.champion, rows.challenger)]
        found.append(sides[1] - sides[0])
    return float(np.std(found, ddof=1) * np.sqrt(len(days) / (len(days) - 1)))


def _metric(metric: str, label: np.ndarray, score: np.ndarray) -> float:
    if metric == "auc":
        return float(roc_auc_score(label, score))
    given = np.where(label == 1, score, 1 - score)
    return float(-np.log(given).mean() if metric == "log_loss" else ((1 - given) ** 2).mean())


@pytest.mark.parametrize("metric", ["auc", "log_loss", "brier"])
def test_error_is_that_of_drawing_rows(metric: str) -> None:
    """Weights on sums of days give the standard error that re-sampled rows give, within the noise of both."""
    rows, _ = sample(window(7, Window(rows=900, days=12, clustering=0.4)), task="binary", days=True)
    found = compare(metric, rows, confidence=0.95)
    assert found.standard_error == pytest.approx(resampled(metric, rows, 300), rel=0.13)


def test_draws_are_whole_and_always_the_same() -> None:
    """Each draw has as many blocks as there are, each block as often as any other, and the same bytes every time."""
    bootstrap.weights.cache_clear()
    first = weights(31)
    bootstrap.weights.cache_clear()
    assert first.tobytes() == weights(31).tobytes()
    assert np.all(first.sum(axis=1) == 31)
    assert first.mean(axis=0) == pytest.approx(np.ones(31), abs=0.1)
    assert first.var(axis=0).mean() == pytest.approx(30 / 31, abs=0.05)


def test_error_of_a_mean_of_equal_days() -> None:
    """For days of equal size it is the sample's own: standard deviation of daily means over the root of days."""
    means = np.random.default_rng(1).normal(size=4)
    expected = means.std(ddof=1) / np.sqrt(4)
    assert standard_error(lambda drawn: drawn @ means / 4, 4) == pytest.approx(expected, rel=0.06)


def test_too_few_blocks_or_draws_have_no_error() -> None:
    """Two blocks say nothing; nor does a statistic that most draws leave undefined."""
    assert standard_error(lambda drawn: drawn[:, 0], 2) is None
    nearly = np.where(np.arange(DRAWS) < DRAWS // 2 + 1, np.nan, 1.0)
    assert standard_error(lambda drawn: nearly + 0 * drawn[:, 0], 5) is None


def test_degrees_follow_the_class_that_fewer_days_hold() -> None:
    """Equal days count fully; positives on one day of ten count as one."""
    even, single = np.full(10, 4.0), np.eye(10)[0]
    assert degrees(even) == 9
    assert degrees(even, single) == 1
