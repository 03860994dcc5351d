"""Summaries of a column for people."""

from __future__ import annotations

import json
import math

import numpy as np
from hypothesis import given

from monitoring_tasks.profile.binning import CategoryBins, Floats
from monitoring_tasks.profile.profile import empty_column
from monitoring_tasks.profile.summary import summary
from tests.profile.shapes import bins_of, profiled, shapes


def test_a_numeric_column() -> None:
    """Mean, sd, ends and median are those of the finite values; null and NaN are missing, infinities are not."""
    values = np.array([1.0, 2.0, 3.0, 4.0, math.nan, math.inf])
    found = summary(bins_of(values), profiled([*values, None], bins_of(values)))
    assert found == {
        "rows": 7,
        "missing_share": 0.285714,
        "mean": 2.5,
        "sd": 1.11803,
        "minimum": 1.0,
        "median": 2.0,
        "maximum": 4.0,
    }


@given(values=shapes())
def test_any_column_is_json_and_its_median_lies_near(values: Floats) -> None:
    """Every number is finite or None, and the median lies within one bin of the true one."""
    bins = bins_of(values)
    found = summary(bins, profiled(values, bins))
    json.dumps(found, allow_nan=False)
    finite = values[np.isfinite(values)]
    if len(finite):
        share = [(finite <= found["median"] + 1e-5 * abs(found["median"])).mean(), (finite < found["median"]).mean()]
        assert share[0] >= 0.5 - 1 / 200 - 1 / len(finite)
    else:
        assert found["median"] is None


def test_an_atom_is_its_own_median() -> None:
    """The median of a zero-inflated column is zero, not the tiny number below it."""
    values = np.array([0.0] * 60 + [5.0] * 40)
    assert summary(bins_of(values), profiled(values, bins_of(values)))["median"] == 0.0


def test_a_categorical_column() -> None:
    """The three most frequent categories, new ones among them, with their share of the values."""
    bins = CategoryBins(("AA", "UA"))
    found = summary(bins, profiled(["AA"] * 4 + ["XX"] * 3 + ["UA", "YY", None, None], bins))
    assert found == {
        "rows": 11,
        "missing_share": 0.181818,
        "top": [["AA", 0.444444], ["XX", 0.333333], ["UA", 0.111111]],
        "unseen_share": 0.444444,
    }


def test_no_rows_and_no_column() -> None:
    """Without values every number is None; rows without the column still count as rows."""
    numeric = summary(bins_of(np.zeros(0)), empty_column(bins_of(np.zeros(0))))
    assert numeric["rows"] == 0
    assert {numeric[name] for name in numeric if name != "rows"} == {None}
    absent = summary(CategoryBins(("a",)), empty_column(CategoryBins(("a",)), absent=3, unusable=2))
    assert absent == {"rows": 5, "missing_share": None, "top": [], "unseen_share": None}
