"""One correction for all tests of a window, and levels that keep the budget."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal, stats

from monitoring_tasks.alarms_section import AlarmBudget
from monitoring_tasks.calibration.assess import shares_of_tests
from monitoring_tasks.calibration.correction import HIGHEST, Levels, _both, adjusted, levels
from monitoring_tasks.profile.binning import Floats

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
INDEPENDENT, EQUAL = np.zeros(1), np.full(80, 1 / 80)
TINY = 1e-300  # numbers below have fewer digits
Bools = npt.NDArray[np.bool_]
chances = st.floats(0, 1) | st.sampled_from([0.0, 0.01, 0.05, 1.0])


def spent(
    budget: AlarmBudget,
    interval: timedelta = DAY,
    *,
    rule: tuple[int, int] = (2, 3),
    shares: Floats = EQUAL,
    correlations: Floats = INDEPENDENT,
) -> Levels:
    """The levels of a budget."""
    return levels(budget, interval, persistence=rule, shares=shares, correlations=correlations)


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
        adjusted(p, weights), adjusted([each * mean / weight for each, weight in tests]), rtol=1e-9, atol=TINY
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


@pytest.mark.parametrize("rule", [(1, 1), (1, 3)])
def test_a_rule_of_one_window_spends_the_whole_budget_on_it(rule: tuple[int, int]) -> None:
    """Where every finding is one at once there is nothing to persist, and no half to keep for it."""
    found = spent(AlarmBudget(), rule=rule)
    assert found.strong == found.weak == found.rate == pytest.approx(1 / 90)


@pytest.mark.parametrize("columns", [1, 4, 200])
def test_the_shares_of_a_level_are_those_of_the_weights(columns: int) -> None:
    """Four tests of each column and three of the window, those of shifts four times those of faults; in sum 1."""
    shares = shares_of_tests(columns)
    assert len(shares) == 4 * columns + 3
    assert shares.sum() == pytest.approx(1)
    np.testing.assert_allclose(shares / shares.min(), [4] * (columns + 1) + [1] * (3 * columns + 2))


def test_unequal_shares_make_false_alarms_persist_more_often() -> None:
    """What a test gets of the level counts with its square, so the same budget affords less."""
    equal, weighted = np.full(35, 1 / 35), shares_of_tests(8)
    assert spent(AlarmBudget(), shares=weighted).weak < spent(AlarmBudget(), shares=equal).weak


def test_the_largest_budget_is_not_unlimited() -> None:
    """999 alarms a minute, and one test: no level above a quarter."""
    huge = spent(AlarmBudget(alarms=999, period=timedelta(minutes=1)), shares=np.ones(1))
    assert huge == Levels(HIGHEST, HIGHEST, 1.0)
    assert spent(AlarmBudget(), correlations=np.zeros(0)) == spent(AlarmBudget())


@given(
    alarms=st.integers(1, 998),
    days=st.integers(1, 400),
    hours=st.integers(1, 400),
    rule=st.sampled_from([(1, 1), (1, 3), (2, 2), (2, 3), (3, 5)]),
    columns=st.integers(1, 200),
    correlation=st.floats(0, 0.95),
)
def test_levels_grow_with_the_budget_and_with_the_interval(
    alarms: int, days: int, hours: int, rule: tuple[int, int], columns: int, correlation: float
) -> None:
    """More alarms allowed, or fewer windows to spend them on: never a stricter level; weak is never below strong."""

    def found(more: int, longer: int) -> Levels:
        budget = AlarmBudget(alarms=alarms + more, period=days * DAY)
        shares = shares_of_tests(columns)
        return spent(budget, (hours + longer) * HOUR, rule=rule, shares=shares, correlations=np.array([correlation]))

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


def ordinary(windows: int, columns: int, correlation: float) -> Floats:
    """Adjusted p-values of windows of normal evidence alone, in which each depends on the one before."""
    shares = shares_of_tests(columns)
    noise = np.random.default_rng(5).standard_normal((windows, len(shares)))
    evidence = signal.lfilter([math.sqrt(1 - correlation**2)], [1, -correlation], noise, axis=0)
    p = stats.norm.sf(evidence) / (shares * len(shares))
    order = np.argsort(p, axis=1)
    scaled = np.take_along_axis(p, order, axis=1) * len(shares) / np.arange(1, len(shares) + 1)
    found = np.empty_like(p)
    np.put_along_axis(found, order, np.minimum.accumulate(scaled[:, ::-1], axis=1)[:, ::-1], axis=1)
    return found


def standing(found: Floats, level: float, rule: tuple[int, int]) -> Bools:
    """Which tests each window rejects at `level` and stand in k of n windows."""
    needed, among = rule
    rejected = found <= level
    counted = np.cumsum(np.vstack([np.zeros((among, found.shape[1])), rejected]), axis=0)
    stands: Bools = rejected & (counted[among:] - counted[:-among] >= needed)
    return stands


def test_simulated_windows_are_corrected_as_any_others() -> None:
    """The simulation's adjusted p-values are those of `adjusted`."""
    shares, found = shares_of_tests(3), ordinary(50, 3, 0.0)
    noise = np.random.default_rng(5).standard_normal((50, len(shares)))
    for evidence, row in zip(noise, found, strict=True):
        np.testing.assert_allclose(adjusted(stats.norm.sf(evidence).tolist(), shares.tolist()), np.minimum(row, 1))


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6])
@pytest.mark.parametrize(("columns", "rule"), [(1, (2, 3)), (3, (2, 3)), (3, (3, 5)), (8, (2, 3)), (21, (2, 3))])
def test_persisting_false_alarms_cost_half_the_budget(columns: int, rule: tuple[int, int], correlation: float) -> None:
    """Weighted tests of ordinary windows, independent or autocorrelated: so many stand as the half pays for, or fewer.

    Of independent ones in 2 of 3 windows nearly as many: the half is spent.
    """
    afforded = spent(AlarmBudget(), rule=rule, shares=shares_of_tests(columns), correlations=np.array([correlation]))
    stand = standing(ordinary(60_000, columns, correlation), afforded.weak, rule).sum(axis=1)
    half, error = afforded.rate / 2, stand.std() / math.sqrt(len(stand))
    assert stand.mean() <= half + 2 * error
    if rule == (2, 3) and not correlation:
        assert stand.mean() >= 0.85 * half - 2 * error


@pytest.mark.parametrize("correlation", [0.0, 0.6])
@pytest.mark.parametrize("rule", [(1, 1), (1, 3), (2, 3), (3, 5)])
def test_ordinary_windows_cost_no_more_than_the_budget(rule: tuple[int, int], correlation: float) -> None:
    """Windows with a finding, at once or persisting, stay within the rate, and the rate is not left unused."""
    budget = AlarmBudget(alarms=1, period=30 * DAY)
    afforded = spent(budget, rule=rule, shares=shares_of_tests(5), correlations=np.array([correlation]))
    found = ordinary(60_000, 5, correlation)
    alarms = (found <= afforded.strong).any(axis=1) | standing(found, afforded.weak, rule).any(axis=1)
    assert alarms.mean() <= 1.03 * afforded.rate
    assert alarms.mean() >= afforded.rate / 2
