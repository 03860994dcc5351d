"""Moments of every type as one type."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from monitoring_tasks.data.moments import instants
from monitoring_tasks.errors import SourceInvalid
from tests.data.test_parquet import TYPES, hours

UTC_US = pa.timestamp("us", "UTC")


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_of_time_is_the_same_instants(kind: str) -> None:
    """Zones, units, text and dictionaries give the same moments in UTC."""
    found = instants(pa.chunked_array([TYPES[kind](hours(30))]), place="here")
    assert found.type == UTC_US
    assert found.to_pylist() == hours(30)


def test_dates_are_their_midnight_and_nanoseconds_are_cut() -> None:
    """A date is midnight UTC; what is finer than a microsecond is left out; nulls stay."""
    for kind in (pa.date32(), pa.date64()):
        found = instants(pa.chunked_array([pa.array([date(2013, 6, 3), None], kind)]), place="here")
        assert found.to_pylist() == [datetime(2013, 6, 3, tzinfo=UTC), None]
    end = datetime(2013, 6, 5, tzinfo=UTC)
    counts = pa.array([int(end.timestamp()) * 10**9 - 1]).cast(pa.timestamp("ns"))
    assert instants(pa.chunked_array([counts]), place="here").to_pylist() == [end - timedelta(microseconds=1)]


def test_what_is_no_moment_is_refused() -> None:
    """Numbers and words are named with their place."""
    for values, told in (([1370304000], r"^here has type int64"), (["soon"], r"^here holds 'soon'")):
        with pytest.raises(SourceInvalid, match=told):
            instants(pa.chunked_array([values]), place="here")
