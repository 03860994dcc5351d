"""Nulls of distances and shares: exact distributions where there are any, seeded simulation where not."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from monitoring_tasks.calibration.calibrate import pooled
from monitoring_tasks.calibration.counts import Counts, distances
from monitoring_tasks.calibration.lessons import learn
from monitoring_tasks.calibration.nulls import (
    ENOUGH,
    KOLMOGOROV,
    DistanceNull,
    ShareNull,
    chance_of_distance,
    chance_p_value,
    widened,
)
from monitoring_tasks.profile.binning import ColumnBins, Floats
from tests.calibration.columns import ANY, counted, each_against_rest, equal, named

CONTINUOUS = DistanceNull(KOLMOGOROV, 4 * KOLMOGOROV, continuous=True)
ZIPF = 1 / np.arange(1, 60)
SHARES: dict[str, tuple[ColumnBins, Floats]] = {
    "continuous": (ANY, equal(200)),
    "half zero": (ANY, np.array([0.5, *np.full(100, 0.005)])),
    "five values": (ANY, equal(5)),
    "two values": (ANY, np.array([0.7, 0.3])),
    "two categories": (named(2), np.array([0.7, 0.3, 0])),
    "five categories": (named(5), np.array([0.5, 0.3, 0.15, 0.03, 0.02, 0])),
    "many categories": (named(59), np.append(ZIPF / ZIPF.sum(), 0)),
}


def chance_null(bins: ColumnBins, baseline: Counts) -> DistanceNull:
    """The null that a reference without pieces gives."""
    empty = each_against_rest(0)
    return learn(bins, baseline, baseline.summed(np.zeros((0, 1))), empty).distance


def p_values(null: DistanceNull, bins: ColumnBins, windows: Counts, baseline: Counts) -> Floats:
    """Of each window."""
    found = distances(bins, windows, baseline)
    rows = zip(found.squared, found.scarcity, found.peak, strict=True)
    return np.array([null.p_value(*map(float, row)) for row in rows])


def redraws(random: np.random.Generator, kind: str, rows: int, windows: int) -> Floats:
    """p-values of chance samples against references that are chance samples themselves."""
    bins, shares = SHARES[kind]
    found = []
    for _ in range(20):
        baseline = counted(random.multinomial(max(20_000, 4 * rows), shares))
        drawn = counted(random.multinomial(rows, shares, windows // 20))
        found.append(p_values(chance_null(bins, baseline), bins, drawn, baseline))
    return np.concatenate(found)


@pytest.mark.parametrize("rows", [500, 2_000, 100_000])
@pytest.mark.parametrize("kind", SHARES)
def test_independent_rows_are_surprising_as_often_as_they_say(kind: str, rows: int) -> None:
    """P(p <= a) is at most a, but for the error of 4,000 windows, and not less than a twentieth of it."""
    p = redraws(np.random.default_rng(rows), kind, rows, 4_000)
    for level in (0.1, 0.01, 0.001):
        assert (p <= level).sum() <= stats.binom.ppf(0.9999, len(p), 1.5 * level)
    assert np.mean(p <= 0.01) >= 0.0005


def test_a_rare_value_is_not_surprising() -> None:
    """A column that nearly always has one value sees its other rows come unevenly: that is no evidence."""
    random = np.random.default_rng(1)
    for bins, shares in ((ANY, [0.999, 0.001]), (named(2), [0.999, 0.001, 0]), (ANY, [1.0, 0.0])):
        baseline = counted(random.multinomial(20_000, shares))
        p = p_values(chance_null(bins, baseline), bins, counted(random.multinomial(500, shares, 5_000)), baseline)
        assert np.mean(p <= 0.001) <= 0.001


def test_a_continuous_column_has_the_tail_of_kolmogorov() -> None:
    """The p-value of the two-sample test, of which n D^2 is known for many rows."""
    n, m = 5_000, 20_000
    for distance in (0.02, 0.025, 0.03, 0.05):
        p = CONTINUOUS.p_value(distance**2, 1 / n + 1 / m)
        assert p == pytest.approx(stats.kstwo.sf(distance, round(n * m / (n + m))), rel=0.15)
        assert p <= stats.kstwobign.sf(distance / math.sqrt(1 / n + 1 / m)) * (1 + 1e-9)


def test_categories_have_the_tail_of_chi_square() -> None:
    """Without a category that stands out the p-value is that of phi squared over its scarcity, doubled for the peak."""
    null, scarcity = DistanceNull(4.0, 4.0), 1 / 2_000
    for statistic in (5.0, 10.0, 20.0, 40.0):
        assert null.p_value(statistic * scarcity, scarcity) == pytest.approx(stats.chi2.sf(statistic, 4), rel=1e-9)
        assert null.p_value(statistic * scarcity, scarcity, 0.0) == pytest.approx(
            min(1, 2 * stats.chi2.sf(statistic, 4)), rel=1e-9
        )
    alone = null.p_value(4 * scarcity, scarcity, 30 * scarcity)
    assert alone == pytest.approx(2 * 6 * stats.chi2.sf(30, 1), rel=1e-9)


def test_expected_distance_of_few_values_is_exact_where_it_is_known() -> None:
    """Two values have q (1 - q), a constant nothing, fine bins nearly Kolmogorov's."""
    assert chance_of_distance(np.array([0.7, 0.3])) == pytest.approx(0.21)
    assert chance_of_distance(np.array([1.0])) == pytest.approx(0)
    assert chance_of_distance(np.array([0.0, 1.0, 0.0])) == pytest.approx(0)
    assert 0.9 * KOLMOGOROV < chance_of_distance(equal(1_000)) < 1.05 * KOLMOGOROV
    drawn = np.random.default_rng(0).multinomial(10_000, equal(5), 20_000) / 10_000
    brute = 10_000 * np.max(np.abs(np.cumsum(drawn - 0.2, axis=1)), axis=1) ** 2
    assert chance_of_distance(equal(5)) == pytest.approx(brute.mean(), rel=0.1)


def numeric_windows(random: np.random.Generator, effects: Floats, rows: int = 1_000) -> Counts:
    """Windows of a normal column, each with a mean of its own, in 200 bins."""
    edges = stats.norm.ppf(np.arange(1, 200) / 200)
    below = stats.norm.cdf(edges - effects[:, None])
    cuts = np.column_stack([np.zeros(len(effects)), below, np.ones(len(effects))])
    return counted(random.multinomial(rows, np.diff(cuts, axis=1)))


def category_windows(random: np.random.Generator, effects: Floats, rows: int = 1_000) -> Counts:
    """Windows of a column of which one category swings, the others share the rest."""
    weights = np.tile([0.4, 0.25, 0.15, 0.1, 0.05, 0.05, 0], (len(effects), 1))
    weights[:, 3] *= np.exp(effects)
    return counted(random.multinomial(rows, weights / weights.sum(axis=1, keepdims=True)))


Draw = Callable[[np.random.Generator, Floats], Counts]


@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize("windows", [8, 30])
@pytest.mark.parametrize(("bins", "draw"), [(ANY, numeric_windows), (named(6), category_windows)])
def test_held_out_windows_are_ordinary(bins: ColumnBins, draw: Draw, windows: int, heavy: bool) -> None:
    """Windows that differ as those of the reference do are surprising about as often as they say.

    On average over references; a heavy tail, or a handful of windows, cannot be known so well: four times as often.
    """
    random = np.random.default_rng(windows)

    def effects(count: int) -> Floats:
        return random.standard_t(4, count) * 0.1 if heavy else random.normal(0, 0.2, count)

    lessons, wholes = {}, {}
    for name in map(str, range(20)):
        own = draw(random, effects(windows))
        wholes[name] = own.summed(np.ones((1, windows)))
        lessons[name] = learn(bins, wholes[name], own, each_against_rest(windows))
    found = [
        p_values(null.distance, bins, draw(random, effects(200)), wholes[name])
        for name, null in pooled(lessons).items()
    ]
    p, allowed = np.concatenate(found), 4 if heavy or windows < 10 else 2
    assert np.mean(p <= 0.1) <= 0.15 if windows >= 10 else 0.2
    assert np.mean(p <= 0.01) <= allowed * 0.01
    assert np.mean(p <= 0.1) >= 0.01


nulls = st.builds(
    DistanceNull,
    chance=st.floats(0.02, 50),
    freedom=st.floats(1, 50),
    between=st.floats(0, 1),
    spread=st.floats(0, 50),
    windows=st.integers(0, 400),
    continuous=st.booleans(),
    single=st.floats(0, 1),
)


@given(null=nulls, scarcity=st.floats(1e-6, 2), squared=st.lists(st.floats(0, 4), min_size=2), peak=st.booleans())
def test_farther_away_is_never_less_surprising(
    null: DistanceNull, scarcity: float, squared: list[float], peak: bool
) -> None:
    """The p-value falls in the distance, and is a chance."""
    p = [null.p_value(each, scarcity, each if peak else math.nan) for each in sorted(squared)]
    assert all(0 <= each <= 1 for each in p)
    assert all(after <= before * (1 + 1e-9) for before, after in pairwise(p))
    assert null.p_value(0.0, scarcity, 0.0 if peak else math.nan) == 1


@given(
    null=nulls, scarcity=st.floats(1e-6, 0.1), squared=st.floats(1e-4, 4), more=st.floats(1, 100), peak=st.booleans()
)
def test_windows_that_differ_more_make_a_distance_less_surprising(
    null: DistanceNull, scarcity: float, squared: float, more: float, peak: bool
) -> None:
    """Beyond what is expected of them, a larger variance between windows gives a larger p-value."""
    wider = replace(null, between=null.between * more, single=null.single * more)
    each = squared if peak else math.nan
    before, after = (null.p_value(squared, scarcity, each), wider.p_value(squared, scarcity, each))
    if before < 0.1:
        assert after >= before * (1 - 1e-9)


def test_nothing_to_compare_is_no_chance() -> None:
    """NaN stays NaN; an absurd distance is not a zero that windows could have proved."""
    assert math.isnan(CONTINUOUS.p_value(math.nan, 0.1))
    assert math.isnan(CONTINUOUS.p_value(0.1, math.nan))
    assert math.isnan(DistanceNull(3.0, 3.0).p_value(math.nan, 0.1, 0.2))
    assert DistanceNull(3.0, 3.0, between=0.1, spread=2.0, windows=10).p_value(1e9, 1e-6) > 0


def test_few_windows_widen_a_p_value() -> None:
    """Student's tail instead of the normal one; large p-values, and certain ones, stay."""
    assert widened(0.001, math.inf) == 0.001
    assert widened(0.7, 3.0) == 0.7
    assert math.isnan(widened(math.nan, 3.0))
    for certainty in (1.0, 5.0, 50.0):
        for p in (1e-6, 0.01, 0.3):
            assert widened(p, certainty) == pytest.approx(stats.t.sf(stats.norm.isf(p), certainty))
            assert widened(p, certainty) > p
    assert widened(0.4999999, 2.0) == pytest.approx(0.5, abs=1e-5)
    assert widened(0.0, 10.0) > 0


@given(part=st.integers(1, 60), whole=st.integers(60, 500), usual=st.integers(0, 29), among=st.integers(500, 9_000))
def test_few_rows_come_at_a_rate_that_is_a_sample_itself(part: int, whole: int, usual: int, among: int) -> None:
    """The negative binomial's own tail: rows of the window before as many of the baseline."""
    found = chance_p_value(part, whole, usual + 0.5, among)
    assert found == pytest.approx(stats.nbinom.sf(part - 1, usual + 0.5, among / (whole + among)), rel=1e-6, abs=1e-300)


@pytest.mark.parametrize(("usual", "among"), [(200, 10_000), (3_000, 10_000), (90_000, 100_000)])
def test_many_rows_are_nearly_binomial(usual: int, among: int) -> None:
    """Against a known share, the tail of the binomial within a factor of two, down to one in ten thousand."""
    whole, share = 2_000, usual / among
    for level in (0.2, 0.01, 0.001, 0.0001):
        part = int(stats.binom.isf(level, whole, share)) + 1
        exact = stats.binom.sf(part - 1, whole, share)
        assert exact / 2 < chance_p_value(part, whole, usual * 1e6, among * 1e6) < exact * 2


def test_both_ways_to_a_chance_meet() -> None:
    """Where one takes over from the other no p-value jumps by more than a factor of three."""
    for whole, among in ((500, 500), (500, 20_000), (2_000, 90_000)):
        least = ENOUGH * max(among / whole, 1.0)
        for part in (20, 30, 40, 60, 80):
            before, after = (chance_p_value(part, whole, least + side, among) for side in (-1e-6, 1e-6))
            assert 1 / 3 < after / before < 3 or max(before, after) < 1e-6


def test_shares_at_their_ends() -> None:
    """No rows, all rows, more than all of the baseline's, and a great many."""
    null = ShareNull()
    assert null.p_value(0, 500, 3, 1_000) == 1
    assert math.isnan(null.p_value(0, 0, 3, 1_000))
    assert math.isnan(null.p_value(3, 500, 0, 0))
    assert null.p_value(500, 500, 1_000, 1_000) == 1
    assert null.p_value(500, 500, 10, 1_000) < 1e-100
    assert chance_p_value(500, 500, 1_000.5, 1_000) == pytest.approx(0.5, abs=0.05)
    assert 0 <= chance_p_value(10**9, 10**12, 10**9, 10**12) <= 1
    assert chance_p_value(10**9 + 10**6, 10**12, 10**9, 10**12) < 1e-50
    assert null.p_value(3, 500, 0, 20_000) < 1e-3


@pytest.mark.parametrize("rows", [500, 2_000, 100_000])
@pytest.mark.parametrize("share", [0.0, 1e-4, 0.002, 0.02, 0.3])
def test_independent_rows_are_missing_as_often_as_they_say(share: float, rows: int) -> None:
    """P(p <= a) is at most a when window and baseline are chance samples of one share."""
    random = np.random.default_rng(rows)
    parts, usual = random.binomial(rows, share, 3_000), random.binomial(4 * rows, share, 3_000)
    null = ShareNull()
    p = np.array([null.p_value(x, rows, y, 4 * rows) for x, y in zip(parts.tolist(), usual.tolist(), strict=True)])
    for level in (0.1, 0.01, 0.001):
        assert (p <= level).sum() <= stats.binom.ppf(0.9999, len(p), 1.5 * level)


shares = st.builds(
    ShareNull,
    doubt=st.floats(0.5, 20),
    between=st.floats(0, 0.5),
    spread=st.floats(0, 50),
    windows=st.integers(0, 400),
    rate=st.floats(0, 1),
    size=st.floats(1e-4, 1),
    tail=st.floats(1, 3),
)


@given(
    null=shares, whole=st.integers(1, 10_000), usual=st.integers(0, 500), among=st.integers(500, 10**6), data=st.data()
)
def test_more_rows_are_never_less_surprising(
    null: ShareNull, whole: int, usual: int, among: int, data: st.DataObject
) -> None:
    """The p-value of a share falls in the number of rows, and is a chance."""
    parts = sorted(data.draw(st.lists(st.integers(0, whole), min_size=2, max_size=8)))
    p = [null.p_value(part, whole, usual, among) for part in parts]
    assert all(0 <= each <= 1 for each in p)
    assert all(after <= before * (1 + 1e-9) for before, after in pairwise(p))


def test_a_swing_and_a_burst_excuse_a_share() -> None:
    """What windows have done before makes rows that chance cannot explain less surprising."""
    chance = ShareNull().p_value(100, 1_000, 200, 20_000)
    swing = ShareNull(between=0.02, spread=2.0, windows=30).p_value(100, 1_000, 200, 20_000)
    burst = ShareNull(rate=0.03, size=0.05, tail=1.0).p_value(100, 1_000, 200, 20_000)
    assert chance < 1e-10
    assert 0.01 < swing < 0.2
    assert burst == pytest.approx(0.03 * 0.05 / 0.09)


@given(null=nulls, share=shares)
def test_nulls_survive_json(null: DistanceNull, share: ShareNull) -> None:
    """Text and back gives the same numbers."""
    assert DistanceNull.from_json(json.loads(json.dumps(null.to_json(), allow_nan=False))) == null
    assert ShareNull.from_json(json.loads(json.dumps(share.to_json(), allow_nan=False))) == share
