"""Scores from two profiles, compared with brute force on the raw rows and with analytic values."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from monitoring_tasks.errors import ProfileMismatch
from monitoring_tasks.methods import METHODS
from monitoring_tasks.profile.binning import Binning, CategoryBins, Floats, NumericBins, binning_hash, numeric_bins
from monitoring_tasks.profile.kernel import BLOCK
from monitoring_tasks.profile.pairs import MANY, Pair
from monitoring_tasks.profile.profile import ColumnProfile, Profile
from monitoring_tasks.profile.scores import EPSILON, SCORES, Score, psi_bias, score_columns
from tests.profile.shapes import bins_of, profiled, shapes, texts


def _profile(binning: Binning, columns: dict[str, ColumnProfile]) -> Profile:
    return Profile(binning_hash(binning), 0, columns, dict.fromkeys(columns, ()))


def score(method: str, reference: object, current: object, bins: NumericBins | CategoryBins | None = None) -> Score:
    """The score of one column from raw values, by way of their profiles."""
    cuts = bins or bins_of(np.asarray(reference, np.float64))
    binning = Binning({"x": cuts})
    sides = [_profile(binning, {"x": profiled(values, cuts)}) for values in (reference, current)]
    return score_columns(binning, *sides, {"x": method})["x"]


def decile_shares(reference: Floats, current: Floats) -> tuple[Floats, Floats]:
    """Shares by the reference's deciles, counted value by value; infinities in the outermost bins, NaN nowhere."""
    bins = bins_of(reference)
    edges = bins.edges[bins.deciles]
    sides = []
    for values in (reference, current):
        known = values[~np.isnan(values)]
        counts = np.bincount(np.searchsorted(edges, known, "left"), minlength=len(edges) + 1)
        sides.append(counts / len(known) if len(known) else np.full(len(counts), np.nan))
    return sides[0], sides[1]


def _psi(p: Floats, q: Floats) -> float:
    p, q = np.maximum(p, EPSILON), np.maximum(q, EPSILON)
    return float(((p - q) * np.log(p / q)).sum())


FORMULAS = {
    "psi": _psi,
    "jensen_shannon": jensenshannon,
    "hellinger": lambda p, q: math.sqrt(max(0.0, 1 - np.sqrt(p * q).sum())),
    "kl_divergence": lambda p, q: stats.entropy(np.maximum(p, EPSILON), np.maximum(q, EPSILON)),
    "total_variation": lambda p, q: np.abs(p - q).sum() / 2,
}


def test_every_method_has_its_function() -> None:
    """The functions and the methods a monitor may name are the same list."""
    assert list(SCORES) == list(METHODS)


@pytest.mark.parametrize("method", FORMULAS)
@given(reference=shapes(), current=shapes())
def test_decile_scores_agree_with_brute_force(method: str, reference: Floats, current: Floats) -> None:
    """Each distance of shares equals its textbook formula on the raw rows, whatever their shape."""
    p, q = decile_shares(reference, current)
    found = score(method, reference, current).value
    if np.isnan(p).any() or np.isnan(q).any():
        assert math.isnan(found)
    else:
        # The root of a difference of nearly equal numbers is only good to the root of the precision.
        tolerance = 1e-7 if method in ("jensen_shannon", "hellinger") else 1e-12
        np.testing.assert_allclose(found, FORMULAS[method](p, q), rtol=1e-7, atol=tolerance)


@pytest.mark.parametrize("method", FORMULAS)
@given(reference=texts, current=texts, kept=st.integers(0, 6))
def test_category_scores_agree_with_brute_force(
    method: str, reference: list[str], current: list[str], kept: int
) -> None:
    """The same formulas hold by category, with one bin for all that the reference does not name."""
    known = sorted(set(reference))[:kept]
    sides = []
    for values in (reference, current):
        counts = [values.count(name) for name in known]
        sides.append(np.array([*counts, len(values) - sum(counts)]) / (len(values) or math.nan))
    found = score(method, reference, [*current, None], CategoryBins(tuple(known))).value
    if not reference or not current:
        assert math.isnan(found)
    else:
        np.testing.assert_allclose(found, FORMULAS[method](*sides), rtol=1e-7, atol=1e-7)


@given(reference=shapes(), current=shapes())
def test_ks_brackets_the_statistic_of_the_rows(reference: Floats, current: Floats) -> None:
    """The score is never above the exact statistic, the bound never below it, the p-value never below the rows' own."""
    x, y = reference[~np.isnan(reference)], current[~np.isnan(current)]
    found = score("ks", reference, current)
    assert found.bound is not None
    if not len(x) or not len(y):
        assert math.isnan(found.value)
        assert math.isnan(found.bound)
        return
    if len(x) == len(y) == 1:
        return  # scipy divides by zero
    exact = stats.ks_2samp(x, y, method="asymp")
    assert found.value <= exact.statistic + 1e-12
    assert found.bound >= exact.statistic - 1e-12
    assert found.bound <= 1 + 1e-12
    assert score("ks_p_value", reference, current).value >= exact.pvalue * (1 - 1e-9)


def test_one_row_against_one_is_no_evidence() -> None:
    """Two single rows that differ have the largest statistic there is, and a p-value of one."""
    found = [score(method, np.array([1.0]), np.array([2.0])).value for method in ("ks", "ks_p_value")]
    assert found == [1.0, 1.0]


@given(
    reference=st.lists(st.integers(0, 3), min_size=8, max_size=300), current=st.lists(st.integers(-1, 4), min_size=1)
)
def test_ks_is_exact_on_atoms(reference: list[int], current: list[int]) -> None:
    """Where every value is an atom of the reference or lies outside its range, the statistic loses nothing."""
    assume(all(reference.count(value) >= len(reference) / 50 for value in set(reference)))
    known = [value for value in current if value in reference]
    assume(known)
    found = score("ks", np.array(reference, float), np.array(known, float)).value
    np.testing.assert_allclose(found, stats.ks_2samp(reference, known, method="asymp").statistic, atol=1e-12)


@given(reference=shapes(), current=shapes())
def test_wasserstein_lies_between_what_the_bins_prove(reference: Floats, current: Floats) -> None:
    """The score lies within what bins with these counts allow, and is exact where signs do not change."""
    x, y = reference[np.isfinite(reference)], current[np.isfinite(current)]
    x, y = x[np.abs(x) < 1e100], y[np.abs(y) < 1e100]
    found = score("wasserstein", x, y).value
    if not len(x) or not len(y):
        assert math.isnan(found)
        return
    scale = x.std() if x.min() < x.max() else abs(x[0]) or 1.0
    exact = stats.wasserstein_distance(x, y) / scale
    slack, crossed = _wasserstein_slack(x, y)
    size = max(np.abs(x).max(), np.abs(y).max()) / scale
    if not crossed:
        np.testing.assert_allclose(found, exact, rtol=1e-9, atol=1e-12 * size)
    assert abs(found - exact) <= slack / scale + 1e-9 * exact + 1e-12 * size


@pytest.mark.parametrize("moved", [-0.1, -0.05, -0.01, 0.01, 0.05, 0.1])
@pytest.mark.parametrize("flags", [0.0, 0.019, 0.021])
def test_wasserstein_is_not_inflated_on_few_values(flags: float, moved: float) -> None:
    """Counts 0 to 4 and flags that moved a little are scored nearly as by scipy, though F - G changes sign there."""
    rng = np.random.default_rng(5)
    sizes = (20_000, 2_000)
    if flags:
        reference, current = (rng.random(20_000) < 0.02).astype(float), (rng.random(20_000) < flags) + moved
    else:
        reference, current = (rng.integers(0, 5, size).astype(float) for size in sizes)
        current = current + moved
    exact = stats.wasserstein_distance(reference, current) / reference.std()
    assert score("wasserstein", reference, current).value == pytest.approx(exact, abs=0.04)


def test_wasserstein_bears_a_range_without_end() -> None:
    """Edges far beyond every value change nothing."""
    values = np.arange(100.0)
    bins = numeric_bins(values, limits=(-math.inf, math.inf), slack=3.0)
    assert score("wasserstein", values, values + 5, bins).value == pytest.approx(5 / values.std())


def _wasserstein_slack(x: Floats, y: Floats) -> tuple[float, bool]:
    """By how much the true area of the bins in which F - G changes sign can differ, and whether there are any."""
    edges = bins_of(x).edges
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    points = np.unique(np.clip(np.concatenate([[low], edges, [high]]), low, high))
    grid = np.unique(np.concatenate([x, y, points]))
    gap = np.searchsorted(np.sort(x), grid, "right") / len(x) - np.searchsorted(np.sort(y), grid, "right") / len(y)
    slack, crossed = 0.0, False
    for left, right in pairwise(points):
        inside = gap[(grid >= left) & (grid < right)]
        changes = inside.min() < -1e-12 and inside.max() > 1e-12
        ends = gap[grid == left][0], gap[grid == right][0]
        if changes or ends[0] * ends[1] < 0:
            crossed = True
            slack += (right - left) * max(np.abs(inside).max(), *map(abs, ends))
    return slack, crossed


@given(values=shapes())
def test_a_column_does_not_drift_from_itself(values: Floats) -> None:
    """Every numeric score of equal rows is zero, and the p-value one; without values it is undecidable."""
    for name, method in METHODS.items():
        if "numeric" in method.kinds:
            used = values[np.isfinite(values) & (np.abs(values) < 1e100)] if name == "wasserstein" else values
            found = score(name, used, used).value
            expected = (1.0 if method.p_value else 0.0) if np.sum(~np.isnan(used)) else math.nan
            np.testing.assert_allclose(found, expected, atol=1e-9)


SHIFT = 0.3


@pytest.fixture(scope="module")
def normals() -> tuple[Floats, Floats]:
    """Quantiles of N(0, 1) and N(SHIFT, 1) at half a million even levels: samples without noise."""
    levels = (np.arange(500_000) + 0.5) / 500_000
    normal = stats.norm.ppf(levels)
    return normal, normal + SHIFT


def test_scores_of_normals_are_the_analytic_ones(normals: tuple[Floats, Floats]) -> None:
    """KS is 2 Phi(d/2) - 1, Wasserstein d, and the distances of shares follow from Phi at the reference's deciles."""
    exact = 2 * stats.norm.cdf(SHIFT / 2) - 1
    ks = score("ks", *normals)
    assert ks.value <= exact + 1e-5
    assert ks.bound is not None
    assert exact - 1e-5 <= ks.bound <= exact + 0.006
    assert score("wasserstein", *normals).value == pytest.approx(SHIFT, rel=1e-4)
    q = np.diff(stats.norm.cdf(np.concatenate([[-np.inf], stats.norm.ppf(np.arange(1, 10) / 10) - SHIFT, [np.inf]])))
    for method, formula in FORMULAS.items():
        assert score(method, *normals).value == pytest.approx(formula(np.full(10, 0.1), q), rel=1e-4)


def test_more_rows_than_a_block(normals: tuple[Floats, Floats]) -> None:
    """The noise-free sample is long enough to cross blocks, so that the analytic test covers their sums."""
    assert len(normals[0]) > BLOCK


def test_ks_p_value_is_scipys_on_the_same_statistic() -> None:
    """The asymptotic two-sided p-value agrees with scipy's where the statistic is exact, and is calibrated."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 5, 800).astype(float), rng.integers(0, 5, 300).astype(float)
    assert score("ks_p_value", x, y).value == pytest.approx(stats.ks_2samp(x, y, method="asymp").pvalue)
    p = [score("ks_p_value", rng.normal(size=400), rng.normal(size=400)).value for _ in range(200)]
    assert 0.005 < np.mean(np.array(p) < 0.05) < 0.1


def test_chi_square_is_scipys_on_the_pooled_table() -> None:
    """Categories under one percent of the reference, and new ones, are one column of the contingency table."""
    reference = ["a"] * 600 + ["b"] * 390 + ["rare"] * 6 + ["rarer"] * 4
    current = ["a"] * 300 + ["b"] * 160 + ["rare"] * 5 + ["new"] * 15
    expected = stats.chi2_contingency([[600, 390, 10], [300, 160, 20]], correction=False).pvalue
    found = score("chi_square_p_value", reference, current, CategoryBins(("a", "b", "rare", "rarer")))
    assert found.value == pytest.approx(expected)


@given(reference=texts, current=texts)
def test_chi_square_agrees_with_scipy(reference: list[str], current: list[str]) -> None:
    """With few values no category is rare: the table of the known ones and one for new ones is what scipy is given."""
    known = tuple(sorted(set(reference)))
    found = score("chi_square_p_value", reference, current, CategoryBins(known)).value
    if not reference or not current:
        assert math.isnan(found)
        return
    table = np.array(
        [[*map(side.count, known), sum(value not in known for value in side)] for side in (reference, current)]
    )
    table = table[:, table.sum(axis=0) > 0]
    expected = stats.chi2_contingency(table, correction=False).pvalue if table.shape[1] > 1 else 1.0
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_chi_square_of_only_rare_categories_is_undecidable() -> None:
    """When pooling leaves nothing to compare the answer is not a pass."""
    names = [f"{number:04}" for number in range(500)]
    assert math.isnan(score("chi_square_p_value", names, names[:50], CategoryBins(tuple(names))).value)


@pytest.mark.parametrize("categories", [3000, 5000])
def test_many_categories_of_one_distribution_do_not_drift(categories: int) -> None:
    """Where most categories have a few rows, chance is no drift; a change among the frequent ones still is."""
    rng = np.random.default_rng(2)
    shares = 1 / np.arange(1, categories + 1)
    reference, current = (rng.choice(categories, size, p=shares / shares.sum()) for size in (9000, 1000))
    bins = CategoryBins(tuple(sorted({f"{number:04}" for number in reference})))
    named = [[f"{number:04}" for number in side] for side in (reference, current)]
    assert score("psi", *named, bins).value < 0.05
    assert score("total_variation", *named, bins).value < 0.1
    assert score("psi", named[0], ["0000" if name < "0005" else name for name in named[1]], bins).value > 0.2
    assert score("psi", named[0], ["new"] * 1000, bins).value > 0.2


@pytest.mark.parametrize("method", FORMULAS)
def test_many_categories_that_are_all_rare_are_undecidable(method: str) -> None:
    """When pooling leaves nothing to compare the answer is not a pass."""
    names = [f"{number:04}" for number in range(500)]
    assert math.isnan(score(method, names, names[:50], CategoryBins(tuple(names))).value)


@pytest.mark.parametrize("method", FORMULAS)
def test_up_to_many_categories_count_one_by_one(method: str) -> None:
    """Up to `MANY` categories are not pooled, however rare."""
    names = [f"{number:04}" for number in range(MANY)]
    p = np.append(np.full(MANY, 1 / MANY), 0.0)
    q = np.append(np.where(np.arange(MANY) < 50, 1 / 50, 0.0), 0.0)
    found = score(method, names, names[:50], CategoryBins(tuple(names))).value
    assert found == pytest.approx(FORMULAS[method](p, q))


def test_a_constant_reference_still_shows_drift() -> None:
    """A column that was constant drifts in either direction, and by every method."""
    constant = np.full(100, 5.0)
    for other in (4.0, 6.0):
        for method in ("psi", "ks", "total_variation", "hellinger", "jensen_shannon", "kl_divergence"):
            assert score(method, constant, np.full(100, other)).value > 0.5
        assert score("wasserstein", constant, np.full(100, other)).value == pytest.approx(0.2)
    assert score("wasserstein", np.zeros(9), np.full(9, 2.0)).value == pytest.approx(2.0)


def test_columns_are_scored_together_as_alone() -> None:
    """Columns of unlike numbers of bins do not disturb each other, and come back in the order asked for."""
    rng = np.random.default_rng(3)
    columns = {"a": rng.normal(size=500), "b": np.full(500, 1.0), "c": rng.integers(0, 3, 500).astype(float)}
    moved = {name: values + 0.5 for name, values in columns.items()}
    binning = Binning({name: bins_of(values) for name, values in columns.items()})
    sides = [
        _profile(binning, {name: profiled(values, binning.columns[name]) for name, values in side.items()})
        for side in (columns, moved)
    ]
    for method in (name for name, row in METHODS.items() if "numeric" in row.kinds):
        together = score_columns(binning, *sides, {"c": method, "a": method, "b": method})
        assert list(together) == ["c", "a", "b"]
        for name, found in together.items():
            assert found.value == pytest.approx(score(method, columns[name], moved[name]).value, rel=1e-12)


def test_each_column_may_have_its_own_method() -> None:
    """Methods are mixed freely; no column at all gives no score."""
    values = np.arange(100.0)
    binning = Binning({"a": bins_of(values), "b": bins_of(values)})
    side = _profile(binning, {name: profiled(values, bins) for name, bins in binning.columns.items()})
    found = score_columns(binning, side, side, {"b": "ks_p_value", "a": "psi"})
    assert found == {"b": Score(1.0), "a": Score(0.0)}
    assert score_columns(binning, side, side, {}) == {}


def test_a_profile_of_other_bins_is_refused() -> None:
    """Profiles are compared only when both have the binning given."""
    binning, other = Binning({"x": bins_of(np.arange(9.0))}), Binning({"x": bins_of(np.arange(8.0))})
    sides = [_profile(each, {"x": profiled([1.0], each.columns["x"])}) for each in (binning, other)]
    with pytest.raises(ProfileMismatch):
        score_columns(binning, sides[0], sides[1], {"x": "psi"})
    with pytest.raises(ProfileMismatch, match="profile them again"):
        score_columns(other, sides[0], sides[0], {"x": "psi"})


def test_a_numeric_method_refuses_categories() -> None:
    """A method that needs an order says so instead of scoring labels."""
    bins = CategoryBins(("a",))
    with pytest.raises(ValueError, match="numeric columns"):
        SCORES["ks"]([Pair(bins, profiled(["a"], bins), profiled(["a"], bins))])


def _bias(reference: object, current: object, bins: NumericBins | CategoryBins) -> float:
    return float(psi_bias([Pair(bins, profiled(reference, bins), profiled(current, bins))])[0])


@pytest.mark.parametrize(("n", "m"), [(500, 500), (500, 20_000), (2_000, 4_000)])
def test_psi_bias_is_the_mean_of_psi_between_samples(n: int, m: int) -> None:
    """Ten deciles of a continuous column, and four categories: what chance alone gives, by simulation."""
    random = np.random.default_rng(n + m)
    bins, names = bins_of(random.normal(size=20_000)), CategoryBins(("a", "b", "c", "d"))
    numbers, texts_of = [], []
    for _ in range(100):
        sides = random.normal(size=m), random.normal(size=n)
        numbers.append(score("psi", *sides, bins).value)
        drawn = [random.choice(names.values, size, p=[0.4, 0.3, 0.2, 0.1]).tolist() for size in (m, n)]
        texts_of.append(score("psi", *drawn, names).value)
    assert _bias(*sides, bins) == pytest.approx(9 * (1 / n + 1 / m))
    assert np.mean(numbers) == pytest.approx(9 * (1 / n + 1 / m), rel=0.2)
    assert _bias(*drawn, names) == pytest.approx(3 * (1 / n + 1 / m))
    assert np.mean(texts_of) == pytest.approx(3 * (1 / n + 1 / m), rel=0.25)


def test_psi_bias_counts_the_bins_that_psi_has() -> None:
    """Rare categories of a long list are one bin; unknown ones another only where there are any; no values are NaN."""
    few = CategoryBins(("a", "b"))
    assert _bias(["a"] * 50 + ["b"] * 50, ["a"] * 10, few) == pytest.approx(1 / 100 + 1 / 10)
    assert _bias(["a"] * 50 + ["b"] * 50, ["c"] * 10, few) == pytest.approx(2 * (1 / 100 + 1 / 10))
    assert _bias(["a"] * 50, ["a"] * 10, few) == 0
    many = CategoryBins(tuple(f"{place:04}" for place in range(2 * MANY)))
    reference = ["0000"] * 1_000 + list(many.values)
    assert _bias(reference, ["0000"] * 500, many) == pytest.approx(1 / len(reference) + 1 / 500)
    for sides in ((["a"], []), ([], ["a"]), ([], [])):
        assert math.isnan(_bias(*sides, few))
