"""One pass over Arrow rows: complete, bounded, and the same whatever the threads do."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow.fs import LocalFileSystem

from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.errors import SourceUnavailable
from monitoring_tasks.profile.arrow import processors, scan_arrow
from monitoring_tasks.profile.binning import Binning, CategoryBins
from monitoring_tasks.profile.plan import HASH, Plan, Scan, join_samples
from monitoring_tasks.profile.profile import CategoryProfile, NumericProfile, dumps, empty
from monitoring_tasks.profile.scan import scan
from monitoring_tasks.window import Window
from tests.profile.shapes import MemoryChunk, MemoryRows, bins_of

ROWS = 3000


@dataclass(frozen=True)
class SlowChunk(MemoryChunk):
    """A chunk that takes its time, so that tasks end in another order than they started."""

    def read(self, columns: Sequence[str]) -> pa.Table:
        time.sleep(random.random() / 500)
        return super().read(columns)


@dataclass(frozen=True)
class SlowRows(MemoryRows):
    def chunks(self, window: object) -> Sequence[MemoryChunk]:
        return [SlowChunk(chunk.table, chunk.key) for chunk in super().chunks(None)]


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """Rows with an id of which some occur twice, eight numbers and a category."""
    rng = np.random.default_rng(5)
    numbers = {f"x{place}": rng.lognormal(size=ROWS) for place in range(8)}
    ids = np.concatenate([np.arange(ROWS - 100), np.arange(100)])
    return pa.table({"id": ids, "when": np.arange(ROWS), "c": rng.choice(["a", "b", "z"], ROWS), **numbers})


@pytest.fixture(scope="module")
def plan(table: pa.Table) -> Plan:
    """A plan over all columns and one that is not there."""
    columns = {name: bins_of(table[name].to_numpy()) for name in table.column_names if name.startswith("x")}
    binning = Binning({**columns, "c": CategoryBins(("a", "b")), "gone": CategoryBins(("a",))})
    return Plan(binning, id="id", timestamp="when", sample_rows=200)


def _pieces(table: pa.Table, *cuts: int) -> MemoryRows:
    places = [0, *cuts, table.num_rows]
    return MemoryRows([table.slice(start, end - start) for start, end in pairwise(places)])


def test_bytes_do_not_depend_on_threads_or_their_order(table: pa.Table, plan: Plan) -> None:
    """One, two or five threads, ending in any order, give the same profile bytes and the same sample."""
    rows = SlowRows(_pieces(table, 700, 701, 2000).tables)
    scans = [scan_arrow(rows, None, plan, workers=workers) for workers in (1, 2, 5, 5)]
    assert len({dumps(found.profile) for found in scans}) == 1
    assert all(found.sample.equals(scans[0].sample) for found in scans)


def test_every_row_is_counted(table: pa.Table, plan: Plan) -> None:
    """Rows, types, duplicates, new categories and the missing column are all there."""
    profile = scan_arrow(_pieces(table, 1000, 1000), None, plan).profile
    assert profile.rows == ROWS
    assert profile.duplicates == 100
    assert profile.types["x0"] == ("double",)
    assert profile.types["gone"] == ()
    column, gone = profile.columns["c"], profile.columns["gone"]
    assert isinstance(column, CategoryProfile)
    assert isinstance(gone, CategoryProfile)
    assert column.counts.sum() + column.unseen["z"] == ROWS
    assert gone.absent == ROWS
    for name in plan.binning.columns:
        found = profile.columns[name]
        assert not isinstance(found, NumericProfile) or found.counts.sum() == ROWS


def test_sample_is_bounded_and_drawn_from_all_rows(table: pa.Table, plan: Plan) -> None:
    """The sample has exactly the rows asked for, whole rows of the table, from everywhere in it."""
    sample = scan_arrow(_pieces(table, 700), None, plan).sample
    assert sample.num_rows == 200
    assert sample.column_names == [*(name for name in plan.sample_columns if name != "gone"), HASH]
    when = sample["when"].to_numpy()
    assert len(set(when.tolist())) == 200
    np.testing.assert_array_equal(sample["x3"].to_numpy(), table["x3"].to_numpy()[when])
    assert 0.4 < (when < ROWS / 2).mean() < 0.6
    np.testing.assert_array_equal(sample[HASH].to_numpy(), np.sort(sample[HASH].to_numpy()))


def test_joined_samples_are_the_sample_of_the_whole(table: pa.Table, plan: Plan) -> None:
    """Sampling pieces apart and joining gives the rows that one scan over all of them samples, in any order."""
    rows = _pieces(table, 700, 2000)
    whole = scan_arrow(rows, None, plan).sample

    @dataclass(frozen=True)
    class One(MemoryRows):
        place: int

        def chunks(self, window: object) -> Sequence[MemoryChunk]:
            return [super().chunks(None)[self.place]]

    parts = [scan_arrow(One(rows.tables, place), None, plan).sample for place in range(3)]
    assert join_samples(parts, 200).equals(whole)
    assert join_samples(parts[::-1], 200).equals(whole)


def test_few_rows_are_all_sampled(table: pa.Table, plan: Plan) -> None:
    """A window smaller than the sample is kept whole."""
    sample = scan_arrow(_pieces(table.slice(0, 50), 20), None, plan).sample
    assert sorted(sample["when"].to_pylist()) == list(range(50))


@pytest.mark.parametrize("rows", [MemoryRows([]), MemoryRows([pa.table({"c": pa.array([], pa.string())})])])
def test_no_rows_give_the_empty_profile(rows: MemoryRows, plan: Plan) -> None:
    """A window without chunks, or with empty ones, is a profile of no rows and an empty sample."""
    found = scan_arrow(rows, None, plan)
    assert dumps(found.profile) == dumps(empty(plan.binning, duplicates=0))
    assert found.sample.num_rows == 0


def test_pieces_may_differ_in_their_columns_and_types(plan: Plan) -> None:
    """A column missing, of another type or nested in one piece is told apart there and does not end the scan."""
    tables = [
        pa.table({"id": ["1"], "c": ["a"], "x0": [1.0], "x1": [[1]]}),
        pa.table({"id": ["2"], "c": [7], "x0": ["bad"], "x2": [1]}),
        pa.table({"id": ["2"], "c": pa.array(["b"]).dictionary_encode(), "x0": pa.nulls(1)}),
    ]
    found = scan_arrow(MemoryRows(tables), None, plan)
    columns = found.profile.columns
    x0, x1, c = columns["x0"], columns["x1"], columns["c"]
    assert isinstance(x0, NumericProfile)
    assert isinstance(x1, NumericProfile)
    assert isinstance(c, CategoryProfile)
    assert (x0.counts.sum(), x0.unusable, x0.null) == (1, 1, 1)
    assert (x1.unusable, x1.absent) == (1, 2)
    assert (c.counts.tolist(), c.unseen) == ([1, 1], {"7": 1})
    assert found.profile.types["c"] == ("int64", "string")
    assert found.profile.duplicates == 1
    assert sorted(found.sample["x0"].to_pylist(), key=str) == ["1", None, "bad"]
    assert "x1" not in found.sample.column_names


def test_duplicates_are_unknown_without_the_id(table: pa.Table, plan: Plan) -> None:
    """A monitor without an id, or rows that lack it, have no number of duplicates rather than zero."""
    without = Plan(plan.binning)
    assert scan_arrow(_pieces(table), None, without).profile.duplicates is None
    mixed = MemoryRows([table, table.drop_columns(["id"])])
    assert scan_arrow(mixed, None, plan).profile.duplicates is None


def test_an_error_of_the_source_comes_through(table: pa.Table, plan: Plan) -> None:
    """A chunk that cannot be read ends the scan with the source's own error."""

    class Broken(MemoryChunk):
        def read(self, columns: Sequence[str]) -> pa.Table:
            if columns:
                raise SourceUnavailable("disk on fire")
            return super().read(columns)

    class BrokenRows(MemoryRows):
        def chunks(self, window: object) -> Sequence[MemoryChunk]:
            return [Broken(table, 1)]

    with pytest.raises(SourceUnavailable, match="disk on fire"):
        scan_arrow(BrokenRows([]), None, plan)


def test_parquet_files_scan_like_tables(tmp_path: Path, table: pa.Table, plan: Plan) -> None:
    """Rows in row groups of a file have the profile of the same rows in memory, by the function every source uses."""
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=700)
    rows = ParquetRows(LocalFileSystem(), str(tmp_path / "rows.parquet"), timestamp=None)
    found: Scan = scan(rows, None, plan)
    assert dumps(found.profile) == dumps(scan_arrow(_pieces(table, 700, 1400, 2100, 2800), None, plan).profile)
    assert found.sample.num_rows == 200


def test_threads_are_few() -> None:
    """A scan leaves the machine to others: two threads at most."""
    assert 1 <= processors() <= 2


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())], ids=str
)
def test_text_scans_alike_however_the_file_keeps_it(tmp_path: Path, kind: pa.DataType) -> None:
    """Few and many different texts, nulls among them, give one profile and one plain sample, whole or by window."""
    few = ["AA", "UA", None, "DL"] * 250
    many = [None if place % 10 == 0 else f"tail number {place % 120}" for place in range(1000)]
    moments = [Window.parse("2013-01-01", "2013-01-02").start + timedelta(minutes=place) for place in range(1000)]
    when = pa.array(moments, pa.timestamp("us", "UTC"))
    table = pa.table({"few": pa.array(few).cast(kind), "many": pa.array(many).cast(kind), "when": when})
    pq.write_table(table, tmp_path / "rows.parquet")
    rows = ParquetRows(LocalFileSystem(), str(tmp_path / "rows.parquet"), timestamp="when")
    plan = Plan(Binning({"few": CategoryBins(("AA", "UA")), "many": CategoryBins(())}), sample_rows=2000)
    for window, count in ((None, 1000), (Window.parse("2013-01-01", "2013-01-01T10:00"), 600)):
        found = scan_arrow(rows, window, plan)
        column, texts = found.profile.columns["few"], found.profile.columns["many"]
        assert isinstance(column, CategoryProfile)
        assert isinstance(texts, CategoryProfile)
        assert (column.counts.tolist(), column.unseen, column.null) == (
            [count // 4] * 2,
            {"DL": count // 4},
            count // 4,
        )
        assert sum(texts.unseen.values()) + texts.other == count * 0.9
        assert sorted(found.sample["few"].to_pylist(), key=str) == sorted(few[:count], key=str)
        assert not pa.types.is_dictionary(found.sample.schema.field("few").type)


def test_a_scan_does_not_import_pandas(tmp_path: Path) -> None:
    """Numbers with nulls, texts and integer ids go from file to profile and sample without pandas' time and memory."""
    table = pa.table({"id": [1, 2, 2], "x": [1.0, None, 3.0], "c": ["a", "b", None]})
    pq.write_table(table, tmp_path / "rows.parquet")
    script = f"""
import sys
import numpy as np
from pyarrow.fs import LocalFileSystem
from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.profile.binning import Binning, CategoryBins, numeric_bins
from monitoring_tasks.profile.scan import Plan, scan
bins = numeric_bins(np.arange(9.0), limits=None, slack=3.0)
rows = ParquetRows(LocalFileSystem(), {str(tmp_path / "rows.parquet")!r}, timestamp=None)
found = scan(rows, None, Plan(Binning({{"x": bins, "c": CategoryBins(("a",))}}), id="id"))
print(found.profile.duplicates, found.sample.num_rows, "pandas" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "3", "False"]
