"""Differences and intervals: against definitions, in the cases at the edge, and how often they are wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import brier_score_loss, log_loss, mean_absolute_error, mean_squared_error, roc_auc_score

from bench.windows import Window, window
from monitoring_tasks.retraining.gate import Comparison
from monitoring_tasks.retraining.gate.compare import compare
from monitoring_tasks.retraining.gate.losses import LOSSES
from monitoring_tasks.retraining.gate.sample import Sample, sample

METRICS = ("auc", "log_loss", "brier")
ORACLES = {
    "auc": roc_auc_score,
    "log_loss": log_loss,
    "brier": brier_score_loss,
    "mae": mean_absolute_error,
    "mse": mean_squared_error,
}


def rows_of(seed: int, about: Window, *, days: bool) -> Sample:
    """A window's checked rows, its days drawn as one or not."""
    return sample(window(seed, about), task="binary", days=days)[0]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("days", [True, False])
def test_values_are_scikit_learns(metric: str, days: bool) -> None:
    """Both sides' values agree; the difference is positive where the challenger is better, also for a loss."""
    rows = rows_of(1, Window(800, challenger=0.2), days=days)
    found = compare(metric, rows, confidence=0.95)
    expected = [ORACLES[metric](rows.label, side) for side in (rows.champion, rows.challenger)]
    assert [found.champion, found.challenger] == pytest.approx(expected, abs=1e-9)
    assert found.difference == pytest.approx(abs(expected[1] - expected[0]), abs=1e-9)


@pytest.mark.parametrize("metric", ["mae", "mse"])
def test_losses_of_numbers_are_paired(metric: str) -> None:
    """Without days the interval is that of a paired t-test on the rows' losses."""
    random = np.random.default_rng(2)
    label, champion, challenger = random.normal(size=(3, 60))
    found = compare(metric, Sample(label, champion, challenger), confidence=0.9)
    losses = [LOSSES[metric][0](label, side) for side in (champion, challenger)]
    interval = stats.ttest_rel(*losses).confidence_interval(0.9)
    assert [found.low, found.high] == pytest.approx([interval.low, interval.high])
    assert found.champion == pytest.approx(ORACLES[metric](label, champion))
    assert found.method == "rows"


def test_interval_is_t_with_effective_days() -> None:
    """Half the interval's width is the t quantile, days less one for days of equal size, times the standard error."""
    day = np.repeat(np.arange(9), 40)
    label, champion, challenger = np.random.default_rng(3).normal(size=(3, 360))
    found = compare("mae", Sample(label, champion, challenger, day, day), confidence=0.95)
    assert found.high is not None
    assert found.low is not None
    assert found.standard_error is not None
    assert (found.high - found.low) / 2 == pytest.approx(stats.t.ppf(0.975, 8) * found.standard_error)
    assert (found.method, found.rows, found.days, found.degrees) == ("day blocks", 360, 9, pytest.approx(8))


def test_many_days_are_joined() -> None:
    """A hundred blocks at most; an interval of a year of independent rows is no narrower for it, and days are told."""
    rows = rows_of(4, Window(20_000, days=365), days=True)
    found, alone = compare("auc", rows, confidence=0.95), compare("auc", replace(rows, block=None), confidence=0.95)
    assert rows.blocks == 92
    assert found.days == 365
    assert found.standard_error == pytest.approx(alone.standard_error, rel=0.25)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_has_no_auc(label: float) -> None:
    """AUC is undefined and says so by None; the losses are there."""
    day = np.repeat(np.arange(5), 20)
    rows = Sample(np.full(100, label), *np.random.default_rng(5).random((2, 100)), day, day)
    assert compare("auc", rows, confidence=0.95) == Comparison("auc", *[None] * 7, "day blocks", 100, 5)
    assert compare("brier", rows, confidence=0.95).low is not None


def test_no_rows_have_no_figures() -> None:
    """Nothing in, None out, for either kind of metric."""
    nothing = np.array([])
    for rows in (Sample(*[nothing] * 3), Sample(*[nothing] * 3, nothing.astype(int), nothing.astype(int))):
        for metric in ("auc", "brier"):
            assert compare(metric, rows, confidence=0.95).difference is None


def test_positives_of_one_day_have_no_interval() -> None:
    """AUC's value stands; how it would vary between days cannot be told from one."""
    day = np.repeat(np.arange(8), 20)
    label = (day == 3).astype(float)
    found = compare("auc", Sample(label, *np.random.default_rng(6).random((2, 160)), day, day), confidence=0.95)
    assert found.difference is not None
    assert found.low is found.high is found.standard_error is None


def test_single_rows_have_no_interval() -> None:
    """One positive, or one row, has no standard error."""
    one = Sample(np.array([1.0, 0.0, 0.0]), np.array([0.2, 0.1, 0.3]), np.array([0.9, 0.1, 0.3]))
    assert compare("auc", one, confidence=0.95).low is None
    assert compare("mae", one.take(np.array([0])), confidence=0.95).low is None


def test_days_of_one_class_count() -> None:
    """Days without a positive, or without a negative, take part in the other class's pairs."""
    day = np.repeat(np.arange(6), 30)
    label = np.concatenate([np.zeros(60), np.ones(60), np.tile([0.0, 1.0], 30)])
    champion, challenger = np.random.default_rng(7).random((2, 180))
    found = compare("auc", Sample(label, champion, challenger, day, day), confidence=0.95)
    assert found.champion == pytest.approx(roc_auc_score(label, champion))
    assert found.low is not None


@pytest.mark.parametrize("days", [True, False])
@pytest.mark.parametrize("metric", METRICS)
def test_constant_scores_are_compared(metric: str, days: bool) -> None:
    """A side that says the same of every row has AUC one half, and an interval."""
    rows = rows_of(8, Window(400), days=days)
    found = compare(metric, replace(rows, champion=np.full(400, 0.2)), confidence=0.95)
    assert found.low is not None
    assert found.champion == (0.5 if metric == "auc" else pytest.approx(ORACLES[metric](rows.label, np.full(400, 0.2))))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(METRICS), st.booleans())
def test_swapping_sides_flips_the_sign(seed: int, metric: str, days: bool) -> None:
    """Champion against challenger is the mirror of challenger against champion."""
    rows = rows_of(seed, Window(120, days=5), days=days)
    found = compare(metric, rows, confidence=0.95)
    mirror = compare(metric, replace(rows, champion=rows.challenger, challenger=rows.champion), confidence=0.95)
    assert found.difference == pytest.approx(-(mirror.difference or 0.0), abs=1e-12)
    assert found.low == pytest.approx(mirror.high and -mirror.high, abs=1e-12)
    assert found.standard_error == pytest.approx(mirror.standard_error, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_auc_knows_only_the_order(seed: int, days: bool) -> None:
    """A monotone transform of either side's scores changes no figure."""
    rows = rows_of(seed, Window(120, days=5), days=days)
    bent = replace(rows, champion=rows.champion**3, challenger=np.log(rows.challenger))
    assert compare("auc", bent, confidence=0.95) == compare("auc", rows, confidence=0.95)


REPEATS = 400
MOST = int(stats.binom.ppf(0.99, REPEATS, 0.05))
"""More wrong promotions than this have a chance of 1 % where the true rate is 5 %."""
EQUAL = [
    pytest.param(Window(200, days=7), True, id="200 rows, 7 days"),
    pytest.param(Window(200, days=31), True, id="200 rows, 31 days"),
    pytest.param(Window(200), False, id="200 rows, DeLong"),
    pytest.param(Window(2000, days=7, clustering=0.3), True, id="7 clustered days"),
    pytest.param(Window(2000, days=31, clustering=0.3), True, id="31 clustered days"),
]


@pytest.mark.parametrize(("about", "days"), EQUAL)
def test_equal_challengers_are_seldom_promoted(about: Window, days: bool) -> None:
    """A challenger drawn like the champion has an interval above 0 in at most 5 % of windows, below 0 as seldom."""
    found = [_beyond(rows_of(seed, about, days=days)) for seed in range(REPEATS)]
    above, below = np.sum(found, axis=0)
    assert max(*above, *below) <= MOST
    # Both tails together are near the 5 % that a 95 % interval means: not so wide that nothing would ever pass.
    assert (above + below).min() >= int(stats.binom.ppf(0.001, REPEATS, 0.025))


def _beyond(rows: Sample) -> tuple[list[bool], list[bool]]:
    found = [compare(metric, rows, confidence=0.95) for metric in ("auc", "log_loss")]
    return [(each.low or 0) > 0 for each in found], [(each.high or 0) < 0 for each in found]


def test_rows_of_one_day_are_not_independent() -> None:
    """Taking clustered rows for independent ones promotes equal challengers far too often: what blocks are for."""
    about = Window(2000, days=7, clustering=0.5)
    promoted = sum(_beyond(rows_of(seed, about, days=False))[0][0] for seed in range(200))
    assert promoted > 0.1 * 200


def test_a_better_challengers_interval_covers_the_truth() -> None:
    """Of windows of 14 clustered days, about 95 % have the true improvement within their interval."""
    about = Window(1500, days=14, clustering=0.3, challenger=0.3)
    many = rows_of(0, replace(about, rows=400_000, days=20_000), days=False)
    truth = compare("auc", many, confidence=0.95).difference
    assert truth is not None
    found = [compare("auc", rows_of(seed, about, days=True), confidence=0.95) for seed in range(REPEATS)]
    covered = np.mean([(each.low or 0) <= truth <= (each.high or 0) for each in found])
    assert covered == pytest.approx(0.95, abs=0.03)
