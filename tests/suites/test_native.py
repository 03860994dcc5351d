"""Evidently's own methods on samples."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import norm

from monitoring_tasks.methods import EVIDENTLY_METHODS, Kind
from monitoring_tasks.suites.native import native_score, sampled_frame

CASES = [(name, kind) for name, row in EVIDENTLY_METHODS.items() for kind in sorted(row.kinds)]


def sides(kind: Kind, *, shifted: bool) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Two samples of unequal size in random order; the second is spread like the first, or far from it."""
    random = np.random.default_rng(3)
    if kind == "numeric":
        one, two = (norm.ppf((np.arange(count) + 0.5) / count) for count in (400, 300))
        return pd.Series(random.permutation(one)), pd.Series(random.permutation(two) + 5 * shifted)
    counts = (270, 30) if shifted else (120, 180)
    one, two = (np.repeat(["a", "b"], each) for each in ((160, 240), counts))
    return pd.Series(random.permutation(one)), pd.Series(random.permutation(two))


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_direction(name: str, kind: Kind) -> None:
    """Each method gives a score, and our table turns it the way Evidently does: far apart is drift, alike is not."""
    row = EVIDENTLY_METHODS[name]
    drifted, alike = (native_score(name, kind, *sides(kind, shifted=shifted)).value for shifted in (True, False))
    assert row.breached(drifted, row.threshold)
    assert not row.breached(alike, row.threshold)
    assert (drifted < alike) is row.p_value


def test_the_callers_randomness_is_left_alone() -> None:
    """The permutation test seeds NumPy's global generator; the caller's sequence goes on as if it had not."""
    np.random.seed(5)
    expected = np.random.random(2).tolist()
    np.random.seed(5)
    first = np.random.random()
    native_score("TVD", "categorical", *(side.head(20) for side in sides("categorical", shifted=False)))
    assert [first, np.random.random()] == expected


SCORE = """
import pandas as pd
from monitoring_tasks.suites.native import native_score
names = [f"c{number}" for number in range(200)]
one = pd.Series([name for number, name in enumerate(names) for _ in range(number % 7 + 1)])
two = pd.Series([name for number, name in enumerate(names) for _ in range(number % 5 + 1)])
score = native_score("psi", "categorical", one, two).value
"""


def test_same_score_in_every_process() -> None:
    """Evidently sums over a set of categories, whose order differs between processes; the score does not."""
    here: dict[str, Any] = {}
    exec(SCORE, here)
    command = [sys.executable, "-c", SCORE + "print(repr(score))"]
    there = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "1"})
    assert there.stdout.strip() == repr(here["score"])


@pytest.mark.parametrize("empty", [None, pd.Series([], dtype="float64"), pd.Series([np.nan, np.nan])])
def test_nothing_to_compare(empty: pd.Series[Any] | None) -> None:
    """A sample that is absent, empty, or without a usable value gives no score, on either side."""
    full = pd.Series([1.0, 2.0])
    for one, two in ((full, empty), (empty, full)):
        measured = native_score("ks", "numeric", one, two)
        assert math.isnan(measured.value)
        assert measured.detail == "no usable values in the sample"


def test_z_needs_two_categories() -> None:
    """The z test sees one category against the rest; with three it would silently miss a change."""
    three = pd.Series(["a", "b", "c"] * 10)
    measured = native_score("z", "categorical", three, three)
    assert math.isnan(measured.value)
    assert "found 3: use chisquare" in measured.detail


def test_undefined_score() -> None:
    """A score that is not a number is undecided, where Evidently would call it a success."""
    same = pd.Series(["a"] * 10)
    assert math.isnan(native_score("chisquare", "categorical", same, same).value)


def test_frame_holds_what_can_be_read() -> None:
    """Numbers become float64, categories the profile's texts; a column of another type is left out."""
    sample = pa.table(
        {
            "whole": pa.array([1, None], pa.int8()),
            "flag": [True, False],
            "words": ["a", None],
            "coded": pa.array(["x", "y"]).dictionary_encode(),
            "number_as_label": [1.0, 2.5],
            "text_as_number": ["1", "2"],
            "list": [[1], [2]],
            "infinite": [np.inf, 1.0],
            "empty": [None, np.nan],
        }
    )
    kinds: dict[str, Kind] = {
        "whole": "numeric",
        "flag": "numeric",
        "words": "categorical",
        "coded": "categorical",
        "number_as_label": "categorical",
        "text_as_number": "numeric",
        "list": "categorical",
        "gone": "numeric",
        "infinite": "numeric",
        "empty": "numeric",
    }
    frame = sampled_frame(sample, kinds)
    assert frame.columns.tolist() == ["whole", "flag", "words", "coded", "number_as_label", "infinite"]
    assert frame["whole"].dtype == frame["flag"].dtype == "float64"
    assert frame["whole"].isna().tolist() == [False, True]
    assert frame["words"].isna().tolist() == [False, True]
    assert frame["infinite"].isna().tolist() == [True, False]
    assert frame["coded"].tolist() == ["x", "y"]
    assert frame["number_as_label"].tolist() == ["1", "2.5"]


def samples(seed: int, *counts: int) -> list[pd.Series[Any]]:
    """Samples of four categories from one distribution."""
    random = np.random.default_rng(seed)
    return [pd.Series(random.choice(list("abcd"), count, p=[0.4, 0.3, 0.2, 0.1])) for count in counts]


@pytest.mark.parametrize("counts", [(5000, 500), (5000, 5000), (500, 5000)])
def test_g_test_keeps_its_level(counts: tuple[int, int]) -> None:
    """Samples of one distribution drift in about 5 % of the cases at a threshold of .05, whatever their sizes."""
    scores = [native_score("g_test", "categorical", *samples(seed, *counts)).value for seed in range(200)]
    assert 0.01 <= np.mean(np.array(scores) < 0.05) <= 0.09


def test_g_test_sees_new_categories() -> None:
    """A category that one side lacks is drift; one category on both sides is undefined."""
    reference, current = samples(0, 5000, 500)
    assert native_score("g_test", "categorical", reference, current.replace("d", "new")).value < 1e-9
    assert native_score("g_test", "categorical", reference.replace("d", "new"), current).value < 1e-9
    assert math.isnan(native_score("g_test", "categorical", *(pd.Series(["a"] * size) for size in (9, 5))).value)


def test_cramer_von_mises_needs_values_that_differ() -> None:
    """With heavy ties its p-value is 0 on equal distributions: undecided, by few values or by one frequent one."""
    random = np.random.default_rng(0)
    few = [pd.Series(random.integers(0, 99, size).astype(float)) for size in (5000, 1000)]
    zeros = [pd.Series(np.where(random.random(size) < 0.3, 0.0, random.normal(size=size))) for size in (5000, 1000)]
    for sides_ in (few, zeros):
        measured = native_score("cramer_von_mises", "numeric", *sides_)
        assert math.isnan(measured.value)
        assert "needs values that differ" in measured.detail
    short = [pd.Series(random.normal(size=size)) for size in (30, 25)]
    assert native_score("cramer_von_mises", "numeric", *short).value > 0.001


@pytest.mark.parametrize("place", [0, 1])
def test_a_spread_beyond_all_numbers(place: int) -> None:
    """A value so large that the standard deviation overflows leaves distances undecided; ranks do not mind it."""
    both = [pd.Series(np.linspace(0, 1, 400)), pd.Series(np.linspace(5, 6, 300))]
    both[place].iloc[0] = 1e300
    measured = native_score("wasserstein", "numeric", *both)
    assert math.isnan(measured.value)
    assert "standard deviation" in measured.detail
    assert native_score("ks", "numeric", *both).value < 0.005
