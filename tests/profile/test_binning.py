"""Bins from a reference's values, and their serialised form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.errors import ProfileMismatch
from monitoring_tasks.profile.binning import (
    Binning,
    CategoryBins,
    Floats,
    NumericBins,
    binning_hash,
    dumps_binning,
    just_below,
    loads_binning,
    numeric_bins,
)
from tests.profile.shapes import bins_of, numbers, shapes


@given(values=shapes())
def test_edges_hold_for_any_shape(values: Floats) -> None:
    """Edges are finite and strictly increasing, hold the deciles of the finite values, and both ends of the range."""
    bins = bins_of(values)
    finite = np.sort(values[np.isfinite(values)])
    assert np.isfinite(bins.edges).all()
    assert (np.diff(bins.edges) > 0).all()
    for share in range(1, 10) if len(finite) else ():
        decile = np.quantile(finite, share / 10, method="inverted_cdf")
        assert decile in bins.edges[bins.deciles]
    if len(finite):
        assert bins.high in bins.edges
        assert just_below(bins.low) in bins.edges
        assert bins.low <= finite[0]
        assert bins.high >= finite[-1]


def test_about_two_hundred_quantiles_of_a_continuous_column() -> None:
    """A continuous column gets each half percent as an edge, exactly nine deciles among them, and two range edges."""
    values = np.random.default_rng(0).normal(size=10_000)
    bins = bins_of(values)
    assert len(bins.edges) == 203
    expected = np.quantile(values, np.arange(1, 10) / 10, method="inverted_cdf")
    np.testing.assert_array_equal(bins.edges[bins.deciles], expected)


def test_an_atom_has_a_bin_of_its_own() -> None:
    """Where a value holds neighbouring quantiles, the edge below it separates it from all smaller values."""
    values = np.concatenate([np.zeros(600), np.linspace(1, 2, 400)])
    bins = bins_of(values)
    at = int(np.searchsorted(bins.edges, 0.0))
    assert bins.edges[at] == 0.0
    assert bins.edges[at - 1] == -np.finfo(np.float64).tiny
    assert {at, at - 1} <= set(bins.deciles.tolist())


def test_a_constant_column_tells_values_below_it_apart() -> None:
    """Even one single reference value leaves bins below, at and above it."""
    bins = bins_of(np.full(50, 4.25))
    assert bins.edges.tolist() == [just_below(4.25), 4.25]
    assert len(bins.deciles) == 2


def test_a_declared_range_is_used_as_it_is() -> None:
    """The declared ends are plausible values themselves; without any value they are the only edges."""
    bins = numeric_bins(np.array([1.0, 2.0]), limits=(0.0, 10.0), slack=3.0)
    assert (bins.low, bins.high) == (0.0, 10.0)
    empty = numeric_bins(np.array([math.nan, math.inf]), limits=(0.0, 10.0), slack=3.0)
    assert empty.edges.tolist() == [just_below(0.0), 10.0]
    assert len(empty.deciles) == 0


def test_no_value_and_no_range_means_no_edges() -> None:
    """A column whose reference is empty has no edges and no plausible range."""
    bins = bins_of(np.zeros(0))
    assert len(bins.edges) == 0
    assert math.isnan(bins.low)
    assert math.isnan(bins.high)


def test_the_widest_range_stays_finite() -> None:
    """Widening a span near the largest float does not overflow."""
    bins = bins_of(np.array([-1.7e308, 0.0, 1.7e308]))
    assert np.isfinite([bins.low, bins.high]).all()


@given(
    value=numbers
    | st.sampled_from([2.2250738585072014e-308, -2.2250738585072014e-308, 1.7e308, -1.7976931348623157e308])
)
def test_just_below_is_never_subnormal(value: float) -> None:
    """The edge below a value is a number that every database can read."""
    below = just_below(value)
    assert math.isfinite(below)
    assert below == 0 or abs(below) >= 2.2250738585072014e-308
    assert below < value or value == -1.7976931348623157e308


def _binning(edge: float = 1.0) -> Binning:
    bins = NumericBins(np.array([0.1, edge]), np.array([1]), -math.inf, math.nan)
    return Binning({"b": bins, "a": CategoryBins(("AA", "é"))})


def test_binning_survives_serialisation() -> None:
    """Reading back gives the same numbers to the last bit, and the same bytes again."""
    values = np.random.default_rng(1).normal(size=1000)
    binning = Binning({"x": bins_of(values), "c": CategoryBins(("a", "b"))})
    back = loads_binning(dumps_binning(binning))
    assert dumps_binning(back) == dumps_binning(binning)
    read, written = back.columns["x"], binning.columns["x"]
    assert isinstance(read, NumericBins)
    assert isinstance(written, NumericBins)
    np.testing.assert_array_equal(read.edges, written.edges)
    np.testing.assert_array_equal(read.deciles, written.deciles)


def test_hash_tells_binnings_apart_by_one_bit() -> None:
    """One edge moved by the least amount changes the hash; the order of columns does not."""
    same = Binning(dict(reversed(_binning().columns.items())))
    assert binning_hash(same) == binning_hash(_binning())
    assert binning_hash(_binning(np.nextafter(1.0, 2.0))) != binning_hash(_binning())


def test_another_format_is_refused() -> None:
    """A binning written by another format version is not read."""
    content = dumps_binning(_binning()).replace(b'"format":1', b'"format":2')
    with pytest.raises(ProfileMismatch, match="format 2"):
        loads_binning(content)


def test_a_range_may_be_open() -> None:
    """An infinite end is the largest float: no negative values is written [0, .inf], and every edge stays finite."""
    largest = np.finfo(np.float64).max
    open_above = numeric_bins(np.array([1.0, 2.0]), limits=(0.0, math.inf), slack=3.0)
    assert (open_above.low, open_above.high) == (0.0, largest)
    both = numeric_bins(np.array([1.0, 2.0]), limits=(-math.inf, math.inf), slack=3.0)
    assert (both.low, both.high) == (-largest, largest)
    back = loads_binning(dumps_binning(Binning({"x": both}))).columns["x"]
    assert isinstance(back, NumericBins)
    np.testing.assert_array_equal(back.edges, both.edges)
