"""How a level is measured: the mean of values that are cut off, or the share of true, against brute force."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.calibration.gauge import EDGE, LEAST_SPREAD, Gauge, gauge_of, is_boolean, series
from monitoring_tasks.profile.binning import CategoryBins, NumericBins, numeric_bins
from monitoring_tasks.profile.kernel import profile_column
from monitoring_tasks.profile.profile import CategoryProfile, ColumnProfile, empty_column, merge_columns

FLAGS = CategoryBins(("false", "true"))
REFERENCE = np.random.default_rng(1).lognormal(0, 1.5, 20_000)
BINS = numeric_bins(REFERENCE, limits=None, slack=3)
numbers = st.lists(
    st.floats(-1e6, 1e6) | st.sampled_from([math.inf, -math.inf, math.nan, None, 0.0, 1e300, -1e300]), max_size=30
)


def profiled(values: Sequence[float | None] | np.ndarray, bins: NumericBins = BINS) -> ColumnProfile:
    """The profile of a column's rows."""
    return profile_column(pa.chunked_array([pa.array(values, pa.float64())]), bins)


def gauge(bins: NumericBins | CategoryBins, column: ColumnProfile) -> Gauge:
    """The gauge of a column that has one."""
    found = gauge_of(bins, column)
    assert found is not None
    return found


USUAL = gauge(BINS, profiled(REFERENCE))


def flags(true: int, false: int, **more: int) -> CategoryProfile:
    """So many rows that are true and false."""
    return CategoryProfile(np.array([false, true]), {}, **more)


def test_the_reference_is_cut_off_at_its_outermost_quantiles() -> None:
    """Mean, variance and skew are those of the values cut off at .5 and 99.5 %."""
    low, high = np.quantile(REFERENCE, [EDGE, 1 - EDGE], method="inverted_cdf")
    cut = np.clip(REFERENCE, USUAL.low, USUAL.high)
    assert pytest.approx((low, high), rel=0.02) == (USUAL.low, USUAL.high)
    assert pytest.approx(cut.mean()) == USUAL.mean
    assert pytest.approx(cut.var(), rel=0.01) == USUAL.variance
    assert pytest.approx((((cut - cut.mean()) / cut.std()) ** 3).mean(), rel=0.02) == USUAL.skew
    assert USUAL.unit == pytest.approx(math.sqrt(USUAL.variance))
    assert USUAL.rows == len(REFERENCE)


@given(numbers)
def test_a_level_is_the_mean_of_values_that_are_cut_off(values: list[float | None]) -> None:
    """Infinities are at the cuts; null and NaN are no values."""
    known = np.array([each for each in values if each is not None and not math.isnan(each)], float)
    found = series(USUAL, BINS, [profiled(values)]).at(0)
    assert found.rows == len(known)
    if len(known):
        assert found.level == pytest.approx(np.clip(known, USUAL.low, USUAL.high).mean(), rel=1e-9, abs=1e-9)
    else:
        assert math.isnan(found.level)


@given(st.lists(numbers, min_size=1, max_size=5), st.randoms())
def test_the_level_of_several_windows_is_that_of_all_their_rows(parts: list[list[float | None]], order: object) -> None:
    """Summed up, or profiled together in any order of the rows."""
    whole = [each for part in parts for each in part]
    order.shuffle(whole)  # type: ignore[attr-defined]
    apart = series(USUAL, BINS, [profiled(part) for part in parts]).summed(np.ones((1, len(parts)))).at(0)
    merged = series(USUAL, BINS, [merge_columns([profiled(part) for part in parts])]).at(0)
    together = series(USUAL, BINS, [profiled(whole)]).at(0)
    for found in (apart, merged):
        assert found.rows == together.rows
        assert found.level == pytest.approx(together.level, rel=1e-9, abs=1e-9, nan_ok=True)


def test_no_single_row_can_move_a_level_far() -> None:
    """A value of 1e300 counts as one at the cut."""
    values = list(REFERENCE[:100])
    usual, burst = (series(USUAL, BINS, [profiled(each)]).at(0) for each in (values, [*values[1:], 1e300]))
    assert abs(burst.level - usual.level) < (USUAL.high - USUAL.low) / 100


def test_a_share_is_that_of_true_among_true_and_false() -> None:
    """What is missing, or neither, is left out; a value that the reference never had is counted by its name."""
    only_false = CategoryBins(("false",))
    rows = CategoryProfile(np.array([7]), {"true": 3, "maybe": 5}, null=4, absent=2)
    assert series(USUAL, only_false, [rows]).at(0) == (0.3, 10)
    assert series(USUAL, FLAGS, [flags(1, 3, null=9), empty_column(FLAGS, null=3)]).at(0) == (0.25, 4)
    assert math.isnan(series(USUAL, FLAGS, [empty_column(FLAGS, null=3)]).at(0).level)


def test_the_gauge_of_a_share() -> None:
    """Its variance is p (1 - p), never nothing; its unit has a floor, below which a rare share is not measured."""
    found = gauge(FLAGS, flags(300, 9700))
    assert (found.share, found.mean, found.rows) == (True, 0.03, 10_000)
    assert found.unit == pytest.approx(math.sqrt(0.03 * 0.97), rel=0.01)
    never = gauge(CategoryBins(("false",)), CategoryProfile(np.array([10_000]), {}))
    assert never.mean == 0
    assert 0 < never.variance < 1e-4
    assert never.unit == LEAST_SPREAD


@pytest.mark.parametrize(
    ("values", "said"),
    [([], "no value"), ([None, math.nan], "no number"), ([math.inf], "nothing finite"), ([5.0] * 100, "one value")],
)
def test_a_column_without_spread_has_no_level(values: list[float | None], said: str) -> None:
    """Nothing can be said of jumps in a column that the reference does not show to vary."""
    finite = np.array([each for each in values if each is not None], float)
    bins = numeric_bins(finite, limits=None, slack=3)
    assert gauge_of(bins, profiled(values, bins)) is None, said


def test_other_categories_have_no_level() -> None:
    """Nor has a true/false column of which the reference has no value."""
    colours = CategoryBins(("green", "red"))
    assert not is_boolean(colours)
    assert gauge_of(colours, CategoryProfile(np.array([5, 5]), {})) is None
    assert is_boolean(CategoryBins(()))
    assert gauge_of(CategoryBins(()), CategoryProfile(np.zeros(0, np.int64), {}, null=9)) is None


def test_a_column_of_mostly_one_value_is_not_cut_off() -> None:
    """Where the outermost quantiles are one value, the whole range is left: the few others are what can change."""
    values = np.array([0.0] * 9980 + [1.0] * 20)
    bins = numeric_bins(values, limits=None, slack=3)
    found = gauge(bins, profiled(values, bins))
    assert (found.low, found.high) == (0.0, 1.0)
    assert found.mean == pytest.approx(0.002)


def test_a_gauge_is_kept_as_plain_json() -> None:
    """And read again."""
    assert Gauge.from_json(USUAL.to_json()) == USUAL


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_a_level_is_told_as_finely_as_it_is_tested(mean: float, deviation: float) -> None:
    """A jump of a fraction of a standard deviation is seen in the words, whatever the column's unit."""
    gauge = Gauge(share=False, mean=mean, rows=1, variance=deviation**2, skew=0)
    said = [gauge.said(level) for level in (mean, mean + 0.25 * deviation)]
    assert said[0] != said[1]
    assert "e+" not in "".join(said)
    assert float(said[0]) == pytest.approx(mean, abs=0.11 * deviation)
