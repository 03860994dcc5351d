"""Recall and precision where a share of the rows is alerted: ties, edges, and how far other samples would differ."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.performance.alerted import precision_at_rate, recall_at_rate
from monitoring_tasks.performance.measure import Scored
from monitoring_tasks.performance.metrics import METRICS
from monitoring_tasks.performance.point import Asked, point
from monitoring_tasks.performance.ranking import average_precision
from monitoring_tasks.performance.spread import Spread
from tests.performance.simulated import WEEK, frauds


def scored(label: list[float], score: list[float], rate: float) -> Scored:
    """Rows of weight one."""
    return Scored(np.array(label), np.array(score), np.ones(len(label)), alert_rate=rate)


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([0.2, 0.5, 0.9])), min_size=2, max_size=6).filter(
        lambda rows: len({label for label, _ in rows}) == 2
    ),
    st.integers(1, 3),
)
def test_ties_count_as_if_they_were_drawn(rows: list[tuple[bool, float]], alerted: int) -> None:
    """Both figures are the means over all orders in which rows of one score can come."""
    count, positives = len(rows), sum(label for label, _ in rows)
    alerted = min(alerted, count // 2)
    orders = [sorted(order, key=lambda row: -row[1]) for order in permutations(rows)]
    found = np.mean([sum(label for label, _ in order[:alerted]) for order in orders])
    some = scored([float(label) for label, _ in rows], [score for _, score in rows], alerted / count)
    assert recall_at_rate(some).value == pytest.approx(found / positives)
    assert precision_at_rate(some).value == pytest.approx(found / alerted)


def test_a_part_of_a_row_counts_as_that_part() -> None:
    """A quarter of six rows is a row and a half: the second counts half."""
    some = scored([1, 1, 0, 0, 0, 0], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4], 0.25)
    assert recall_at_rate(some).value == 0.75
    assert precision_at_rate(some).value == 1.0


def test_one_score_for_all_finds_the_rate() -> None:
    """Recall is the rate, precision the share of positives, and every row moves them as it moves these."""
    some = scored([1.0] + [0.0] * 99, [0.3] * 100, 0.01)
    assert recall_at_rate(some).value == pytest.approx(0.01)
    assert recall_at_rate(some).influence == pytest.approx(0, abs=1e-12)
    assert precision_at_rate(some).value == pytest.approx(0.01)
    assert precision_at_rate(some).influence == pytest.approx(some.label - 0.01)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_cannot_be_found_or_missed(label: float) -> None:
    """Undefined, and it says why."""
    for metric in (recall_at_rate, precision_at_rate):
        found = metric(scored([label] * 3, [0.1, 0.2, 0.3], 0.3))
        assert math.isnan(found.value)
        assert found.reason == f"all 3 labels are {label:g}"


def test_rows_without_a_score_are_not_alerted() -> None:
    """A row without a prediction, or without a label, is no part of the share."""
    rows = frauds(1, days=7, rows=1000)
    gone = rows.take(slice(None))
    gone.prediction[::3] = np.nan
    kept = gone.take(~np.isnan(gone.prediction))
    for name in ("recall_at_rate", "precision_at_rate"):
        metric = METRICS["binary", name]
        assert point(metric, gone, Asked("binary", (name,))) == point(metric, kept, Asked("binary", (name,)))


@pytest.mark.parametrize(
    ("name", "rate"), [("average_precision", 0.01), ("recall_at_rate", 0.01), ("precision_at_rate", 0.05)]
)
def test_rare_positives_scatter_as_told(name: str, rate: float) -> None:
    """Three positives in a thousand rows: 200 samples differ by what each says, and 95 % of intervals hold the truth.

    In 400 samples deviations are within 5 % of those told, and 93 to 96 % of the intervals hold it.
    """
    metric, asked = METRICS["binary", name], Asked("binary", (name,), alert_rate=rate)
    truth = point(metric, frauds(0, days=100, rows=5000), asked).value
    found = [point(metric, frauds(seed, days=1, rows=20_000), asked) for seed in range(1, 201)]
    values, chance = (np.array([getattr(each, part) for each in found]) for part in ("value", "chance"))
    assert values.std() == pytest.approx(math.sqrt(chance.mean()), rel=0.12)
    assert np.mean(np.abs(values - truth) < 1.96 * np.sqrt(chance)) == pytest.approx(0.95, abs=0.035)


@pytest.mark.parametrize("name", ["average_precision", "recall_at_rate"])
def test_intervals_of_weeks_hold_the_truth(name: str) -> None:
    """Days on which fraud is seen well or badly: intervals of weeks hold the mean of all, and are not too wide."""
    metric, asked = METRICS["binary", name], Asked("binary", (name,))
    found = [point(metric, frauds(seed, days=7, rows=2000, effect=0.7), asked) for seed in range(100, 172)]
    values, margins = np.array([each.value for each in found]), np.zeros(len(found))
    for seed in range(6):
        spread = Spread.learn(metric, frauds(seed, days=60, rows=2000, effect=0.7), asked, WEEK)
        assert spread is not None
        assert spread.between > 0
        margins[seed::6] = [spread.margin(each, 0.95) for each in found[seed::6]]
    assert np.mean(np.abs(values - values.mean()) < margins) >= 0.9
    assert margins.mean() < 1.4 * 1.96 * values.std()


def test_a_perfect_order_finds_all_that_fit() -> None:
    """With fewer positives than alerts recall is 1; with more, precision is, and average precision both times."""
    few, many = scored([1, 0, 0, 0], [0.9, 0.3, 0.2, 0.1], 0.5), scored([1, 1, 1, 0], [0.9, 0.8, 0.7, 0.1], 0.25)
    assert (recall_at_rate(few).value, precision_at_rate(few).value) == (1.0, 0.5)
    assert (recall_at_rate(many).value, precision_at_rate(many).value) == (pytest.approx(1 / 3), 1.0)
    assert average_precision(few).value == average_precision(many).value == 1.0
