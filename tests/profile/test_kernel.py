"""One column against its bins, compared with counting by hand."""

from __future__ import annotations

import datetime
import decimal
import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.profile import kernel
from monitoring_tasks.profile.binning import CategoryBins, Floats, NumericBins
from monitoring_tasks.profile.kernel import profile_column
from monitoring_tasks.profile.profile import CategoryProfile, NumericProfile
from tests.profile.shapes import bins_of, profiled, shapes, texts


def _numeric(array: object, bins: NumericBins) -> NumericProfile:
    found = profile_column(pa.chunked_array([array]), bins)
    assert isinstance(found, NumericProfile)
    return found


def _categories(array: object, *known: str) -> CategoryProfile:
    found = profile_column(pa.chunked_array([array]), CategoryBins(known))
    assert isinstance(found, CategoryProfile)
    return found


@given(values=shapes(), reference=shapes(), nulls=st.integers(0, 5), block=st.integers(1, 64))
def test_profile_agrees_with_brute_force(values: Floats, reference: Floats, nulls: int, block: int) -> None:
    """Every count, sum and moment is what looking at each value gives, whatever the size of the blocks."""
    bins = bins_of(reference)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "BLOCK", block)
        found = _numeric(pa.array([*values.tolist(), *[None] * nulls], pa.float64()), bins)
    finite = values[np.isfinite(values)]
    place = np.searchsorted(bins.edges, finite, "left")
    np.testing.assert_array_equal(found.counts, np.bincount(place, minlength=len(bins.edges) + 1))
    scale = np.abs(finite).max(initial=1e-300)
    sums = np.bincount(place, finite, minlength=len(bins.edges) + 1)
    np.testing.assert_allclose(found.sums, sums, rtol=1e-12, atol=1e-10 * scale)
    assert found.null == nulls
    assert found.nan == np.isnan(values).sum()
    assert found.negative_infinite == (values == -np.inf).sum()
    assert found.positive_infinite == (values == np.inf).sum()
    if len(finite):
        assert (found.minimum, found.maximum) == (finite.min(), finite.max())
        np.testing.assert_allclose(found.mean, finite.mean(), rtol=1e-12, atol=1e-12 * scale)
        np.testing.assert_allclose(found.m2, finite.var() * len(finite), rtol=1e-9, atol=1e-12 * scale**2)
    else:
        assert math.isnan(found.mean)
        assert found.m2 == 0


_BINS = NumericBins(np.array([1.0, 2.0]), np.array([0, 1]), 0.0, 3.0)


@pytest.mark.parametrize(
    "kind",
    [pa.int8(), pa.uint8(), pa.int64(), pa.uint64(), pa.float16(), pa.float32(), pa.float64(), pa.decimal128(9, 2)],
    ids=str,
)
def test_every_type_of_number_counts_alike(kind: pa.DataType) -> None:
    """Integers, floats and decimals, with and without nulls, dictionary encoded or not, fall into the same bins."""
    whole = pa.array([0, 1, 2, 2, 3, 3, 3], pa.int8()).cast(kind)
    gaps = pa.array([0, 1, None, 2, 2, 3, 3, 3], pa.int8()).cast(kind)
    assert _numeric(whole, _BINS).counts.tolist() == [2, 2, 3]
    found = _numeric(gaps, _BINS)
    assert (found.counts.tolist(), found.null, found.nan, found.mean) == ([2, 2, 3], 1, 0, 2.0)
    if not pa.types.is_decimal(kind) and kind != pa.float16():
        assert _numeric(gaps.dictionary_encode(), _BINS).counts.tolist() == [2, 2, 3]


def test_booleans_are_numbers_where_declared_so() -> None:
    """A boolean in a numeric column is 0 or 1."""
    found = _numeric(pa.array([True, False, None, True]), _BINS)
    assert (found.counts.tolist(), found.null, found.mean) == ([3, 0, 0], 1, 2 / 3)


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["1", "2"]),
        pa.array([[1], [2]]),
        pa.array([{"a": 1}, None]),
        pa.array([datetime.datetime(2013, 1, 1, tzinfo=datetime.UTC), None]),
        pa.array([datetime.date(2013, 1, 1), None]),
        pa.array([b"1", b"2"]),
        pa.array(["1", "2"]).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_other_types_are_unusable_in_a_numeric_column(array: object) -> None:
    """All rows of a column that is not a number are counted as unusable, none as missing."""
    found = _numeric(array, _BINS)
    assert (found.unusable, found.null, found.counts.sum()) == (2, 0, 0)


def test_a_column_of_nulls_only_is_missing() -> None:
    """A column without a type holds nothing but missing values, in either kind."""
    assert _numeric(pa.nulls(3), _BINS).null == 3
    assert _categories(pa.nulls(3), "a").null == 3


def test_values_near_the_largest_float_do_not_warn() -> None:
    """Sums and moments may overflow; counts and ends stay exact."""
    found = _numeric(pa.array([1.7e308, 1.7e308, -1.7e308, 1.0]), _BINS)
    assert found.counts.tolist() == [2, 0, 2]
    assert (found.minimum, found.maximum) == (-1.7e308, 1.7e308)


@given(values=texts, known=st.sets(st.sampled_from(["AA", "UA", "zz", ""])), encoded=st.booleans())
def test_categories_agree_with_brute_force(values: list[str], known: set[str], encoded: bool) -> None:
    """Known categories, new ones and nulls are counted as a plain counter does, however the column is encoded."""
    array = pa.array([*values, None], pa.string())
    found = _categories(array.dictionary_encode() if encoded else array, *sorted(known))
    counter = Counter(values)
    assert found.counts.tolist() == [counter[name] for name in sorted(known)]
    assert found.unseen == {name: count for name, count in counter.items() if name not in known}
    assert (found.null, found.other) == (1, 0)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array(["1", "2", None, "1"], pa.large_string()), {"1": 2, "2": 1}),
        (pa.array(["1", "2", None, "1"], pa.string_view()), {"1": 2, "2": 1}),
        (pa.array([1, 2, None, 1], pa.int8()), {"1": 2, "2": 1}),
        (pa.array([1.0, 2.0, None, 1.0, math.nan]), {"1": 2, "2": 1}),
        (pa.array([1.5, -0.0, math.inf, 1e16]), {"1.5": 1, "0": 1, "inf": 1, "10000000000000000": 1}),
        (pa.array([True, False, None, True]), {"true": 2, "false": 1}),
        (pa.array([decimal.Decimal("1.00"), decimal.Decimal("2.50")]), {"1": 1, "2.5": 1}),
        (pa.array([1, 2, None, 1]).dictionary_encode(), {"1": 2, "2": 1}),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_a_category_is_the_same_text_in_every_type(array: object, expected: dict[str, int]) -> None:
    """Integers, whole floats, decimals and booleans have one text each; null and NaN are missing."""
    found = _categories(array)
    assert found.unseen == expected
    assert found.null == len(array) - sum(expected.values())  # type: ignore[arg-type]


def test_text_that_is_not_utf8_is_still_counted() -> None:
    """Broken text becomes replacement characters; texts that then look alike count together."""
    broken = pa.array([b"\xff", b"\xfe", b"ok"]).view(pa.string())
    assert _categories(broken).unseen == {"�": 2, "ok": 1}


@pytest.mark.parametrize(
    "array",
    [pa.array([[1]]), pa.array([datetime.datetime(2013, 1, 1, tzinfo=datetime.UTC)]), pa.array([b"1"])],
    ids=str,
)
def test_other_types_are_unusable_in_a_categorical_column(array: object) -> None:
    """Nested values, moments and bytes are no categories."""
    assert _categories(array).unusable == 1


def test_an_id_column_taken_for_a_category_stays_bounded() -> None:
    """Of very many new categories the kernel carries a bounded number, and counts every row."""
    found = _categories(pa.array(range(kernel.CARRIED_UNSEEN + 500)))
    assert (len(found.unseen), found.other) == (kernel.CARRIED_UNSEEN, 500)


def test_many_chunks_are_one_column() -> None:
    """A column in several chunks, some empty, is counted as a whole."""
    column = pa.chunked_array([pa.array([0.5, None]), pa.array([], pa.float64()), pa.array([5.0])])
    found = profile_column(column, _BINS)
    assert isinstance(found, NumericProfile)
    assert (found.counts.tolist(), found.null) == ([1, 0, 1], 1)
    assert profiled([], _BINS) is not None
