"""One correction for all tests of a window, and levels that keep the budget."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from monitoring_tasks.alarms_section import AlarmBudget
from monitoring_tasks.calibration.correction import HIGHEST, Levels, _both, adjusted, levels
from monitoring_tasks.profile.binning import Floats

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
INDEPENDENT = np.zeros(1)
chances = st.floats(0, 1) | st.sampled_from([0.0, 0.01, 0.05, 1.0])


def spent(
    budget: AlarmBudget,
    interval: timedelta = DAY,
    *,
    rule: tuple[int, int] = (2, 3),
    tests: int = 80,
    correlations: Floats = INDEPENDENT,
) -> Levels:
    """The levels of a budget."""
    return levels(budget, interval, persistence=rule, tests=tests, correlations=correlations)


@given(st.lists(chances, min_size=1, max_size=40))
def test_adjusted_is_benjamini_and_hochberg(p: list[float]) -> None:
    """As scipy's, and as the definition: the least level at which the procedure rejects."""
    found = adjusted(p)
    np.testing.assert_allclose(found, stats.false_discovery_control(p), rtol=1e-12)
    for value, q in zip(p, found, strict=True):
        brute = min(1.0, min(other * len(p) / sum(each <= other for each in p) for other in p if other >= value))
        assert q == pytest.approx(brute)


@given(st.lists(chances | st.just(math.nan), max_size=20))
def test_what_is_no_test_counts_for_nothing(p: list[float]) -> None:
    """NaN stays in its place, and the others are corrected as if it were not there."""
    found = adjusted(p)
    assert [math.isnan(each) for each in found] == [math.isnan(each) for each in p]
    assert [each for each in found if not math.isnan(each)] == adjusted([each for each in p if not math.isnan(each)])


@given(st.lists(st.tuples(chances, st.floats(0.1, 10)), min_size=1, max_size=40))
def test_weights_are_relative_to_their_mean(tests: list[tuple[float, float]]) -> None:
    """Equal weights change nothing, however large; unequal ones divide p-values by weights of mean 1."""
    p, weights = [each for each, _ in tests], [weight for _, weight in tests]
    np.testing.assert_allclose(adjusted(p, [3.0] * len(p)), adjusted(p), rtol=1e-12)
    mean = sum(weights) / len(weights)
    np.testing.assert_allclose(
        adjusted(p, weights), adjusted([each * mean / weight for each, weight in tests]), rtol=1e-9
    )


def test_weights_of_what_is_no_test_do_not_count() -> None:
    """A test that could not be made lends the others no level and takes none."""
    assert adjusted([0.01, math.nan, 0.04], [1.0, 50.0, 1.0]) == pytest.approx([0.02, math.nan, 0.04], nan_ok=True)


def test_nothing_to_correct() -> None:
    """No tests, none that could be made, and equals."""
    assert adjusted([]) == []
    assert math.isnan(adjusted([math.nan])[0])
    assert adjusted([0.02, 0.02, 0.02]) == pytest.approx([0.02] * 3)


@given(st.lists(chances, min_size=2, max_size=20), st.data())
def test_more_evidence_for_one_test_harms_no_other(p: list[float], data: st.DataObject) -> None:
    """A smaller p-value makes no adjusted one larger."""
    place = data.draw(st.integers(0, len(p) - 1))
    smaller = [*p[:place], p[place] * data.draw(st.floats(0, 1)), *p[place + 1 :]]
    assert all(after <= before + 1e-15 for before, after in zip(adjusted(p), adjusted(smaller), strict=True))


@pytest.mark.parametrize(
    ("interval", "rate"), [(HOUR, 1 / 2160), (DAY, 1 / 90), (WEEK, 7 / 90), (timedelta(days=365), 1.0)]
)
def test_a_window_may_cost_its_part_of_the_budget(interval: timedelta, rate: float) -> None:
    """One alarm in 90 days: an hourly window has a 2,160th of it, a daily one a 90th, a yearly one at most one."""
    found = spent(AlarmBudget(), interval)
    assert found.rate == pytest.approx(rate)
    assert found.strong == pytest.approx(min(rate / 2, HIGHEST))
    assert found.strong <= found.weak <= HIGHEST


def test_a_rule_of_one_window_has_one_level() -> None:
    """Where every finding is one at once there is nothing to persist."""
    found = spent(AlarmBudget(), rule=(1, 1))
    assert found.strong == found.weak


def test_the_largest_budget_is_not_unlimited() -> None:
    """999 alarms a minute, and one test: no level above a quarter."""
    huge = spent(AlarmBudget(alarms=999, period=timedelta(minutes=1)), tests=1)
    assert huge == Levels(HIGHEST, HIGHEST, 1.0)
    assert spent(AlarmBudget(), correlations=np.zeros(0)) == spent(AlarmBudget())


@given(
    alarms=st.integers(1, 998),
    days=st.integers(1, 400),
    hours=st.integers(1, 400),
    rule=st.sampled_from([(1, 1), (1, 3), (2, 2), (2, 3), (3, 5)]),
    tests=st.integers(1, 900),
    correlation=st.floats(0, 0.95),
)
def test_levels_grow_with_the_budget_and_with_the_interval(
    alarms: int, days: int, hours: int, rule: tuple[int, int], tests: int, correlation: float
) -> None:
    """More alarms allowed, or fewer windows to spend them on: never a stricter level; weak is never below strong."""

    def found(more: int, longer: int) -> Levels:
        budget = AlarmBudget(alarms=alarms + more, period=days * DAY)
        return spent(budget, (hours + longer) * HOUR, rule=rule, tests=tests, correlations=np.array([correlation]))

    before = found(0, 0)
    assert 0 < before.strong <= before.weak <= HIGHEST
    for after in (found(1, 0), found(0, 1)):
        assert after.strong >= before.strong
        assert after.weak >= before.weak * (1 - 1e-9)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("once", [1e-4, 0.01, 0.2])
def test_two_windows_reject_together_as_a_bivariate_normal_pair(correlation: float, once: float) -> None:
    """The tail integral is that of scipy's distribution function."""
    limit = stats.norm.isf(once)
    exact = stats.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]]).cdf([-limit, -limit])
    assert _both(once, np.array([correlation]))[0] == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize("correlation", [0.0, 0.6])
@pytest.mark.parametrize("rule", [(1, 1), (2, 3), (3, 5)])
def test_ordinary_windows_cost_no_more_than_the_budget(rule: tuple[int, int], correlation: float) -> None:
    """Simulated normal evidence, independent or autocorrelated: windows with a finding stay within the rate."""
    random, tests, windows = np.random.default_rng(5), 20, 60_000
    budget = AlarmBudget(alarms=1, period=30 * DAY)
    found = spent(budget, rule=rule, tests=tests, correlations=np.array([correlation]))
    noise = random.standard_normal((windows, tests))
    evidence = np.empty_like(noise)
    evidence[0] = noise[0]
    for number in range(1, windows):
        evidence[number] = correlation * evidence[number - 1] + math.sqrt(1 - correlation**2) * noise[number]
    p = np.sort(stats.norm.sf(evidence), axis=1)
    q = np.minimum.accumulate((p * tests / np.arange(1, tests + 1))[:, ::-1], axis=1)[:, ::-1]
    rank = np.argsort(np.argsort(-evidence, axis=1), axis=1)
    own = np.take_along_axis(q, rank, axis=1)
    weak, needed, among = own <= found.weak, *rule
    counted = np.cumsum(np.vstack([np.zeros((among, tests)), weak]), axis=0)
    standing = weak & (counted[among:] - counted[:-among] >= needed)
    alarms = (own <= found.strong).any(axis=1) | standing.any(axis=1)
    assert alarms.mean() <= 1.2 * found.rate
    assert alarms.mean() >= found.rate / 20
