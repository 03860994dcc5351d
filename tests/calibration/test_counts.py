"""Counts and distances of windows, compared with brute force on the raw rows."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from monitoring_tasks.calibration.counts import (
    COMMON,
    SCARCE,
    Counts,
    column_counts,
    distances,
    freedom,
    rare_categories,
)
from monitoring_tasks.profile.binning import CategoryBins, Floats, NumericBins, numeric_bins
from monitoring_tasks.profile.pairs import Pair
from monitoring_tasks.profile.profile import CategoryProfile, NumericProfile
from monitoring_tasks.profile.scores import ks
from monitoring_tasks.suites import columns as suite
from tests.calibration.columns import ANY, counted, equal, named
from tests.profile.shapes import bins_of, profiled, shapes, texts


@given(reference=shapes(), current=shapes())
def test_kolmogorov_is_that_of_the_rows_at_the_edges(reference: Floats, current: Floats) -> None:
    """The largest difference of the shares at or below an edge, infinite values beyond all of them."""
    bins = bins_of(reference)
    both = column_counts(bins, [profiled(current, bins), profiled(reference, bins)])
    found = distances(bins, both.one(0), both.one(1))
    x, y = current[~np.isnan(current)], reference[~np.isnan(reference)]
    if not len(x) or not len(y):
        assert math.isnan(found.squared[0])
        assert math.isnan(found.effect[0])
        assert math.isnan(found.scarcity[0])
        return
    points = [-math.inf, *bins.edges, np.finfo(float).max]
    brute = max(abs((x <= point).mean() - (y <= point).mean()) for point in points)
    assert found.effect[0] == pytest.approx(brute, abs=1e-12)
    assert found.squared[0] == pytest.approx(brute**2, abs=1e-12)
    assert found.scarcity[0] == pytest.approx(1 / len(x) + 1 / len(y))
    assert math.isnan(found.peak[0])
    np.testing.assert_allclose(
        found.effect, ks([Pair(bins, profiled(reference, bins), profiled(current, bins))]), atol=1e-12
    )


@given(values=shapes(), current=shapes(), limits=st.none() | st.tuples(st.floats(-5, 0), st.floats(1, 5)))
def test_numeric_counts_are_those_of_the_suites(
    values: Floats, current: Floats, limits: tuple[float, float] | None
) -> None:
    """Values, missing and implausible rows are the numbers that people read in the checks."""
    bins = numeric_bins(values, limits=limits, slack=3.0)
    side = profiled(current, bins)
    assert isinstance(side, NumericProfile)
    found = column_counts(bins, [side])
    assert found.rows[0] == suite.values(side)
    assert found.missing[0] == suite.missing(side)
    assert found.readable[0] == suite.readable(side)
    if len(bins.edges):
        assert found.outside[0] == suite.outside(bins, side)


@given(known=texts, current=texts, missing=st.integers(0, 3))
def test_category_counts_are_those_of_the_suites(known: list[str], current: list[str], missing: int) -> None:
    """Categories that the reference does not have are in the last bin, and are the rows outside."""
    bins = CategoryBins(tuple(sorted(set(known))))
    side = profiled([*current, *[None] * missing], bins)
    assert isinstance(side, CategoryProfile)
    found = column_counts(bins, [side])
    assert found.values[0].tolist() == [*[current.count(name) for name in bins.values], suite.unseen(side)]
    assert found.outside[0] == suite.unseen(side) == sum(name not in bins.values for name in current)
    assert (found.missing[0], found.rows[0]) == (suite.missing(side), suite.values(side))


@given(
    reference=st.lists(st.sampled_from("aaaaaaabbbbcde"), min_size=1, max_size=250),
    current=st.lists(st.sampled_from("aaabbcdefg"), min_size=1, max_size=60),
)
def test_phi_and_total_variation_are_those_of_the_pooled_rows(reference: list[str], current: list[str]) -> None:
    """Category by category: Pearson's term where rows lack, the deviance's where they exceed, rare ones as one."""
    bins = CategoryBins(tuple(sorted(set(reference))))
    both = column_counts(bins, [profiled(current, bins), profiled(reference, bins)])
    found = distances(bins, both.one(0), both.one(1))
    often = Counter(reference)
    kept = [name for name in often if often[name] >= 0.01 * len(reference)]
    assume(kept)
    squared, variation, peaks = 0.0, 0.0, [0.0]
    for own in [*({name} for name in kept), {*"abcdefg"} - {*kept}]:
        p = sum(name in own for name in current) / len(current)
        q = sum(name in own for name in reference) / len(reference)
        variation += abs(p - q) / 2
        known = max(q, SCARCE)
        deviance = 2 * (p * math.log(p / known) - p + known if p else known)
        if q >= SCARCE:
            term = min((p - q) ** 2 / q, deviance)
            squared += term
        else:
            term = deviance if p > SCARCE else 0.0
        peaks.append(term / (1 - q) if q <= COMMON else 0.0)
    assert found.squared[0] == pytest.approx(squared, abs=1e-12)
    assert found.effect[0] == pytest.approx(variation, abs=1e-12)
    assert found.peak[0] == pytest.approx(max(peaks), abs=1e-12)


def test_only_rare_categories_leave_nothing_to_compare() -> None:
    """As PSI and chi-square say: all categories are pooled, so that every window would look alike."""
    baseline = counted([*[10] * 150, 0])
    found = distances(named(150), counted([500, *[0] * 150]), baseline)
    assert math.isnan(found.squared[0])
    assert math.isnan(found.effect[0])
    assert math.isnan(found.peak[0])


@pytest.mark.parametrize("bins", [ANY, named(2)])
def test_a_side_without_rows_is_undecided_and_alone_so(bins: NumericBins | CategoryBins) -> None:
    """One empty window, or one empty baseline, does not touch the others."""
    windows = counted([[0, 0, 0], [30, 20, 0], [30, 20, 0]])
    baselines = counted([[30, 20, 0], [0, 0, 0], [30, 20, 0]])
    found = distances(bins, windows, baselines)
    for values in (found.squared, found.effect, found.scarcity):
        assert np.isnan(values).tolist() == [True, True, False]
    assert found.squared[2] == 0
    assert found.effect[2] == 0


@pytest.mark.parametrize("bins", [ANY, named(2)])
def test_no_windows_have_no_distances(bins: NumericBins | CategoryBins) -> None:
    """Shapes fit even where there is nothing."""
    found = distances(bins, counted(np.zeros((0, 3))), counted(np.zeros((0, 3))))
    assert len(found.squared) == len(found.peak) == len(found.effect) == 0


def test_one_baseline_serves_all_windows() -> None:
    """As if it were given with each."""
    windows, baseline = counted([[30, 20, 0], [10, 40, 0]]), counted([300, 200, 0])
    one = distances(ANY, windows, baseline)
    many = distances(ANY, windows, counted([[300, 200, 0]] * 2))
    np.testing.assert_array_equal(one.effect, many.effect)
    np.testing.assert_allclose(one.effect, [0, 0.4], atol=1e-12)


def test_one_bin_has_no_distance() -> None:
    """A constant column lies at its own place."""
    found = distances(ANY, counted([[7.0]]), counted([[70.0]]))
    assert (found.squared[0], found.effect[0]) == (0, 0)


@given(
    cells=npst.arrays(float, (6, 4), elements=st.integers(0, 10**6).map(float)),
    groups=npst.arrays(float, st.tuples(st.integers(0, 5), st.just(6)), elements=st.sampled_from([0.0, 1.0])),
)
def test_windows_sum_exactly(cells: Floats, groups: Floats) -> None:
    """Whether few pieces are added up or few taken off the sum of all, counts are whole numbers and stay exact."""
    found = counted(cells, cells[:, 0], cells[:, 1]).summed(groups)
    np.testing.assert_array_equal(found.values, groups @ cells)
    np.testing.assert_array_equal(found.missing, groups @ cells[:, 0])
    np.testing.assert_array_equal(found.outside, groups @ cells[:, 1])


def test_freedom_counts_what_is_compared() -> None:
    """Categories that are not rare, and the pool from half a percent on, less one; never less than one."""
    assert freedom(np.append(equal(5), 0)) == 4
    assert freedom(np.array([0.6, 0.391, 0.009, 0])) == 2
    assert freedom(np.array([0.6, 0.399, 0.001, 0])) == 1
    assert freedom(np.array([1.0, 0])) == 1
    assert freedom(np.append(equal(150), 0)) == 1
    assert rare_categories(np.array([[0.02, 0.98, 0], [0.001, 0.999, 0]])).tolist() == [False, False, True]


@given(
    shares=st.lists(st.integers(1, 50), min_size=2, max_size=8),
    other=st.lists(st.integers(0, 50), min_size=8, max_size=8).filter(any),
    bins=st.sampled_from(["numeric", "categories"]),
)
def test_a_larger_part_of_another_component_lies_farther_away(shares: list[int], other: list[int], bins: str) -> None:
    """Statistic, peak and effect of the mixture (1 - w) p + w r never fall as w grows."""
    p = np.array([*shares, 0.0])
    r = np.array([*other[: len(shares)], 1.0])
    p, r = p / p.sum(), r / r.sum()
    weights = np.linspace(0, 1, 21)[:, None]
    windows, baseline = counted(1000 * ((1 - weights) * p + weights * r)), counted(10_000 * p)
    found = distances(ANY if bins == "numeric" else named(len(shares)), windows, baseline)
    for values in (found.squared, found.effect, found.peak):
        if not np.isnan(values).any():
            assert np.all(np.diff(values) >= -1e-12)
    assert found.effect[0] == pytest.approx(0, abs=1e-12)


def test_columns_of_one_binning_come_in_order() -> None:
    """Each row of the matrices is one profile."""
    bins = numeric_bins(np.arange(10.0), limits=None, slack=3.0)
    sides = [profiled(np.full(count, 3.0), bins) for count in (1, 2, 3)]
    found: Counts = column_counts(bins, sides)
    assert found.rows.tolist() == [1, 2, 3]
    assert found.values.shape == (3, len(bins.edges) + 3)
