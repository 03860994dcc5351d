"""How late labels come, by outcome, and the weights that undo it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_tasks.performance.delays import LEAST_KNOWN, DelayCurve
from monitoring_tasks.performance.outcomes import NEVER, Floats, Outcomes, Whole, microseconds

NOW = datetime(2013, 6, 1, tzinfo=UTC)
HOUR = 3_600_000_000


def rows(ages: Whole, labels: Floats) -> Outcomes:
    """Predictions of some ages at `NOW`, oldest first; a label of NaN is not known."""
    moment = microseconds(NOW) - ages
    known = np.where(np.isnan(labels), NEVER, moment)
    never = np.full(len(ages), NEVER)
    return Outcomes(moment=moment, prediction=np.full(len(ages), 0.5), label=labels, known=known, previous=never)


def curve(delays: Whole, labels: Floats, task: str = "binary") -> DelayCurve:
    """A curve that could be learnt."""
    found = DelayCurve.learn(delays, labels, task)
    assert found is not None
    return found


def test_share_known_is_that_of_delays_up_to_the_age() -> None:
    """Each class has its own curve: the empirical distribution of its delays, to half a percent."""
    random = np.random.default_rng(1)
    labels = random.integers(0, 2, 20_000).astype(float)
    delays = (random.exponential(np.where(labels == 1, 40.0, 10.0)) * HOUR).astype(np.int64)
    found = curve(delays, labels)
    for age in (0, 1, 10, 30, 200):
        for label in (0.0, 1.0):
            expected = np.mean(delays[labels == label] <= age * HOUR)
            assert found.known(np.array([age * HOUR], float), np.array([label]))[0] == pytest.approx(
                expected, abs=0.005
            )


def test_labels_that_come_at_once_are_all_known_then() -> None:
    """A batch of labels after exactly a day: none before, all from then on."""
    found = curve(np.full(300, 24 * HOUR), np.zeros(300))
    ages = np.array([24 * HOUR - 1, 24 * HOUR, 30 * HOUR], float)
    assert found.known(ages, np.zeros(3)).tolist() == [0, 1, 1]


def test_rare_and_new_classes_share_a_curve() -> None:
    """A class of fewer than fifty rows has none of its own, nor has one that was never seen."""
    labels = np.repeat([0.0, 1.0, 2.0, 3.0], [300, 100, 30, 25])
    delays = (np.repeat([1, 2, 30, 30], [300, 100, 30, 25]) * HOUR).astype(np.int64)
    found = curve(delays, labels, "multiclass")
    assert found.outcomes.tolist() == [0, 1]
    ages = np.full(5, 10.0 * HOUR)
    assert found.known(ages, np.array([0.0, 1.0, 2.0, 3.0, 9.0])).tolist() == [1, 1, 0, 0, 0]


def test_a_regression_has_a_curve_for_each_tenth() -> None:
    """Large outcomes come later; a tenth's rows tell."""
    outcome = np.arange(1000.0)
    found = curve((outcome * HOUR).astype(np.int64), outcome, "regression")
    assert len(found.ages) == 10
    known = found.known(np.full(3, 500.0 * HOUR), np.array([50.0, 550.0, 2000.0]))
    assert known[0] == 1
    assert known[1] == pytest.approx(0.005, abs=0.01)
    assert known[2] == 0


def test_too_few_delays_teach_nothing() -> None:
    """Rows without a label time do not count."""
    assert DelayCurve.learn(np.full(199, HOUR), np.zeros(199), "binary") is None
    delays = np.where(np.arange(300) < 150, NEVER, HOUR)
    assert DelayCurve.learn(delays, np.zeros(300), "binary") is None
    assert DelayCurve.learn(np.full(300, HOUR), np.full(300, np.nan), "binary") is None


def test_labels_before_their_predictions_have_no_delay() -> None:
    """Clocks differ: what was known before is known at once."""
    found = curve(np.full(300, -HOUR), np.zeros(300))
    assert found.known(np.zeros(1), np.zeros(1)).tolist() == [1]


def test_weights_are_one_over_the_chance_of_being_known() -> None:
    """Normalised to mean 1 among the labelled rows; unlabelled rows have none."""
    found = curve((np.arange(400) // 2 * HOUR).astype(np.int64), np.tile([0.0, 1.0], 200))
    ages = np.array([180, 100, 50, 20], np.int64) * HOUR
    weighed = found.weights(rows(ages, np.array([0.0, 1.0, np.nan, 1.0])), NOW)
    chance = found.known(ages.astype(float), np.array([0.0, 1.0, 0.0, 1.0]))[[0, 1, 3]]
    assert weighed.weights[2] == 0
    np.testing.assert_allclose(weighed.weights[[0, 1, 3]], 1 / chance / np.mean(1 / chance))
    assert weighed.young == 0


def test_rows_too_young_for_some_outcome_are_left_out_and_told() -> None:
    """At an age at which late labels are hardly known early ones stand for themselves only."""
    labels = np.repeat([0.0, 1.0], 200)
    found = curve((np.repeat([1, 50], 200) * HOUR).astype(np.int64), labels)
    weighed = found.weights(rows(np.array([60, 20, 2], np.int64) * HOUR, np.array([1.0, 0.0, 0.0])), NOW)
    assert weighed.weights.tolist() == [1, 0, 0]
    assert weighed.young == 2


def test_a_window_all_too_young_has_no_weight() -> None:
    """There is nothing to normalise, and no warning."""
    found = curve(np.full(300, 50 * HOUR), np.zeros(300))
    weighed = found.weights(rows(np.array([HOUR]), np.zeros(1)), NOW)
    assert weighed.weights.tolist() == [0]
    assert weighed.young == 1


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_curve_survives_json(task: str) -> None:
    """As an artifact it gives the same weights, to the bit."""
    random = np.random.default_rng(2)
    labels = random.integers(0, 2, 500).astype(float)
    found = curve(random.integers(0, 100, 500) * HOUR, labels, task)
    again = DelayCurve.from_json(json.loads(json.dumps(found.to_json())))
    ages = np.sort(random.integers(0, 120, 500) * HOUR)[::-1]
    one, other = (each.weights(rows(ages, labels), NOW) for each in (found, again))
    assert one.weights.tobytes() == other.weights.tobytes()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 80))
def test_weights_are_bounded_and_favour_what_is_seldom_known(seed: int, hours: int) -> None:
    """None is above 20 times another; of two rows of one age, that of the later outcome never weighs less."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, 400).astype(float)
    delays = ((random.exponential(10, 400) + 10 * labels) * HOUR).astype(np.int64)
    found = curve(delays, labels)
    ages = np.full(400, hours * HOUR)
    weights = found.weights(rows(ages, labels), NOW).weights
    counted = weights[weights > 0]
    if len(counted):
        assert counted.max() / counted.min() <= 1 / LEAST_KNOWN + 1e-9
        chance = found.known(np.full(2, hours * HOUR, float), np.array([0.0, 1.0]))
        assert (chance[0] >= chance[1]) == (weights[labels == 1][0] >= weights[labels == 0][0])


def test_a_later_look_needs_no_weights() -> None:
    """Once every delay has passed all rows count the same."""
    found = curve(np.arange(300) * HOUR, np.tile([0.0, 1.0], 150))
    old = rows(np.full(50, 300 * HOUR), np.tile([0.0, 1.0], 25))
    np.testing.assert_array_equal(found.weights(old, NOW + timedelta(days=1)).weights, np.ones(50))


def test_where_one_label_in_fifty_is_known_a_row_is_too_young() -> None:
    """A weight of fifty is none."""
    found = curve((np.arange(1, 401) * HOUR).astype(np.int64), np.zeros(400))
    weighed = found.weights(rows(np.array([200, 8], np.int64) * HOUR, np.zeros(2)), NOW)
    assert weighed.weights.tolist() == [1, 0]
