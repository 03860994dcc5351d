"""Columns that lack their values in the same rows are told apart from those that lack as many in others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.faults.sides import Sides
from monitoring_tasks.faults.together import GROUPS, missing_together
from tests.faults.windows import BASELINE, chosen, rows, table, together

COUNT = 2000
WHO = "(a source or provider that did not answer?)"


def beside(**gone: Any) -> Sides:
    """An ordinary window, in which columns lack the rows given by flags."""
    columns = rows(np.random.default_rng(20), COUNT)
    lacking = {name: pa.array(columns[name], mask=flags) for name, flags in gone.items()}
    return BASELINE.beside(table({**columns, **lacking}))


def strewn(seed: int, share: float = 0.05) -> Any:
    """Rows anywhere in the window."""
    return chosen(np.random.default_rng(seed), COUNT, share)


def test_columns_that_lack_the_same_rows_are_told_in_the_same_words() -> None:
    """Numbers and categories alike; one that lacks as many of other rows is none of them."""
    gone = strewn(1)
    found = missing_together(beside(age=gone, carrier=gone, spend=gone, score=strewn(2)), _ALL, {})
    assert found == dict.fromkeys(("age", "carrier", "spend"), f"the same rows lack age, carrier and spend {WHO}")


_ALL = ("age", "carrier", "spend", "score", "visits")


def test_what_was_logged_stands_for_what_is_computed_from_it() -> None:
    """A column's only input, though no feature itself; of two inputs the one that is missing; else the column."""
    gone = strewn(1)
    sides = beside(age=gone, carrier=gone, spend=gone, score=gone)
    inputs = {"age": ("answer",), "carrier": ("answer",), "score": ("spend", "visits")}
    words = f"the same rows lack answer and spend, from which 3 more columns are computed {WHO}"
    assert set(missing_together(sides, _ALL, inputs).values()) == {words}
    of_two = {"age": ("answer",), "score": ("x", "y")}
    words = f"the same rows lack answer and score, from which 1 more column is computed {WHO}"
    assert missing_together(sides, ("age", "score"), of_two)["score"] == words
    assert missing_together(sides, ("age", "carrier"), inputs)["age"].startswith(
        "the same rows lack answer, from which 2"
    )


def test_many_columns_are_counted() -> None:
    """Three are named, on one line."""
    gone = strewn(1)
    sides = beside(age=gone, balance=gone, carrier=gone, distance=gone, spend=gone)
    names = ("age", "balance", "carrier", "distance", "spend")
    assert (
        missing_together(sides, names, {})["age"]
        == f"the same rows lack age, balance, carrier and 2 more columns {WHO}"
    )
    four = missing_together(sides, names[:4], {})["age"]
    assert four == f"the same rows lack age, balance, carrier and 1 more column {WHO}"
    hostile = missing_together(sides, names, {"age": ("a\nb\x1b[31m",)})["age"]
    assert hostile.startswith("the same rows lack a b [31m, balance")


def test_one_stretch_of_time_is_named() -> None:
    """When it was says more than who it may have been."""
    gone = together(COUNT, 0.05)
    said = missing_together(beside(age=gone, spend=gone), _ALL, {})
    assert said["age"] == said["spend"]
    assert said["age"].startswith("the same rows lack age and spend: all values are missing from")


def test_columns_that_every_row_lacks_are_no_longer_filled() -> None:
    """One logged column, or several; nothing more is said of when."""
    gone = together(COUNT, 1.0)
    sides = beside(age=gone, spend=gone)
    assert missing_together(sides, _ALL, {})["age"] == "all rows lack age and spend (fields that are no longer filled?)"
    of_one = missing_together(sides, _ALL, {"spend": ("age",)})["age"]
    assert of_one == "all rows lack age, from which 1 more column is computed (a field that is no longer filled?)"


def test_a_few_rows_more_are_the_same_fault() -> None:
    """A ratio has no value for a denominator of zero either; of as many rows again it would be another fault."""
    gone = strewn(1)
    for more, count in ((0.004, 2), (0.05, 0)):
        assert len(missing_together(beside(age=gone, spend=gone | strewn(2, more)), _ALL, {})) == count


def test_most_rows_in_common_are_not_enough_where_most_are_missing() -> None:
    """Two columns that are nearly always missing share most of those rows by chance."""
    assert missing_together(beside(age=~strewn(1, 0.02), spend=~strewn(2, 0.02)), _ALL, {}) == {}
    gone = ~strewn(1, 0.02)
    assert len(missing_together(beside(age=gone, spend=gone), _ALL, {})) == 2


def test_of_a_sample_no_more_is_said_than_it_shows() -> None:
    """The window has more rows than those that were looked at."""
    gone = strewn(1)
    sides = replace(beside(age=gone, spend=gone), rows=100 * COUNT)
    assert missing_together(sides, _ALL, {})["age"] == f"the same rows of a sample lack age and spend {WHO}"


@pytest.mark.parametrize("few", [0, 4])
def test_few_values_say_nothing(few: int) -> None:
    """Four rows may be the same by chance; a column that is not there, or alone, has nothing in common."""
    gone = np.arange(COUNT) < few
    assert missing_together(beside(age=gone, spend=gone), (*_ALL, "nowhere"), {}) == {}
    assert missing_together(beside(age=strewn(1)), ("age", "nowhere"), {}) == {}
    assert missing_together(beside(), (), {}) == {}


@given(st.permutations(_ALL))
def test_the_order_of_columns_changes_nothing(names: list[str]) -> None:
    """A past window is explained in the words it was."""
    assert missing_together(_SIDES, names, {}) == missing_together(_SIDES, _ALL, {})


_SIDES = beside(age=strewn(1), carrier=strewn(1), spend=strewn(2), score=strewn(2))


def test_hundreds_of_columns_take_no_time_and_lose_no_group_but_the_last() -> None:
    """Groups beyond the twentieth are told column by column."""
    wide = {f"c{number:03}": pa.array(np.where(strewn(number // 2), np.nan, 1.0)) for number in range(2 * GROUPS + 20)}
    sides = beside()
    sides = replace(sides, sample=pa.table(wide), pairs=dict.fromkeys(wide, sides.pairs["age"]))
    found = missing_together(sides, list(wide), {})
    assert len(found) == 2 * GROUPS
    assert len(set(found.values())) == GROUPS
