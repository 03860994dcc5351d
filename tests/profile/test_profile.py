"""Profiles: merging and serialising."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.errors import ProfileMismatch
from monitoring_tasks.profile.arrow import scan_arrow
from monitoring_tasks.profile.binning import Binning, CategoryBins, Floats, binning_hash
from monitoring_tasks.profile.plan import Plan
from monitoring_tasks.profile.profile import (
    TOP_UNSEEN,
    CategoryProfile,
    NumericProfile,
    Profile,
    dumps,
    empty,
    loads,
    merge,
    merge_columns,
)
from tests.profile.shapes import MemoryRows, bins_of, profiled, shapes


@given(values=shapes(), cuts=st.lists(st.integers(0, 400), max_size=4))
def test_the_sum_of_pieces_is_the_whole(values: Floats, cuts: list[int]) -> None:
    """Counts and ends of merged pieces equal those of one profile; means, sums and m2 do to rounding."""
    bins = bins_of(values)
    whole = profiled(values, bins)
    summed = merge_columns([profiled(piece, bins) for piece in np.split(values, sorted(cuts))])
    assert isinstance(whole, NumericProfile)
    assert isinstance(summed, NumericProfile)
    np.testing.assert_array_equal(summed.counts, whole.counts)
    for name in ("minimum", "maximum", "nan", "negative_infinite", "positive_infinite", "null"):
        np.testing.assert_equal(getattr(summed, name), getattr(whole, name))
    scale = np.nanmax(np.abs([whole.minimum, whole.maximum, 1e-300]))
    np.testing.assert_allclose(summed.mean, whole.mean, rtol=1e-12, atol=1e-12 * scale)
    np.testing.assert_allclose(summed.m2, whole.m2, rtol=1e-9, atol=1e-12 * scale**2)
    np.testing.assert_allclose(summed.sums, whole.sums, rtol=1e-12, atol=1e-10 * scale)


def test_unseen_categories_are_cut_without_losing_rows() -> None:
    """The hundred most frequent new categories stay named, equals by name; all others are counted together."""
    bins = CategoryBins(("AA",))
    new = [f"{number:03}" for number in range(150)]
    profile = profiled([*new, *new[100:], "AA"], bins)
    assert isinstance(profile, CategoryProfile)
    assert len(profile.unseen) == TOP_UNSEEN
    assert list(profile.unseen) == [*new[:50], *new[100:]]
    assert (sum(profile.unseen.values()), profile.other) == (150, 50)
    merged = merge_columns([profile, profile])
    assert isinstance(merged, CategoryProfile)
    assert merged.other == 100
    assert merged.counts.tolist() == [2]


def _profiles() -> tuple[Binning, list[Profile]]:
    values = np.array([1.0, 2.0, math.nan, math.inf, 3.0, 3.0])
    binning = Binning({"x": bins_of(values), "c": CategoryBins(("a",))})
    tables = [pa.table({"x": values[:3], "c": ["a", None, "b"]}), pa.table({"x": values[3:], "c": [1, 2, 3]})]
    plan = Plan(binning)
    return binning, [scan_arrow(MemoryRows([table]), None, plan).profile for table in tables]


def test_merged_profile_counts_all_rows() -> None:
    """Rows add up, types seen on either side are listed sorted, and unknown duplicates stay unknown."""
    _, profiles = _profiles()
    merged = merge(profiles)
    assert merged.rows == 6
    assert merged.types == {"x": ("double",), "c": ("int64", "string")}
    assert merged.duplicates is None


def test_merging_with_nothing_changes_nothing() -> None:
    """The empty profile is neutral, whichever side it stands on."""
    binning, profiles = _profiles()
    nothing = empty(binning)
    assert dumps(merge([nothing, profiles[0]])) == dumps(profiles[0])
    assert dumps(merge([profiles[0], nothing])) == dumps(profiles[0])


def test_unlike_binnings_do_not_merge() -> None:
    """Profiles made with other edges are refused, and the error says what to do."""
    _, profiles = _profiles()
    other = empty(Binning({"x": bins_of(np.array([9.0])), "c": CategoryBins(("a",))}))
    with pytest.raises(ProfileMismatch, match="profile the window again"):
        merge([profiles[0], other])


def test_unlike_kinds_do_not_merge() -> None:
    """A numeric and a categorical profile of one column cannot be added."""
    with pytest.raises(ProfileMismatch, match="numeric and a categorical"):
        merge_columns([profiled([1.0], bins_of(np.array([1.0]))), profiled(["a"], CategoryBins(("a",)))])


def test_nothing_to_merge_is_refused() -> None:
    """No profile has no binning, so there is nothing to return."""
    with pytest.raises(ValueError, match="empty"):
        merge([])


def test_duplicates_add_up() -> None:
    """Duplicates within each piece are summed."""
    binning = Binning({})
    assert merge([empty(binning, duplicates=2), empty(binning, duplicates=3)]).duplicates == 5


def test_profile_survives_serialisation() -> None:
    """Reading back gives the same bytes again and keeps the binning's hash; NaN ends are null in the file."""
    binning, profiles = _profiles()
    for profile in (*profiles, merge(profiles), empty(binning)):
        content = dumps(profile)
        assert dumps(loads(content)) == content
        assert loads(content).binning == binning_hash(binning)
    assert b"NaN" not in dumps(empty(binning))
    column = loads(dumps(empty(binning))).columns["x"]
    assert isinstance(column, NumericProfile)
    assert math.isnan(column.mean)


def test_a_profile_of_another_format_is_refused() -> None:
    """A profile written by another format version is not read."""
    with pytest.raises(ProfileMismatch, match="compute it again"):
        loads(dumps(empty(Binning({}))).replace(b'"format":1', b'"format":0'))
