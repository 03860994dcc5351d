"""Values of every kind, and what becomes of those that do not fit."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.client.arrays import ARROW, arrow_array
from monitoring_tasks.client.columns import KINDS, Columns, Kind

NOON = datetime(2013, 6, 3, 12, tzinfo=UTC)
PLUS_TWO = timezone(timedelta(hours=2))
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(codec=None), max_size=5),
    st.decimals(),
    st.datetimes(timezones=st.none() | st.timezones()),
    st.dates(),
    st.binary(max_size=3),
    st.lists(st.integers(), max_size=2),
    st.sampled_from(
        [np.float32(1.5), np.int64(3), np.bool_(True), np.str_("a"), pd.NaT, pd.NA, np.array(2.0), 10**400]
    ),
)


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (3, float),
        (3.5, float),
        (Decimal("3.5"), float),
        (np.int32(3), float),
        (np.float32(3), float),
        (True, bool),
        (np.bool_(True), bool),
        ("a", str),
        (np.str_("a"), str),
        (NOON, datetime),
        (date(2013, 6, 3), datetime),
        (np.datetime64("2013-06-03T12:00:00.123456789"), datetime),
        (pd.Timestamp(NOON), datetime),
    ],
)
def test_the_first_value_settles_the_kind(first: Any, kind: Kind) -> None:
    """Nulls of whatever library before it settle nothing."""
    columns = Columns({})
    for null in (None, float("nan"), pd.NaT, pd.NA, Decimal("NaN"), np.datetime64("NaT")):
        assert columns.values([{"x": null}]) == {}
    columns.values([{"x": None}, {"x": first}, {"x": "later"}])
    assert columns.kinds == {"x": kind}


@pytest.mark.parametrize(
    ("kind", "fits", "unfit"),
    [
        (
            float,
            {3: 3.0, 2.5: 2.5, Decimal("1.5"): 1.5, True: 1.0, np.int64(4): 4.0, 2**60: 2.0**60},
            ["3", NOON, [1], 10**400, b"1"],
        ),
        (int, {3: 3, 4.0: 4, np.int8(5): 5, Decimal(6): 6}, [3.5, 2**63, "3", float("inf")]),
        (str, {"a": "a", np.str_("b"): "b"}, [1, b"a", "a\0b", "\ud800", ["a"]]),
        (bool, {True: True, np.bool_(False): False}, [2, "true", 0.5]),
        (
            datetime,
            {
                NOON: NOON,
                NOON.replace(tzinfo=None): NOON,
                datetime(2013, 6, 3, 14, tzinfo=PLUS_TWO): NOON,
                date(2013, 6, 3): NOON - timedelta(hours=12),
                np.datetime64("2013-06-03T12:00:00.000000001"): NOON,
            },
            [1370260800, "2013-06-03"],
        ),
    ],
)
def test_a_value_that_does_not_fit_is_null_and_counted(kind: Kind, fits: dict[Any, Any], unfit: list[Any]) -> None:
    """What can be written without loss is; the others never take their rows with them."""
    columns = Columns({"x": kind})
    given = [None, *fits, *unfit]
    assert columns.values([{"x": value} for value in given]) == {"x": [None, *fits.values(), *[None] * len(unfit)]}
    assert columns.unfit == {"x": len(unfit)}


def test_nan_is_a_number_and_otherwise_null() -> None:
    """Data frames write missing text as NaN; among numbers it stays what the model said."""
    columns = Columns({"x": float, "y": str})
    found = columns.values([{"x": float("nan"), "y": float("nan")}])
    assert str(found) == "{'x': [nan], 'y': [None]}"
    assert not columns.unfit


def test_columns_without_a_kind_are_counted_and_bounded() -> None:
    """A list settles no column, and a server that invents names cannot fill the memory."""
    columns = Columns({})
    assert columns.values([{"x": [1]}, {"x": {2}}]) == {}
    found = columns.values([{f"c{place}": 1.0 for place in range(4000)}])
    assert len(found) == len(columns.kinds) == 1500
    assert sum(columns.unfit.values()) == 2502
    assert len(columns.unfit) <= 1501


@given(st.lists(st.dictionaries(st.sampled_from("abc"), VALUES), min_size=1, max_size=8))
def test_whatever_is_logged_becomes_arrow(rows: list[dict[str, Any]]) -> None:
    """No value stops a batch; arrays hold the fitted values, and hold them valid."""
    columns = Columns({})
    for name, values in columns.values(rows).items():
        array = arrow_array(values, columns.kinds[name])
        array.validate(full=True)
        assert array.type == ARROW[columns.kinds[name]]
        assert [str(value) for value in array.to_pylist()] == [str(value) for value in values]


@pytest.mark.parametrize("kind", KINDS)
def test_no_values_are_an_empty_array(kind: Kind) -> None:
    """Every kind has an array of none and of nulls alone."""
    assert arrow_array([], kind).to_pylist() == []
    assert arrow_array([None] * 9, kind).null_count == 9
