"""The stored form of pieces: every value back exactly, the same bytes each time, other formats refused."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_tasks.errors import ProfileMismatch
from monitoring_tasks.profile import pieces_file
from monitoring_tasks.profile.pieces_file import dumps_pieces, loads_pieces
from monitoring_tasks.profile.profile import CategoryProfile, ColumnProfile, NumericProfile, Profile
from monitoring_tasks.window import DAY, HOUR, Window

counted = st.integers(0, 2**62)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5)
numeric = st.builds(
    lambda bins, ends, kinds: NumericProfile(
        np.array([count for count, _ in bins], np.int64), np.array([total for _, total in bins]), *ends, *kinds
    ),
    st.lists(st.tuples(counted, st.floats()), min_size=1, max_size=4),
    st.tuples(*[st.floats()] * 4),
    st.tuples(*[counted] * 6),
)
categorical = st.builds(
    lambda counts, unseen, kinds: CategoryProfile(np.array(counts, np.int64), unseen, *kinds),
    st.lists(counted, max_size=4),
    st.dictionaries(names, counted, max_size=3),
    st.tuples(*[counted] * 4),
)


@st.composite
def several(draw: st.DrawFn) -> dict[Window, Profile]:
    """Pieces of some days and hours, of the same columns."""
    columns = draw(st.dictionaries(names, st.sampled_from([numeric, categorical]), min_size=1, max_size=3))
    starts = draw(st.lists(st.datetimes(datetime(1, 1, 2), datetime(9998, 1, 1)), max_size=5, unique=True))  # noqa: DTZ001
    found = {}
    for start in starts:
        moment = start.replace(microsecond=0, tzinfo=UTC)
        piece = Window(moment, moment + draw(st.sampled_from([DAY, HOUR])))
        kinds = draw(st.lists(names, max_size=2))
        drawn = {name: draw(kind) for name, kind in columns.items()}
        duplicates = draw(st.none() | counted)
        found[piece] = Profile("abc", draw(counted), drawn, dict.fromkeys(drawn, tuple(kinds)), duplicates)
    return found


def _exact(column: ColumnProfile) -> dict[str, Any]:
    """Every field, floats as their bytes: NaN equals NaN, and -0.0 is not 0.0."""
    fields = dict(vars(column))
    plain = {name: value.hex() if isinstance(value, float) else value for name, value in fields.items()}
    arrays = {name: (str(v.dtype), v.tobytes()) for name, v in fields.items() if isinstance(v, np.ndarray)}
    return plain | arrays | {"class": type(column)}


def _all(pieces: dict[Window, Profile]) -> list[Any]:
    return [
        (piece, each.binning, each.rows, each.duplicates, name, each.types[name], _exact(each.columns[name]))
        for piece, each in sorted(pieces.items(), key=lambda item: item[0])
        for name in sorted(each.columns)
    ]


def _reversed(profile: Profile) -> Profile:
    return replace(profile, columns=dict(reversed(profile.columns.items())))


@settings(deadline=None, max_examples=60)
@given(several(), st.randoms(use_true_random=False))
def test_everything_comes_back_exactly(pieces: dict[Window, Profile], random: Any) -> None:
    """NaN, infinities, -0.0, numbers beyond 2**53, NUL and any Unicode; no order of what is written shows."""
    content = dumps_pieces(pieces)
    back = loads_pieces(content)
    assert list(back) == sorted(pieces)
    assert _all(back) == _all(pieces)
    shuffled = random.sample(list(pieces), len(pieces))
    assert dumps_pieces({piece: _reversed(pieces[piece]) for piece in shuffled}) == content
    assert dumps_pieces(back) == content


def _day(number: int) -> Profile:
    column = NumericProfile(np.array([number, 2]), np.array([math.nan, -0.0]), math.nan, 1e308, 0.1, 5e-324)
    return Profile("abc", number, {"x\0": column}, {"x\0": ("double",)})


def test_many_pieces_are_written_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a row group ends does not show in what is read."""
    monkeypatch.setattr(pieces_file, "_TOGETHER", 2)
    start = datetime(2013, 1, 1, tzinfo=UTC)
    pieces = {Window(start + day * DAY, start + (day + 1) * DAY): _day(day) for day in range(5)}
    content = dumps_pieces(pieces)
    assert pq.ParquetFile(io.BytesIO(content)).num_row_groups == 3
    assert _all(loads_pieces(content)) == _all(pieces)


def test_no_pieces_are_a_file_too() -> None:
    """A reference without timestamps has an empty one."""
    assert loads_pieces(dumps_pieces({})) == {}


def test_another_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of another version, or of another program, is not half read."""
    foreign = io.BytesIO()
    pq.write_table(pq.ParquetFile(io.BytesIO(dumps_pieces({}))).read().replace_schema_metadata({}), foreign)
    with pytest.raises(ProfileMismatch, match="pieces of the reference of format None"):
        loads_pieces(foreign.getvalue())
    monkeypatch.setattr(pieces_file, "PIECES_FORMAT", 9)
    content = dumps_pieces({})
    monkeypatch.undo()
    with pytest.raises(ProfileMismatch, match="format 9"):
        loads_pieces(content)


def test_reading_does_not_import_pandas(tmp_path: Path) -> None:
    """Every window of a calibrated monitor reads pieces: not at the price of pandas' time and memory."""
    start = datetime(2013, 1, 1, tzinfo=UTC)
    (tmp_path / "pieces.parquet").write_bytes(dumps_pieces({Window(start, start + DAY): _day(3)}))
    code = (
        "import sys, pathlib; from monitoring_tasks.profile.pieces_file import loads_pieces;"
        f"found = loads_pieces(pathlib.Path({str(tmp_path / 'pieces.parquet')!r}).read_bytes());"
        "print(len(found), 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "False"]
