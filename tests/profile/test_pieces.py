"""Profiles of the natural pieces of rows: which piece each row is in, and how many pieces are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_tasks.profile import pieces
from monitoring_tasks.profile.arrow import scan_arrow
from monitoring_tasks.profile.binning import Binning, CategoryBins, numeric_bins
from monitoring_tasks.profile.pieces import profile_pieces
from monitoring_tasks.profile.plan import Plan
from monitoring_tasks.profile.profile import dumps
from monitoring_tasks.window import DAY, HOUR, Window, floor
from tests.profile.shapes import MemoryRows

START = datetime(2013, 1, 1, tzinfo=UTC)
BINS = Binning(
    {
        "x": numeric_bins(np.arange(10.0), limits=None, slack=1.0),
        "late": numeric_bins(np.arange(3.0), limits=None, slack=1.0),
        "kind": CategoryBins(("a", "b")),
    }
)


def _table(moments: list[datetime | None], kind: pa.DataType | None = None) -> pa.Table:
    when = pa.array(moments, pa.timestamp("us", "UTC"))
    if kind is not None:
        when = when.cast(pa.timestamp("us")).cast(pa.timestamp("s")).cast(kind, safe=False)
    numbers = np.arange(len(moments))
    return pa.table({"when": when, "x": numbers % 13, "kind": np.array(["a", "b", "c"])[numbers % 3]})


def _rows(found: dict[Window, object]) -> dict[str, int]:
    return {f"{piece.start:%Y-%m-%dT%H}": profile.rows for piece, profile in found.items()}  # type: ignore[attr-defined]


@pytest.mark.parametrize("unit", [DAY, HOUR], ids=str)
@settings(max_examples=40, deadline=None)
@given(
    minutes=st.lists(st.none() | st.integers(-3000, 6000), min_size=1, max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=3),
)
def test_a_piece_is_what_a_scan_of_its_rows_finds(unit: timedelta, minutes: list[int | None], cuts: list[int]) -> None:
    """Brute force: the rows of each day or hour picked one by one; chunks, order and the epoch change nothing."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    moments = [None if minute is None else epoch + timedelta(minutes=minute) for minute in minutes]
    table, ends = _table(moments), sorted({0, *(cut % (len(moments) + 1) for cut in cuts), len(moments)})
    chunks = [table.slice(start, end - start) for start, end in pairwise(ends)]
    found = profile_pieces(MemoryRows(chunks), BINS, "when", unit=unit)
    starts = sorted({floor(moment, unit) for moment in moments if moment})
    assert list(found) == [Window(start, start + unit) for start in starts]
    for piece, profile in found.items():
        inside = [moment is not None and piece.start <= moment < piece.end for moment in moments]
        alone = scan_arrow(MemoryRows([table.filter(pa.array(inside))]), None, Plan(BINS)).profile
        assert profile.rows == alone.rows
        for name, column in alone.columns.items():
            np.testing.assert_array_equal(profile.columns[name].counts, column.counts)
            assert (profile.columns[name].null, profile.columns[name].absent) == (column.null, column.absent)


@pytest.mark.parametrize(
    "kind",
    [pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("ns", "Europe/Paris"), pa.date32(), pa.date64()],
    ids=str,
)
def test_every_type_of_moment(kind: pa.DataType) -> None:
    """Seconds to nanoseconds, zoned or not, give the same days and hours; a date is its midnight; null is in none."""
    moments = [START, START + timedelta(hours=23), None, START - timedelta(hours=1)]
    rows = MemoryRows([_table(moments, kind)])
    assert _rows(profile_pieces(rows, BINS, "when", unit=DAY)) == {"2012-12-31T00": 1, "2013-01-01T00": 2}
    hours = {"2012-12-31T23": 1, "2013-01-01T00": 1, "2013-01-01T23": 1}
    if pa.types.is_date(kind):
        hours = {"2012-12-31T00": 1, "2013-01-01T00": 2}
    assert _rows(profile_pieces(rows, BINS, "when", unit=HOUR)) == hours


def test_no_pieces_without_a_usable_timestamp() -> None:
    """Rows without the column, or with one that holds no moments, have no pieces."""
    table = _table([START])
    for given_rows in (table.drop_columns(["when"]), table.set_column(0, "when", pa.array(["noon"]))):
        assert profile_pieces(MemoryRows([given_rows]), BINS, "when", unit=DAY) == {}
    assert profile_pieces(MemoryRows([]), BINS, "when", unit=DAY) == {}


@pytest.mark.parametrize("unit", [DAY, HOUR], ids=str)
def test_moments_that_stand_for_never_are_in_no_piece(unit: timedelta) -> None:
    """The last day of the calendar has no end, and nanoseconds of seconds lie far outside it; other rows stay."""
    never = pa.array([0, 253402300799, 2**40, -(2**40)], pa.timestamp("s", "UTC"))
    table = pa.table({"when": never, "x": [1, 2, 3, 4]})
    assert _rows(profile_pieces(MemoryRows([table]), BINS, "when", unit=unit)) == {"1970-01-01T00": 1}


def test_the_newest_hours_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of hours the newest with rows, wherever they are in the file; of days all."""
    monkeypatch.setattr(pieces, "NEWEST_HOURS", 2)
    moments: list[datetime | None] = [START + timedelta(hours=hour) for hour in (40, 2, 90, 0, 5, 40, 91)]
    rows = MemoryRows([_table(moments[:3]), _table(moments[3:])])
    assert _rows(profile_pieces(rows, BINS, "when", unit=HOUR)) == {
        "2013-01-04T18": 1,
        "2013-01-04T19": 1,
    }
    assert len(profile_pieces(rows, BINS, "when", unit=DAY)) == 3


def test_the_bound_on_hours_is_four_weeks() -> None:
    """28 days without a gap."""
    assert pieces.NEWEST_HOURS == 28 * 24


def test_column_groups_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns are read a few at a time; the profile is one."""
    rows = MemoryRows([_table([START, START + HOUR])])
    whole = profile_pieces(rows, BINS, "when", unit=HOUR)
    monkeypatch.setattr(pieces, "COLUMNS_PER_TASK", 1)
    assert {piece: dumps(profile) for piece, profile in profile_pieces(rows, BINS, "when", unit=HOUR).items()} == {
        piece: dumps(profile) for piece, profile in whole.items()
    }
