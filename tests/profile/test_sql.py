"""Profiles from generated SQL: equal to those of the Arrow kernel on the same rows, on SQLite and PostgreSQL."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow.fs import LocalFileSystem

from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.data.sql import SqlRows
from monitoring_tasks.errors import SourceInvalid
from monitoring_tasks.methods import METHODS
from monitoring_tasks.profile.binning import Binning, CategoryBins, ColumnBins, NumericBins, numeric_bins
from monitoring_tasks.profile.plan import HASH, Plan, join_samples
from monitoring_tasks.profile.profile import CategoryProfile, NumericProfile, Profile, dumps
from monitoring_tasks.profile.scan import Scan, scan
from monitoring_tasks.profile.scores import score_columns
from monitoring_tasks.profile.segments import Division, divide
from monitoring_tasks.window import Window

START = datetime(2013, 6, 3, tzinfo=UTC)
DAY = Window.parse("2013-06-04", "2013-06-05")
HOSTILE = 'we"ird; DROP TABLE x'
ATOMS = [0.0, 1.0, 0.1, 0.30000000000000004, -2.5, 1e-300, 5e-324, 1e9]
NAMES = ["a", "b", "it's", 'q"uote', "%s %(x)s", "é", "e\u0301", "日本", "a ", "", "\\", "NULL", "x" * 3000, "B", "z"]
Row = Mapping[str, Any]


class Written(sa.types.UserDefinedType[Any]):
    """A column type as the database spells it."""

    cache_ok = True

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def get_col_spec(self, **_: object) -> str:
        """The type in CREATE TABLE."""
        return self.kind


@contextmanager
def table(engine: sa.Engine, kinds: Mapping[str, str], rows: Sequence[Row]) -> Iterator[SqlRows]:
    """A table called log of columns of these types (and ts), dropped again in the end."""
    stamp = "timestamptz" if engine.dialect.name == "postgresql" else "text"
    columns = [sa.Column(name, Written(kind)) for name, kind in {"ts": stamp, **kinds}.items()]
    log = sa.Table("log", sa.MetaData(), *columns)
    moments = [{**row, "ts": row["ts"] if stamp != "text" else f"{row['ts']:%Y-%m-%d %H:%M:%S.%f}"} for row in rows]
    log.create(engine)
    try:
        with engine.begin() as connection:
            for row in moments:
                connection.execute(sa.insert(log), row)
        yield SqlRows(engine, timestamp="ts", table="log")
    finally:
        log.drop(engine)


def one_day(values: Mapping[str, Sequence[Any]]) -> list[Row]:
    """Rows of the window from columns of equal length."""
    length = len(next(iter(values.values())))
    moment = DAY.start
    return [{"ts": moment + timedelta(minutes=i), **{k: v[i] for k, v in values.items()}} for i in range(length)]


def bins(*edges: float) -> NumericBins:
    """Numeric bins with these edges."""
    return NumericBins(np.array(sorted(set(edges)), float), np.array([0]), -1.0, 1.0)


def profiled(rows: SqlRows | ParquetRows, columns: Mapping[str, ColumnBins], **plan: Any) -> Scan:
    """Scan of the window."""
    return scan(rows, DAY, Plan(Binning(columns), timestamp="ts", **plan))


def number_of(engine: sa.Engine, kind: str, values: Sequence[Any], *edges: float) -> NumericProfile:
    """Profile of one numeric column."""
    with table(engine, {"x": kind}, one_day({"x": values})) as rows:
        column = profiled(rows, {"x": bins(*edges)}).profile.columns["x"]
    assert isinstance(column, NumericProfile)
    return column


def category_of(engine: sa.Engine, kind: str, values: Sequence[Any], *known: str) -> CategoryProfile:
    """Profile of one categorical column."""
    with table(engine, {"x": kind}, one_day({"x": values})) as rows:
        column = profiled(rows, {"x": CategoryBins(known)}).profile.columns["x"]
    assert isinstance(column, CategoryProfile)
    return column


# The contract -------------------------------------------------------------------------------------------------------

FLOATS = st.none() | st.sampled_from([*ATOMS, math.nan, math.inf, -math.inf]) | st.floats(-1e6, 1e6)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "ts": st.integers(0, 3 * 86_400_000_000).map(lambda offset: START + timedelta(microseconds=offset)),
            "f": FLOATS,
            HOSTILE: FLOATS,
            "i": st.none() | st.integers(-5, 5) | st.integers(-(2**62), 2**62),
            "flag": st.none() | st.booleans(),
            "c": st.none()
            | st.sampled_from(NAMES)
            | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
            "id": st.none() | st.integers(0, 40),
        }
    ),
    max_size=30,
)
KINDS = {
    "f": "double precision",
    HOSTILE: "double precision",
    "i": "bigint",
    "flag": "boolean",
    "c": "text",
    "id": "bigint",
}
TYPES = {
    "f": pa.float64(),
    HOSTILE: pa.float64(),
    "i": pa.int64(),
    "flag": pa.bool_(),
    "c": pa.string(),
    "id": pa.int64(),
}


def parquet(path: Path, rows: Sequence[Row]) -> ParquetRows:
    """The rows in a parquet file of small row groups."""
    types = {"ts": pa.timestamp("us", "UTC"), **TYPES}
    arrays = {name: pa.array([row[name] for row in rows], kind) for name, kind in types.items()}
    pq.write_table(pa.table(arrays), path, row_group_size=7)
    return ParquetRows(LocalFileSystem(), str(path), timestamp="ts")


def close(left: float, right: float, scale: float) -> bool:
    """Equal to rounding of a sum whose addends come to `scale`; infinities and NaN are equal to their own."""
    return left == pytest.approx(right, rel=1e-9, abs=1e-12 * scale, nan_ok=True)


def assert_equal(ours: Profile, theirs: Profile, *, nan: bool) -> None:
    """Counts and ends are equal, sums to rounding; without `nan` the database turned NaN into null."""
    assert (ours.rows, ours.duplicates, ours.binning) == (theirs.rows, theirs.duplicates, theirs.binning)
    assert ours.columns.keys() == theirs.columns.keys()
    for name, ours_column in ours.columns.items():
        column = theirs.columns[name]
        if isinstance(ours_column, CategoryProfile):
            assert isinstance(column, CategoryProfile)
            assert ours_column.counts.tolist() == column.counts.tolist()
            assert ours_column.unseen == column.unseen
            assert (ours_column.other, ours_column.null) == (column.other, column.null)
        else:
            assert isinstance(column, NumericProfile)
            assert_numbers_equal(ours_column, column, nan=nan)
        assert (ours_column.absent, ours_column.unusable) == (column.absent, column.unusable)


def assert_numbers_equal(ours: NumericProfile, theirs: NumericProfile, *, nan: bool) -> None:
    """As `assert_equal`, for one numeric column."""
    assert ours.counts.tolist() == theirs.counts.tolist()
    missing = (theirs.null, theirs.nan) if nan else (theirs.null + theirs.nan, 0)
    assert (ours.null, ours.nan) == missing
    assert (ours.negative_infinite, ours.positive_infinite) == (theirs.negative_infinite, theirs.positive_infinite)
    assert (ours.minimum, ours.maximum) == pytest.approx((theirs.minimum, theirs.maximum), rel=0, abs=0, nan_ok=True)
    count = int(ours.counts.sum())
    largest = max(abs(ours.minimum), abs(ours.maximum)) if count else 0.0
    assert close(ours.mean, theirs.mean, largest)
    assert close(ours.m2, theirs.m2, count * largest**2)
    assert all(close(a, b, count * largest) for a, b in zip(ours.sums, theirs.sums, strict=True))


def reference_bins(rows: Sequence[Row], known: set[str]) -> dict[str, ColumnBins]:
    """Bins from all rows, so that many values lie on edges; one column is nowhere."""
    values = {name: [row[name] for row in rows if row[name] is not None] for name in ("f", HOSTILE, "i", "flag")}
    numeric = {name: numeric_bins(np.array(found, float), limits=None, slack=3) for name, found in values.items()}
    return {**numeric, "gone": numeric["f"], "c": CategoryBins(tuple(sorted(known)))}


def all_scores(columns: Mapping[str, ColumnBins], reference: Profile, current: Profile) -> list[float]:
    """The score of every column by every method that fits it."""
    kinds = {name: "categorical" if isinstance(entry, CategoryBins) else "numeric" for name, entry in columns.items()}
    found = []
    for name, method in METHODS.items():
        chosen = dict.fromkeys([column for column, kind in kinds.items() if kind in method.kinds], name)
        scores = score_columns(Binning(columns), reference, current, chosen)
        found += [scores[column].value for column in chosen]
    return found


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, known=st.sets(st.sampled_from(NAMES)))
def test_files_and_databases_give_equal_profiles(
    tmp_path: Path, engines: list[sa.Engine], rows: list[Row], known: set[str]
) -> None:
    """The same rows in parquet, SQLite and PostgreSQL give the same profile and scores, and twice the same bytes."""
    columns = reference_bins(rows, known)
    files = parquet(tmp_path / "rows.parquet", rows)
    expected = profiled(files, columns, id="id").profile
    reference = scan(files, None, Plan(Binning(columns), timestamp="ts")).profile
    scores = all_scores(columns, reference, expected)
    for engine in engines:
        with table(engine, KINDS, rows) as source:
            first, second = (profiled(source, columns, id="id") for _ in range(2))
        assert_equal(first.profile, expected, nan=engine.dialect.name == "postgresql")
        assert all_scores(columns, reference, first.profile) == pytest.approx(scores, rel=1e-9, abs=1e-9, nan_ok=True)
        assert dumps(first.profile) == dumps(second.profile)
        assert repr(first.sample.to_pylist()) == repr(second.sample.to_pylist())  # NaN is not itself


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, known=st.sets(st.sampled_from(NAMES)), pair=st.sampled_from([("c",), ("flag", "c"), ("i", "flag")]))
def test_files_and_databases_give_equal_segments(
    tmp_path: Path, engines: list[sa.Engine], rows: list[Row], known: set[str], pair: tuple[str, ...]
) -> None:
    """The same rows in parquet, SQLite and PostgreSQL give the same profile of every segment."""
    columns = reference_bins(rows, known)
    files = parquet(tmp_path / "rows.parquet", rows)
    segments = (*divide(files, [pair], 1), Division(("nowhere",), (("a",),)))
    expected = profiled(files, columns, segments=segments)
    for engine in engines:
        with table(engine, KINDS, rows) as source:
            found = profiled(source, columns, segments=segments)
        assert_equal(found.profile, expected.profile, nan=engine.dialect.name == "postgresql")
        assert found.segments.keys() == expected.segments.keys()
        for words, profile in found.segments.items():
            assert_equal(profile, expected.segments[words], nan=engine.dialect.name == "postgresql")


def test_a_segment_of_a_column_without_categories_has_no_rows(engine: sa.Engine) -> None:
    """Blobs and times are no categories: no row is of such a segment, and none is of a value the column cannot hold."""
    kind = "bytea" if engine.dialect.name == "postgresql" else "blob"
    segments = (Division(("x",), (("a",), ("nul\0",))), Division(("y",), (("nul\0",), ("b",))))
    with table(engine, {"x": kind, "y": "text"}, one_day({"x": [b"a"] * 3, "y": ["b", "b", "c"]})) as rows:
        found = profiled(rows, {"y": CategoryBins(("b",))}, segments=segments).segments
    assert [profile.rows for profile in found.values()] == [0, 0, 0, 2]
    assert found["y=b"].columns["y"].counts.tolist() == [2]


# Numbers ------------------------------------------------------------------------------------------------------------


def test_bins_hold_their_upper_edge(engine: sa.Engine) -> None:
    """A value on an edge lies in the bin below it, whatever its digits; the outermost bins are open."""
    edges = [0.1, 0.30000000000000004, 1.0, math.nextafter(1.0, 2), 1e22, 123456789.12345678]
    below = [math.nextafter(edge, -math.inf) for edge in edges]
    above = [math.nextafter(edge, math.inf) for edge in edges]
    column = number_of(engine, "double precision", [*edges, *below, *above], *edges)
    ordered = np.array(sorted(edges))
    expected = np.bincount(np.searchsorted(ordered, [*edges, *below, *above], "left"), minlength=len(edges) + 1)
    assert column.counts.tolist() == expected.tolist()


def test_many_edges(engine: sa.Engine) -> None:
    """Several hundred edges are one statement, and every bin is right."""
    edges = [float(edge) for edge in range(500)]
    column = number_of(engine, "double precision", [edge - 0.5 for edge in edges] * 2, *edges)
    assert column.counts.tolist() == [2] * 500 + [0]
    assert column.sums.tolist() == [2 * edge - 1 for edge in edges] + [0.0]


def test_a_column_without_edges_is_one_bin(engine: sa.Engine) -> None:
    """Without reference values all numbers lie in the only bin there is."""
    column = number_of(engine, "double precision", [1.0, None, 2.0])
    assert (column.counts.tolist(), column.sums.tolist(), column.null) == ([2], [3.0], 1)


def test_moments_keep_their_digits_far_from_zero(engine: sa.Engine) -> None:
    """A mean of a billion with a spread of one loses nothing."""
    values = [1e9 + i / 10 for i in range(100)]
    column = number_of(engine, "double precision", values, 0.0, 1.0)
    assert column.mean == pytest.approx(np.mean(values), rel=1e-15)
    assert column.m2 == pytest.approx(np.var(values) * 100, rel=1e-9)


def test_sentinels_near_the_largest_float_do_not_end_the_scan(engine: sa.Engine) -> None:
    """Values whose squares or sums no float can hold are counted; what overflows is infinite."""
    values = [1.7e308] * 3 + [-1e200, 1e-200, 2e-200, 5e-324, 1.0]
    column = number_of(engine, "double precision", values, 0.0, 0.5)
    assert column.counts.tolist() == [1, 3, 4]
    assert (column.minimum, column.maximum) == (-1e200, 1.7e308)
    assert column.sums[0] == -1e200
    assert math.isinf(column.sums[2])
    assert math.isinf(column.m2)
    assert column.mean == pytest.approx(1.7e308 / 8 * 3)


def test_squares_too_small_for_a_float_do_not_end_the_scan(engine: sa.Engine) -> None:
    """Values whose squares vanish are counted and added; they have no spread worth naming."""
    values = [1e-200, 2e-200, 5e-324, 4e-200]
    column = number_of(engine, "double precision", values, 0.0)
    assert column.counts.tolist() == [0, 4]
    assert column.mean == pytest.approx(7e-200 / 4, rel=1e-9, abs=0)
    assert column.m2 == 0.0


def test_a_constant_column_has_no_spread(engine: sa.Engine) -> None:
    """The m2 of equal values is exactly 0, their mean the value."""
    column = number_of(engine, "double precision", [0.1] * 7, 0.0)
    assert (column.mean, column.m2) == (0.1, 0.0)


def test_infinities_and_nan_are_counted_apart(engine: sa.Engine) -> None:
    """They are in no bin; SQLite has no NaN and keeps null in its place."""
    values = [math.inf, -math.inf, -math.inf, math.nan, math.nan, math.nan, None, 1.0]
    column = number_of(engine, "double precision", values, 0.0)
    assert column.counts.tolist() == [0, 1]
    assert (column.positive_infinite, column.negative_infinite) == (1, 2)
    assert (column.nan, column.null) == ((0, 4) if engine.dialect.name == "sqlite" else (3, 1))
    assert (column.minimum, column.maximum, column.mean) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("smallint", [1, 2, None], [1, 1]),
        ("real", [0.5, 1.5, 2.5], [1, 2]),
        ("numeric", [Decimal("0.5"), Decimal("1.0"), Decimal("NaN"), None], [2, 0]),
        ("boolean", [True, False, None], [2, 0]),
    ],
)
def test_numbers_of_every_type_in_postgres(
    postgres_url: str, kind: str, values: list[Any], expected: list[int]
) -> None:
    """Integers, decimals, single precision and booleans count as doubles, as they do in files."""
    column = number_of(sa.create_engine(postgres_url, poolclass=sa.NullPool), kind, values, 1.0)
    assert column.counts.tolist() == expected
    assert column.null == values.count(None)
    assert column.counts.sum() + column.null + column.nan == len(values)


def test_numerics_beyond_every_float_count_as_they_would_in_a_file(postgres_url: str) -> None:
    """A float cannot hold 1e400, which is infinite in files and in JSON, nor 1e-400, which is 0: no statement ends."""
    held = ["1e400", "-1e400", "1e-400", "-1e-400", "1e150", "4.9406564584124655e-324", "0", "2.5"]
    values = [*map(Decimal, held), Decimal("NaN"), None]
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    ours, floats = number_of(engine, "numeric", values, 1.0), [None if each is None else float(each) for each in values]
    assert (ours.positive_infinite, ours.negative_infinite, ours.nan, ours.null) == (1, 1, 1, 1)
    assert (ours.counts.tolist(), ours.minimum, ours.maximum) == ([4, 2], 0.0, 1e150)
    assert_numbers_equal(ours, number_of(engine, "double precision", floats, 1.0), nan=True)


@pytest.mark.parametrize("kind", ["text", "timestamptz", "jsonb", "integer[]", "money"])
def test_other_types_in_postgres_are_unusable(postgres_url: str, kind: str) -> None:
    """A numeric column of another type has no number in any row, and says which type it has."""
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    with table(engine, {"x": kind}, one_day({"x": [None, None]})) as rows:
        profile = profiled(rows, {"x": bins(0.0)}).profile
    assert profile.columns["x"].unusable == 2
    assert profile.types == {"x": (kind.replace("timestamptz", "timestamp with time zone"),)}


def test_text_among_numbers_in_sqlite_is_unusable(tmp_path: Path) -> None:
    """Where each value has its own type, text and blobs are the unusable ones; all types met are named."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}", poolclass=sa.NullPool)
    with table(engine, {"x": "blob"}, one_day({"x": [1, 0.5, "n/a", "7", b"x", None]})) as rows:
        profile = profiled(rows, {"x": bins(0.7)}).profile
    column = profile.columns["x"]
    assert (column.counts.tolist(), column.unusable, column.null) == ([1, 1], 3, 1)
    assert profile.types == {"x": ("blob", "integer", "real", "text")}


# Categories ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [("false", "true"), ("true",)])
def test_flags_are_known_whether_kept_as_words_or_numbers(engine: sa.Engine, known: tuple[str, ...]) -> None:
    """Where the reference holds true and false, a boolean column is no new category; SQLite keeps it as 0 and 1."""
    column = category_of(engine, "boolean", [True, False, True, None], *known)
    counts = dict(zip(known, column.counts.tolist(), strict=True))
    assert {**counts, **column.unseen, None: column.null} == {"true": 2, "false": 1, None: 1}


def test_numbers_of_a_flag_that_are_neither(tmp_path: Path) -> None:
    """In SQLite only the whole numbers 0 and 1 are flags, and only to a reference of flags; other values are new."""
    sqlite = sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}", poolclass=sa.NullPool)
    column = category_of(sqlite, "", [1, 2, "0", "true"], "false", "true")
    assert (column.counts.tolist(), column.unseen) == ([0, 2], {"2": 1, "0": 1})
    assert category_of(sqlite, "boolean", [1, 0, 1], "0", "1").counts.tolist() == [1, 2]


def test_hostile_categories(engine: sa.Engine) -> None:
    """Quotes, percent signs, look-alikes, blanks and very long texts are themselves, known or not."""
    known = category_of(engine, "text", [*NAMES, *NAMES, None], *sorted(NAMES))
    assert (known.counts.tolist(), known.unseen, known.other, known.null) == ([2] * len(NAMES), {}, 0, 1)
    unknown = category_of(engine, "text", [*NAMES, *NAMES, None])
    assert (unknown.unseen, unknown.other, unknown.null) == (dict.fromkeys(NAMES, 2), 0, 1)


def test_a_reference_category_no_database_can_hold(engine: sa.Engine) -> None:
    """A reference may know a category with NUL in it; it is simply not met."""
    column = category_of(engine, "text", ["a", "b"], "a", "a\0b")
    assert (column.counts.tolist(), column.unseen) == ([1, 0], {"b": 1})


def test_new_categories_are_cut_at_a_hundred_and_no_row_is_lost(engine: sa.Engine) -> None:
    """The most frequent hundred come by name, of equals the first in order; the rest are counted together."""
    values = [f"n{i:03}" for i in range(150)] + ["n149"] * 5 + ["known"] * 3 + [None] * 2
    column = category_of(engine, "text", values, "known", "never")
    assert column.counts.tolist() == [3, 0]
    assert list(column.unseen) == [*(f"n{i:03}" for i in range(99)), "n149"]
    assert (column.unseen["n149"], column.other, column.null) == (6, 50, 2)


def test_equally_frequent_categories_are_cut_in_one_order_on_every_server(postgres_url: str) -> None:
    """Which hundred of equals are named does not hang on the collation of a column: capitals come first."""
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    values = [f"{letter}{i:02}" for letter in "aB" for i in range(80)]
    column = category_of(engine, 'text COLLATE "unicode"', values)
    assert list(column.unseen) == [*(f"B{i:02}" for i in range(80)), *(f"a{i:02}" for i in range(20))]
    assert column.other == 60


def test_many_reference_categories(engine: sa.Engine) -> None:
    """Tens of thousands of known categories do not exceed what a statement may hold."""
    known = [f"k{i:05}" for i in range(40_000)]
    column = category_of(engine, "text", ["k00007", "k39999", "k39999", "new"], *known)
    assert (column.counts.sum(), column.counts[7], column.counts[39_999]) == (3, 1, 2)
    assert column.unseen == {"new": 1}


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("bigint", [1, 1, -7, None], {"1": 2, "-7": 1}),
        ("double precision", [1.0, 1.5, 0.1, -3e9, None], {"1": 1, "1.5": 1, "0.1": 1, "-3000000000": 1}),
    ],
)
def test_numbers_as_categories(engine: sa.Engine, kind: str, values: list[Any], expected: dict[str, int]) -> None:
    """A whole number is written as an integer, whatever its type, as it is from files."""
    column = category_of(engine, kind, values)
    assert (column.unseen, column.null) == (expected, 1)


def test_categories_of_every_type_in_postgres(postgres_url: str) -> None:
    """Booleans and decimals are written as from files, NaN is missing, and other types are unusable."""
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    assert category_of(engine, "boolean", [True, False, True, None]).unseen == {"true": 2, "false": 1}
    assert category_of(engine, "numeric", [Decimal("1.50"), Decimal("2.00")]).unseen == {"1.5": 1, "2": 1}
    assert category_of(engine, "double precision", [math.nan, 1.0, None]).null == 2
    assert category_of(engine, "varchar(9)", ["NaN", None]).unseen == {"NaN": 1}
    assert category_of(engine, "timestamptz", [START, None]).unusable == 2


def test_blobs_in_sqlite_are_unusable(tmp_path: Path) -> None:
    """Bytes are no category."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}", poolclass=sa.NullPool)
    column = category_of(engine, "blob", [b"a", "a", None, True], "a")
    assert (column.counts.tolist(), column.unusable, column.null, column.unseen) == ([1], 1, 1, {"1": 1})


# Rows, ids, windows -------------------------------------------------------------------------------------------------


def test_no_rows(engine: sa.Engine) -> None:
    """A window without rows has an empty profile and an empty sample."""
    with table(engine, KINDS, []) as rows:
        found = profiled(rows, {"f": bins(0.0), "c": CategoryBins(("a",))}, id="id")
    assert (found.profile.rows, found.profile.duplicates, found.sample.num_rows) == (0, 0, 0)
    assert found.sample.column_names == ["id", "ts", "f", "c", HASH]
    assert math.isnan(found.profile.columns["f"].mean)


def test_duplicates_count_rows_whose_id_occurred_before(engine: sa.Engine) -> None:
    """Three rows of one id are two duplicates; null ids are none; a missing id column is not known."""
    with table(engine, {"id": "text"}, one_day({"id": ["a", "a", "a", "b", None, None]})) as rows:
        assert profiled(rows, {}, id="id").profile.duplicates == 2
        assert profiled(rows, {}, id="gone").profile.duplicates is None
        assert profiled(rows, {}).profile.duplicates is None


def test_absent_columns(engine: sa.Engine) -> None:
    """A column that is not there is absent in every row and has no type; it is not in the sample."""
    with table(engine, {"x": "integer"}, one_day({"x": [1, 2]})) as rows:
        found = profiled(rows, {"gone": bins(0.0), "lost": CategoryBins(()), "x": bins(0.0)})
    assert [found.profile.columns[name].absent for name in ("gone", "lost", "x")] == [2, 2, 0]
    assert found.profile.types["gone"] == ()
    assert found.sample.column_names == ["ts", "x", HASH]


def test_more_columns_than_one_statement_takes(engine: sa.Engine) -> None:
    """Sixty columns are all profiled."""
    names = [f"x{i}" for i in range(60)]
    with table(engine, dict.fromkeys(names, "integer"), one_day({name: [i] for i, name in enumerate(names)})) as rows:
        profile = profiled(rows, {name: bins(30.0) for name in names}).profile
    assert [profile.columns[name].mean for name in names] == list(range(60))


def test_sum_order_is_the_source_s_own(postgres_url: str) -> None:
    """A table large enough for parallel scans still gives the same bytes each time."""
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE log AS SELECT timestamptz '2013-06-04Z' AS ts, sin(i) * 1e6 AS x "
            "FROM generate_series(1, 400000) i;"
            "ALTER TABLE log SET (parallel_workers = 4)"
        )
        connection.exec_driver_sql("ANALYZE log")
    rows = SqlRows(engine, timestamp="ts", table="log")
    found = {dumps(profiled(rows, {"x": bins(-5e5, 0.0, 5e5)}, sample_rows=10).profile) for _ in range(3)}
    assert len(found) == 1


def test_broken_text_is_named(tmp_path: Path) -> None:
    """Bytes that SQLite keeps as text and no decoder takes end in an error of the source, not in a crash."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}", poolclass=sa.NullPool)
    with table(engine, {"x": "text"}, one_day({"x": ["a"]})) as rows:
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE log SET x = CAST(x'ff61' AS TEXT)")
        with pytest.raises(SourceInvalid, match=r"table log in sqlite .*UTF-8"):
            profiled(rows, {"x": CategoryBins(())})


# The sample ---------------------------------------------------------------------------------------------------------


def test_the_sample_is_bounded_sorted_and_of_the_window(engine: sa.Engine) -> None:
    """At most as many rows as asked for, each of the window, by hash; the same whatever the order on disk."""
    rows = [
        {"ts": START + timedelta(minutes=i // 3 * 3), "x": i, "c": f"c{i % 3}", "id": f"id{i}"} for i in range(3 * 1440)
    ]
    kinds = {"x": "integer", "c": "text", "id": "text"}
    samples = []
    for order in (rows, rows[::-1]):
        with table(engine, kinds, order) as source:
            columns: dict[str, ColumnBins] = {"x": bins(0.0), "c": CategoryBins(("c0",))}
            samples.append(profiled(source, columns, id="id", sample_rows=100).sample)
    sample = samples[0]
    assert sample.equals(samples[1])
    assert sample.column_names == ["id", "ts", "x", "c", HASH]
    assert sample.num_rows == 100
    hashes = sample[HASH].to_pylist()
    assert hashes == sorted(hashes)
    for row in sample.to_pylist():
        number = int(row["x"])
        assert DAY.start <= row["ts"] < DAY.end
        assert row["ts"] == START + timedelta(minutes=number // 3 * 3)
        assert (row["id"], row["c"]) == (f"id{number}", f"c{number % 3}")
    assert np.std([row["x"] for row in sample.to_pylist()]) > 1440 / math.sqrt(12) * 0.7


def test_small_windows_are_sampled_whole(engine: sa.Engine) -> None:
    """With fewer rows than asked for, every row is in the sample, its missing and odd values as they are."""
    values = [1.5, None, math.inf, 0.0]
    with table(
        engine, {"x": "double precision", "c": "text"}, one_day({"x": values, "c": ["a", None, "b", "c"]})
    ) as rows:
        sample = profiled(rows, {"x": bins(0.0), "c": CategoryBins(())}).sample
    found = sorted(sample.to_pylist(), key=lambda row: row["ts"])
    assert [row["x"] for row in found] == values
    assert [row["c"] for row in found] == ["a", None, "b", "c"]


def test_samples_of_pieces_join(engine: sa.Engine) -> None:
    """Samples of two windows have unlike hashes and join into one of the size asked for, with rows of both."""
    rows = [{"ts": DAY.start + timedelta(minutes=i), "x": i} for i in range(1440)]
    halves = [Window(DAY.start, DAY.start + timedelta(hours=12)), Window(DAY.start + timedelta(hours=12), DAY.end)]
    with table(engine, {"x": "integer"}, rows) as source:
        plan = Plan(Binning({"x": bins(0.0)}), timestamp="ts", sample_rows=200)
        samples = [scan(source, half, plan).sample for half in halves]
    joined = join_samples(samples, 200)
    assert joined.num_rows == 200
    assert len(set(joined[HASH].to_pylist())) == 200
    assert 60 < sum(x < 720 for x in joined["x"].to_pylist()) < 140


def test_columns_without_plain_values_are_not_sampled(postgres_url: str) -> None:
    """JSON cannot be compared or shown as a value; it is left out of the sample and does not end the scan."""
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    with table(engine, {"x": "json", "u": "uuid"}, one_day({"x": ["{}", None], "u": [None, None]})) as rows:
        found = profiled(rows, {"x": CategoryBins(()), "u": CategoryBins(())})
    assert found.sample.column_names == ["ts", "u", HASH]
    assert found.profile.columns["x"].unusable == 2


# What is sent -------------------------------------------------------------------------------------------------------


def test_nothing_is_spelt_into_a_statement(engine: sa.Engine) -> None:
    """Every value of binning and window is a parameter, every name goes through the database's own quoting."""
    sent: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    with table(engine, {HOSTILE: "double precision", "c": "text"}, one_day({HOSTILE: [1.0], "c": ["x'; --"]})) as rows:
        sent.clear()
        profiled(rows, {HOSTILE: bins(0.123456789), "c": CategoryBins(("'; DROP TABLE other; --",))})
    text = "\n".join(sent)
    assert "0.123456789" not in text
    assert "DROP TABLE other" not in text
    assert "2013-06-0" not in text
    assert set(re.findall(r'"we.*?x"', text)) == {'"we""ird; DROP TABLE x"'}
