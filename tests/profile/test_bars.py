"""Histograms for people, read off profiles."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.profile.bars import BARS, CATEGORIES, LETTERS, Bars, bars
from monitoring_tasks.profile.binning import CategoryBins, numeric_bins
from monitoring_tasks.profile.kernel import profile_column
from monitoring_tasks.profile.profile import CategoryProfile


def histogram(reference: np.ndarray, current: np.ndarray) -> Bars:
    """Bars of two sets of numbers, by way of their profiles."""
    bins = numeric_bins(reference, limits=None, slack=3.0)
    sides = [profile_column(pa.chunked_array([side]), bins) for side in (reference, current)]
    return bars(bins, *sides)


def categories(reference: CategoryProfile, current: CategoryProfile, names: tuple[str, ...]) -> Bars:
    """Bars of two categorical profiles."""
    return bars(CategoryBins(names), reference, current)


def test_numbers_agree_with_the_rows() -> None:
    """The bars are those that numpy counts on the rows, up to the width of the profile's bins."""
    random = np.random.default_rng(0)
    reference, current = random.normal(0, 1, 50_000), random.normal(0.7, 1.3, 50_000)
    shown = histogram(reference, current)
    middles = np.array([float(label) for label in shown.labels])
    width = middles[1] - middles[0]
    edges = np.append(middles - width / 2, middles[-1] + width / 2)
    for shares, side in ((shown.reference, reference), (shown.current, current)):
        counted = np.histogram(np.clip(side, edges[0], edges[-1]), edges)[0] / len(side)
        assert np.abs(np.array(shares) - counted).max() < 0.012  # at the far tail a bin is wider than a bar


def test_subnormal_numbers_are_one_value() -> None:
    """Distances too small to divide by are drawn as one bar, without a warning."""
    assert histogram(np.array([0.0]), np.array([0.0, 2.2250738585e-313])).reference == (1.0,)


def test_a_shift_beyond_the_reference_is_shown_where_it_is() -> None:
    """Values in the one wide bin above the reference stand around their mean, not spread over the whole bin."""
    shown = histogram(np.linspace(0, 1, 1000), np.append(np.linspace(1.4, 1.6, 999), 3.9))
    middles = np.array([float(label) for label in shown.labels])
    assert (middles * shown.current).sum() == pytest.approx(1.5, abs=0.1)


numbers = st.lists(st.floats(-1e9, 1e9) | st.sampled_from([0.0, 1.0, -7.5]), min_size=1, max_size=60)


@given(numbers, numbers)
def test_shares_sum_to_one(reference: list[float], current: list[float]) -> None:
    """Whatever the values, both sides' bars hold all of them."""
    shown = histogram(np.array(reference), np.array(current))
    assert 1 <= len(shown.labels) <= BARS
    for shares in (shown.reference, shown.current):
        assert min(shares) >= 0
        assert sum(shares) == pytest.approx(1, abs=1e-3)


def test_one_constant() -> None:
    """A column with one and the same value on both sides is one full bar."""
    assert histogram(np.full(9, 5.0), np.full(9, 5.0)) == Bars(("5",), (1.0,), (1.0,))


def test_no_values() -> None:
    """A side without values has empty bars; with none on both sides there are no bars."""
    assert set(histogram(np.arange(9.0), np.array([np.nan])).current) == {0.0}
    assert histogram(np.array([np.nan]), np.array([np.nan])) == Bars((), (), ())


def test_categories_are_the_most_frequent_of_either_side() -> None:
    """Ten categories and the rest; a new one says so."""
    names = tuple(f"c{number:02d}" for number in range(30))
    counts = np.arange(30)
    shown = categories(CategoryProfile(counts, {}), CategoryProfile(counts, {"pink": 565}), names)
    assert shown.labels[:3] == ("pink (new)", "c29", "c28")
    assert len(shown.labels) == CATEGORIES + 1
    assert shown.labels[-1] == "all others"
    assert sum(shown.reference) == pytest.approx(1)
    assert sum(shown.current) == pytest.approx(1)


def test_long_categories_stay_apart() -> None:
    """Names that are equal where they are cut get labels of their own: equal ones would share a bar."""
    names = ("", "x" * 100 + "1", "x" * 100 + "2")
    side = CategoryProfile(np.array([1, 1, 1]), {})
    shown = categories(side, side, names)
    assert len(set(shown.labels)) == 3
    assert "(empty text)" in shown.labels
    assert all(len(label) <= LETTERS + 3 for label in shown.labels)


LARGEST = 1.7976931348623157e308


@pytest.mark.parametrize(
    ("reference", "current"),
    [
        ([-1e308, 0.0, 1e308], [-LARGEST, LARGEST]),
        ([1e308] * 9, [LARGEST, 1e308, 1.0]),
        ([0.0, 1.0, 2.0], [LARGEST] * 50 + [-LARGEST] * 50),
    ],
)
def test_the_largest_numbers(reference: list[float], current: list[float]) -> None:
    """Neither distances nor sums that overflow leave a bar without a height or a label."""
    shown = histogram(np.array(reference), np.array(current))
    for shares in (shown.reference, shown.current):
        assert sum(shares) == pytest.approx(1, abs=1e-3)
        assert min(shares) >= 0
    assert all(np.isfinite(float(label)) for label in shown.labels)
