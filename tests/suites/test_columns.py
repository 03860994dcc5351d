"""What a profile says about a column's quality."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from monitoring_tasks.checks import Check
from monitoring_tasks.profile.binning import CategoryBins, NumericBins
from monitoring_tasks.profile.profile import CategoryProfile, NumericProfile, is_constant
from monitoring_tasks.suites.columns import (
    MEASURES,
    Column,
    missing,
    outside,
    readable,
    reference_share,
    rows,
    values,
    why_empty,
)

BINS = NumericBins(np.array([np.nextafter(0.0, -1), 5.0, 10.0]), np.array([1]), 0.0, 10.0)
LABELS = CategoryBins(("blue", "red"))


def numeric(counts: tuple[int, ...] = (0, 6, 4, 0), **more: Any) -> NumericProfile:
    """A profile on `BINS`: below 0, up to 5, up to 10, above 10."""
    ends = (
        {"minimum": 1.0, "maximum": 9.0, "mean": 4.0}
        if sum(counts)
        else dict.fromkeys(("minimum", "maximum", "mean"), math.nan)
    )
    return NumericProfile(**{"counts": np.array(counts), "sums": np.zeros(4), "m2": 1.0, **ends, **more})


def labels(counts: tuple[int, int] = (6, 4), unseen: dict[str, int] | None = None, **more: Any) -> CategoryProfile:
    """A profile on `LABELS`."""
    return CategoryProfile(np.array(counts), unseen or {}, **more)


def column(
    current: NumericProfile | CategoryProfile, reference: NumericProfile | CategoryProfile | None = None
) -> Column:
    """A column whose reference is unremarkable unless given."""
    if isinstance(current, CategoryProfile):
        return Column("colour", "categorical", LABELS, reference or labels(), current, ("string",))
    return Column("amount", "numeric", BINS, reference or numeric(), current, ("double",))


def test_every_row_is_counted_once() -> None:
    """Values, missing, unusable and absent rows add up to all rows."""
    profile = numeric((1, 2, 3, 4), null=5, nan=6, negative_infinite=7, positive_infinite=8, absent=9, unusable=10)
    assert (values(profile), missing(profile), readable(profile), rows(profile)) == (25, 11, 36, 55)
    category = labels((1, 2), {"pink": 3}, other=4, null=5, absent=6, unusable=7)
    assert (values(category), missing(category), readable(category), rows(category)) == (10, 5, 15, 28)


def test_outside_is_exact() -> None:
    """Both limits are allowed values; infinite values are outside."""
    assert outside(BINS, numeric((2, 6, 4, 3), negative_infinite=1, positive_infinite=1)) == 7


@pytest.mark.parametrize(
    ("profile", "constant"),
    [
        (numeric(), False),
        (numeric((0, 10, 0, 0), minimum=2.0, maximum=2.0), True),
        (numeric((0, 10, 0, 0), minimum=2.0, maximum=2.0, null=5), True),
        (numeric((0, 10, 0, 0), minimum=2.0, maximum=2.0, positive_infinite=1), False),
        (numeric((0, 0, 0, 0), positive_infinite=9), True),
        (numeric((0, 0, 0, 0), positive_infinite=9, negative_infinite=1), False),
        (numeric((0, 0, 0, 0)), True),
        (labels(), False),
        (labels((5, 0)), True),
        (labels((5, 0), {"pink": 1}), False),
        (labels((0, 0), {"pink": 9}), True),
        (labels((0, 0), other=1), True),
        (labels((0, 0), {"pink": 9}, other=1), False),
    ],
)
def test_is_constant(profile: NumericProfile | CategoryProfile, constant: bool) -> None:
    """One value only, whatever is missing beside it; infinities count as values of their own."""
    assert is_constant(profile) is constant


@pytest.mark.parametrize(
    ("check", "current", "value"),
    [
        (Check.COLUMN_PRESENT, numeric(absent=10), 0.5),
        (Check.COLUMN_TYPE, numeric(unusable=10, absent=20), 0.5),
        (Check.MISSING_SHARE, numeric(null=5, nan=5, absent=20), 0.5),
        (Check.OUT_OF_RANGE_SHARE, numeric((5, 5, 5, 5), null=20), 0.5),
        (Check.UNSEEN_SHARE, labels((5, 0), {"pink": 3}, other=2, null=9), 0.5),
        (Check.CONSTANT, labels((5, 0)), 1.0),
        (Check.CONSTANT, labels((5, 1)), 0.0),
    ],
)
def test_measures(check: Check, current: NumericProfile | CategoryProfile, value: float) -> None:
    """Each share has the rows it is about as its denominator."""
    assert MEASURES[check](column(current)).value == value


def test_what_is_usual_is_that_of_the_baseline() -> None:
    """The rows it is compared with may be those of the weeks before: they are not called the reference."""
    usual = replace(column(labels((5, 0), null=5)), reference=labels((3, 3), null=2))
    assert MEASURES[Check.MISSING_SHARE](usual).detail == "25.0% in its baseline"
    assert MEASURES[Check.CONSTANT](usual).detail == "one value only, its baseline has several"


@pytest.mark.parametrize("check", [Check.MISSING_SHARE, Check.OUT_OF_RANGE_SHARE, Check.CONSTANT, Check.COLUMN_TYPE])
def test_nothing_to_measure(check: Check) -> None:
    """Without rows that a check is about its value is NaN, with the reason."""
    measured = MEASURES[check](column(numeric((0, 0, 0, 0), absent=10)))
    assert math.isnan(measured.value)
    assert measured.detail == "the column is not there"


def test_checks_of_the_other_kind_measure_nothing() -> None:
    """A range is for numbers and categories are for labels."""
    assert math.isnan(MEASURES[Check.OUT_OF_RANGE_SHARE](column(labels())).value)
    assert math.isnan(MEASURES[Check.UNSEEN_SHARE](column(numeric())).value)


def test_one_value_cannot_vary() -> None:
    """A single value leaves the constant check undecided."""
    measured = MEASURES[Check.CONSTANT](column(labels((1, 0))))
    assert math.isnan(measured.value)
    assert "single value" in measured.detail


def test_no_range_without_values() -> None:
    """A reference without finite values gives no range to judge by."""
    bins = NumericBins(np.array([]), np.array([], np.int64), math.nan, math.nan)
    bare = Column("amount", "numeric", bins, numeric((0, 0, 0, 0)), numeric())
    assert math.isnan(MEASURES[Check.OUT_OF_RANGE_SHARE](bare).value)


def test_why_empty() -> None:
    """The reason names what was found: nothing, the wrong type, or missing values only."""
    empty = (0, 0, 0, 0)
    assert why_empty(column(numeric())) == ""
    assert why_empty(column(numeric(empty, absent=3))) == "the column is not there"
    assert (
        why_empty(column(numeric(empty, unusable=2, absent=1)))
        == "no value of a usable type: found double, expected numeric"
    )
    assert why_empty(column(numeric(empty, null=2, unusable=1))) == "no values: every row is missing"


def test_reference_share() -> None:
    """The reference's own share is where a limit starts; 0 when the reference has no rows to take it from."""
    assert reference_share(Check.MISSING_SHARE, column(numeric(), numeric(null=10))) == 0.5
    assert reference_share(Check.UNSEEN_SHARE, column(labels(), labels((0, 0), null=3))) == 0.0


def test_new_categories_are_named() -> None:
    """The most frequent new categories are in the detail, cut to a length that a table can show."""
    detail = MEASURES[Check.UNSEEN_SHARE](
        column(labels(unseen={"pink": 3, "mauve": 5, "x" * 500: 4, "rare": 1}))
    ).detail
    assert detail == f"new: mauve, {'x' * 60}, pink"
