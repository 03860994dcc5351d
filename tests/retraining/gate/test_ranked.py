"""Average precision and recall at a rate of both sides: values, errors, and how often intervals are wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score

from bench.windows import Window, window
from monitoring_tasks.performance.measure import Scored
from monitoring_tasks.retraining.gate import Comparison
from monitoring_tasks.retraining.gate.bootstrap import weights
from monitoring_tasks.retraining.gate.compare import compare
from monitoring_tasks.retraining.gate.ranked import RANKED
from monitoring_tasks.retraining.gate.sample import Sample, sample
from monitoring_tasks.retraining.gate.segments import compare_segments
from monitoring_tasks.retraining_section import Gate

FRAUD = Window(20_000, days=30, clustering=0.3, odds=-9.0, spread=2.5)
"""About three positives in a thousand rows, on thirty days of unequal size."""


def rows_of(seed: int, about: Window = FRAUD, *, days: bool = True) -> Sample:
    """A window's checked rows, its days drawn as one or not."""
    return sample(window(seed, about), task="binary", days=days)[0]


@pytest.mark.parametrize("days", [True, False])
def test_average_precision_is_scikit_learns(days: bool) -> None:
    """Of both sides, tied scores included; the difference is positive where the challenger is better."""
    rows = rows_of(1, days=days)
    rows = replace(rows, challenger=np.round(rows.challenger, 3))
    found = compare("average_precision", rows, confidence=0.95)
    expected = [average_precision_score(rows.label, side) for side in (rows.champion, rows.challenger)]
    assert [found.champion, found.challenger] == pytest.approx(expected, abs=1e-12)
    assert found.difference == pytest.approx(expected[1] - expected[0], abs=1e-12)
    assert found.method == ("day blocks" if days else "rows")


def test_recall_at_a_rate_is_counted() -> None:
    """Of the two hundred highest of 20,000 scores, the share of all positives among them."""
    rows = rows_of(2)
    found = compare("recall_at_rate", rows, confidence=0.95, alert_rate=0.01)
    for value, side in ((found.champion, rows.champion), (found.challenger, rows.challenger)):
        assert value == pytest.approx(rows.label[np.argsort(-side)[:200]].sum() / rows.label.sum())


def test_average_precision_is_that_without_each_day() -> None:
    """The error is the jackknife's of scikit-learn's figure, days without a positive and tied scores included."""
    rows = rows_of(4, replace(FRAUD, rows=4000))
    rows = replace(rows, champion=np.round(rows.champion, 3))
    assert rows.block is not None
    kept = [rows.block != each for each in range(rows.blocks)]
    values = [
        average_precision_score(rows.label[each], rows.challenger[each])
        - average_precision_score(rows.label[each], rows.champion[each])
        for each in kept
    ]
    assert len(np.unique(rows.block[rows.label == 1])) < rows.blocks
    found = compare("average_precision", rows, confidence=0.95).standard_error
    assert found == pytest.approx(np.std(values) * np.sqrt(rows.blocks - 1))


def test_the_error_of_recall_is_that_of_blocks_ranked_anew() -> None:
    """Over windows, within a tenth of the standard deviation over draws of days in which every row is ranked again."""
    metric, ratios = "recall_at_rate", []
    for seed in range(4):
        rows = rows_of(seed)
        assert rows.block is not None
        drawn = weights(rows.blocks, 100)
        values = [_difference(metric, rows, each[rows.block]) for each in drawn]
        found = compare(metric, rows, confidence=0.95).standard_error
        assert found is not None
        ratios.append(found / (np.std(values, ddof=1) * np.sqrt(rows.blocks / (rows.blocks - 1))))
    assert np.mean(ratios) == pytest.approx(1, abs=0.1)


def _difference(metric: str, rows: Sample, weight: np.ndarray) -> float:
    drawn = weight > 0
    first, second = (
        RANKED[metric](Scored(rows.label[drawn], side[drawn], weight[drawn])).value
        for side in (rows.champion, rows.challenger)
    )
    return second - first


REPEATS = 200
MOST = int(stats.binom.ppf(0.99, REPEATS, 0.025))
"""More wrong promotions than this have a chance of 1 % where the true rate is 2.5 %."""


@pytest.mark.parametrize("days", [True, False])
def test_equal_challengers_are_seldom_promoted(days: bool) -> None:
    """Of rare positives, a challenger drawn like the champion has an interval above 0 in 2.5 % of windows at most."""
    about = FRAUD if days else replace(FRAUD, clustering=0.0)
    found = [[_beyond(metric, rows_of(seed, about, days=days)) for metric in RANKED] for seed in range(REPEATS)]
    assert np.sum(found, axis=0).max() <= MOST
    assert np.sum(found) > 0


def _beyond(metric: str, rows: Sample) -> tuple[bool, bool]:
    found = compare(metric, rows, confidence=0.95)
    return (found.low or 0) > 0, (found.high or 0) < 0


def test_better_challengers_are_seen() -> None:
    """One that ranks with little noise, instead of much, is seen in most months of 130 frauds."""
    about = replace(FRAUD, rows=50_000, clustering=0.1, champion=3.0, challenger=0.2)
    found = [[_beyond(metric, rows_of(seed, about))[0] for metric in RANKED] for seed in range(12)]
    assert np.mean(found, axis=0).min() > 0.7


@pytest.mark.parametrize("metric", sorted(RANKED))
def test_what_has_no_figures_or_no_interval(metric: str) -> None:
    """One class, or no rows: every figure is None. Positives of a single day, or one alone: a value, no interval."""
    day = np.repeat(np.arange(5), 20)
    one = Sample(np.zeros(100), *np.random.default_rng(5).random((2, 100)), day, day)
    rate = 0.01 if metric == "recall_at_rate" else None
    assert compare(metric, one, confidence=0.95) == Comparison(metric, *[None] * 7, "day blocks", 100, 5, rate)
    nothing = np.array([])
    assert compare(metric, Sample(nothing, nothing, nothing), confidence=0.95).difference is None
    for label, rows in (((day == 3), one), (np.arange(100) == 7, replace(one, day=None, block=None))):
        found = compare(metric, replace(rows, label=label.astype(float)), confidence=0.95)
        assert found.difference is not None
        assert found.low is found.high is found.standard_error is None


@pytest.mark.parametrize("metric", sorted(RANKED))
def test_segments_need_rows_of_both_classes(metric: str) -> None:
    """Each value is compared at the gate's own rate; with fewer than ten positives none is."""
    rows = rows_of(3, Window(6000, days=14))
    values = np.where(np.arange(len(rows)) % 2, "even", "odd").astype(object)
    values[np.flatnonzero(rows.label == 0)[::9]] = "never"
    (found,) = compare_segments(rows, {"place": values}, metric, Gate(alert_rate=0.2))
    assert [each.value for each in found.judged] == ["even", "odd"]
    own = compare(metric, rows.take(np.flatnonzero(values == "odd")), confidence=0.95, alert_rate=0.2)
    assert found.judged[1].comparison == own
    assert found.left == 1
