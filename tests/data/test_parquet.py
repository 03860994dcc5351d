"""Parquet sources: pruning, masks, types of time, broken files."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem as FsspecLocal
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow.fs import FileInfo, FSSpecHandler, LocalFileSystem, PyFileSystem

from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.data.partition import Partition
from monitoring_tasks.errors import SourceInvalid, SourceUnavailable
from monitoring_tasks.window import Window

START = datetime(2013, 6, 3, tzinfo=UTC)
DAYS = Window.parse("2013-06-04", "2013-06-05")


class Watched(FSSpecHandler):
    """A local file system that remembers what was listed and opened."""

    def __init__(self) -> None:
        super().__init__(FsspecLocal())
        self.listed: list[str] = []
        self.opened: list[str] = []

    def get_file_info_selector(self, selector: object) -> list[FileInfo]:
        self.listed.append(selector.base_dir)  # type: ignore[attr-defined]
        return super().get_file_info_selector(selector)

    def open_input_file(self, path: str) -> pa.NativeFile:
        self.opened.append(path)
        return super().open_input_file(path)


def hours(count: int, start: datetime = START) -> list[datetime]:
    """`count` moments one hour apart."""
    return [start + timedelta(hours=hour) for hour in range(count)]


def write(path: Path, moments: pa.Array, group: int = 10_000, **columns: pa.Array) -> Path:
    """A parquet file of `moments` under the name ts, a running number x, and more columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({"ts": moments, "x": pa.array(range(len(moments)), pa.int64()), **columns})
    pq.write_table(table, path, row_group_size=group)
    return path


def open_(path: Path, partition: Partition | None = None) -> ParquetRows:
    """The rows of a local path."""
    return ParquetRows(LocalFileSystem(), str(path), timestamp="ts", partition=partition)


def numbers(rows: ParquetRows, window: Window | None) -> list[int]:
    """The running numbers of the window's rows, in the order read."""
    return [x for chunk in rows.chunks(window) for x in chunk.read(["x"])["x"].to_pylist()]


def by_day(folder: Path, days: int, name: str = "day") -> Path:
    """A hive-partitioned folder with 24 rows a day."""
    for day in range(days):
        start = START + timedelta(days=day)
        moments = pa.array(hours(24, start), pa.timestamp("us", "UTC"))
        write(folder / f"{name}={start:%Y-%m-%d}" / "part-0.parquet", moments)
    return folder


TYPES: dict[str, Callable[[list[datetime]], pa.Array]] = {
    "us_utc": lambda ts: pa.array(ts, pa.timestamp("us", "UTC")),
    "ns_utc": lambda ts: pa.array(ts, pa.timestamp("ns", "UTC")),
    "ms_other_zone": lambda ts: pa.array(ts, pa.timestamp("ms", "America/New_York")),
    "s_naive": lambda ts: pa.array([t.replace(tzinfo=None) for t in ts], pa.timestamp("s")),
    "text_space": lambda ts: pa.array([f"{t:%Y-%m-%d %H:%M:%S}" for t in ts]),
    "text_t_micro": lambda ts: pa.array([f"{t:%Y-%m-%dT%H:%M:%S.%f}" for t in ts]),
    "text_z": lambda ts: pa.array([f"{t:%Y-%m-%dT%H:%M:%SZ}" for t in ts], pa.large_string()),
    "text_offset": lambda ts: pa.array([t.astimezone(timezone(timedelta(hours=-5))).isoformat() for t in ts]),
    "text_dictionary": lambda ts: pa.array([t.isoformat() for t in ts]).dictionary_encode(),
    "text_mixed": lambda ts: pa.array([t.isoformat() if t.hour % 2 else f"{t:%Y-%m-%d %H:%M}" for t in ts]),
}


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_of_time_gives_the_same_rows(tmp_path: Path, kind: str) -> None:
    """A window holds the same rows whichever type its timestamps have, its start included and its end not."""
    path = write(tmp_path / "log.parquet", TYPES[kind](hours(72)), group=7)
    assert numbers(open_(path), DAYS) == list(range(24, 48))


def test_a_date_is_its_midnight(tmp_path: Path) -> None:
    """A date column counts as midnight UTC: a window that starts a minute later does not hold the day."""
    dates = [date(2013, 6, 3), date(2013, 6, 4), date(2013, 6, 5)]
    for kind in (pa.date32(), pa.date64()):
        path = write(tmp_path / f"{kind}.parquet", pa.array(dates, kind), group=1)
        assert numbers(open_(path), DAYS) == [1]
        assert numbers(open_(path), Window.parse("2013-06-04T00:01", "2013-06-05T00:01")) == [2]


def test_ends_do_not_round_into_the_window(tmp_path: Path) -> None:
    """A window that starts at noon leaves the row of that day out where the column holds dates."""
    path = write(tmp_path / "log.parquet", pa.array([START, START + timedelta(days=1)], pa.date32()))
    assert numbers(open_(path), Window(START + timedelta(hours=12), START + timedelta(days=2))) == [1]


def test_nanoseconds_are_told_apart(tmp_path: Path) -> None:
    """The row one nanosecond before the window's end belongs to it, the row at its end does not."""
    end = 1_370_390_400_000_000_000
    path = write(tmp_path / "log.parquet", pa.array([end - 1, end], pa.timestamp("ns", "UTC")))
    assert numbers(open_(path), DAYS) == [0]


@pytest.mark.parametrize("values", [[1, 2], [1.5, 2.5], [True, False], [b"a", b"b"]])
def test_types_that_are_no_time_are_refused(tmp_path: Path, values: list[object]) -> None:
    """A number is refused as a timestamp, because its unit cannot be told; the message names column and type."""
    path = write(tmp_path / "log.parquet", pa.array(values))
    with pytest.raises(SourceInvalid, match=rf"column 'ts' of .*log.parquet has type {pa.array(values).type}: .*ISO"):
        open_(path).chunks(DAYS)


def test_garbage_text_is_refused(tmp_path: Path) -> None:
    """Text that is no moment is named in the error instead of dropping its row."""
    path = write(tmp_path / "log.parquet", pa.array(["2013-06-04", "yesterday"]))
    (chunk,) = open_(path).chunks(DAYS)
    with pytest.raises(SourceInvalid, match="'yesterday', which is no moment"):
        chunk.read(["x"])


def test_null_timestamps_belong_to_no_window(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A row without timestamp is in no window but in the whole; its number is logged once."""
    moments = pa.array([START + timedelta(days=1), None, None], pa.timestamp("us", "UTC"))
    path = write(tmp_path / "log.parquet", moments)
    with caplog.at_level(logging.WARNING):
        (chunk,) = open_(path).chunks(DAYS)
        assert chunk.read(["x"])["x"].to_pylist() == [0]
        assert chunk.read(["x"])["x"].to_pylist() == [0]
    assert [record.getMessage() for record in caplog.records] == [f"timestamp_missing file={path} row_group=0 rows=2"]
    assert numbers(open_(path), None) == [0, 1, 2]


def test_row_groups_outside_the_window_are_left_out(tmp_path: Path) -> None:
    """Statistics leave row groups out, and one that lies wholly inside needs no mask."""
    path = write(tmp_path / "log.parquet", pa.array(hours(72), pa.timestamp("us", "UTC")), group=12)
    chunks = open_(path).chunks(Window.parse("2013-06-04T06:00", "2013-06-05T00:00"))
    assert [(chunk.group, chunk.window is None) for chunk in chunks] == [(2, False), (3, True)]
    assert [chunk.rows for chunk in chunks] == [12, 12]


def test_without_statistics_rows_are_still_right(tmp_path: Path) -> None:
    """A file written without statistics is masked row by row."""
    table = pa.table({"ts": pa.array(hours(72), pa.timestamp("us", "UTC")), "x": range(72)})
    pq.write_table(table, tmp_path / "log.parquet", row_group_size=12, write_statistics=False)
    rows = open_(tmp_path / "log.parquet")
    assert len(rows.chunks(DAYS)) == 6
    assert numbers(rows, DAYS) == list(range(24, 48))


def test_only_overlapping_partitions_are_listed(tmp_path: Path) -> None:
    """With a declared partition neither the folders nor the files of other days are touched."""
    by_day(tmp_path, 5)
    watched = Watched()
    window = Window.parse("2013-06-04T06:00", "2013-06-05T06:00")
    rows = ParquetRows(PyFileSystem(watched), str(tmp_path), timestamp="ts", partition=Partition("day"))
    assert numbers(rows, window) == [*range(6, 24), *range(6)]
    names = [Path(path).relative_to(tmp_path) for path in watched.listed]
    assert names == [Path(), Path("day=2013-06-04"), Path("day=2013-06-05")]
    assert not [path for path in watched.opened if "2013-06-03" in path or "2013-06-06" in path]


def test_a_footer_is_read_once(tmp_path: Path) -> None:
    """One footer read and one reader per thread serve all row groups and columns of a file."""
    write(tmp_path / "log.parquet", pa.array(hours(72), pa.timestamp("us", "UTC")), group=10)
    watched = Watched()
    rows = ParquetRows(PyFileSystem(watched), str(tmp_path / "log.parquet"), timestamp="ts")
    for chunk in rows.chunks(DAYS):
        chunk.read(["x"])
        chunk.read(["ts"])
    rows.schema()
    assert len(watched.opened) == 2


def test_hive_folders_work_undeclared_and_nested(tmp_path: Path) -> None:
    """Hive folders nobody declared are pruned by statistics; a declared one may lie below another."""
    by_day(tmp_path / "plain", 3)
    assert numbers(open_(tmp_path / "plain"), DAYS) == list(range(24))
    by_day(tmp_path / "nested" / "region=us", 3)
    by_day(tmp_path / "nested" / "region=eu", 3)
    assert numbers(open_(tmp_path / "nested", Partition("day")), DAYS) == [*range(24), *range(24)]


def test_hour_and_month_partitions(tmp_path: Path) -> None:
    """A partition covers what its format says: an hour, or a month; its value may be percent-encoded."""
    for moment in hours(4):
        stamp = f"{moment:%Y-%m-%d %H}".replace(" ", "%20")
        write(tmp_path / "hourly" / f"at={stamp}" / "a.parquet", pa.array([moment + timedelta(minutes=59)]))
    window = Window.parse("2013-06-03T01:30", "2013-06-03T03:00")
    assert len(open_(tmp_path / "hourly", Partition("at", "%Y-%m-%d %H")).chunks(window)) == 2
    write(tmp_path / "monthly" / "m=201306" / "a.parquet", pa.array([datetime(2013, 6, 30, 23, tzinfo=UTC)]))
    rows = open_(tmp_path / "monthly", Partition("m", "%Y%m"))
    assert numbers(rows, Window.parse("2013-06-30", "2013-07-01")) == [0]


def test_a_partition_value_in_another_format_is_refused(tmp_path: Path) -> None:
    """A partition that cannot be read as time says which setting to correct."""
    by_day(tmp_path, 1)
    with pytest.raises(SourceInvalid, match=r"'2013-06-03' is not a time in the format '%Y%m%d'.*partition_format"):
        open_(tmp_path, Partition("day", "%Y%m%d")).chunks(DAYS)


def test_files_outside_partitions_are_not_lost(tmp_path: Path) -> None:
    """A file beside the partition folders is still read; rows of the default partition have no time and are not."""
    by_day(tmp_path, 2)
    write(tmp_path / "late.parquet", pa.array([START + timedelta(days=1)], pa.timestamp("us", "UTC")))
    write(tmp_path / "day=__HIVE_DEFAULT_PARTITION__" / "a.parquet", pa.array([START + timedelta(days=1)]))
    assert numbers(open_(tmp_path, Partition("day")), DAYS) == [*range(24), 0]


def test_missing_partition_and_empty_folder_give_no_chunks(tmp_path: Path) -> None:
    """A day nobody wrote is no data, not an error."""
    by_day(tmp_path / "log", 2)
    assert open_(tmp_path / "log", Partition("day")).chunks(Window.parse("2014-01-01", "2014-01-02")) == []
    (tmp_path / "empty").mkdir()
    assert open_(tmp_path / "empty").chunks(DAYS) == []
    assert open_(tmp_path / "empty").schema() == pa.schema([])


def test_a_missing_path_is_unavailable(tmp_path: Path) -> None:
    """A path that does not exist may appear yet: the error is one to retry, and names it."""
    with pytest.raises(SourceUnavailable, match="nowhere does not exist"):
        open_(tmp_path / "nowhere").chunks(DAYS)


def test_hidden_and_temporary_files_are_skipped(tmp_path: Path) -> None:
    """Markers and half-written files under names with _ or . are not rows, at any depth."""
    by_day(tmp_path, 2)
    for name in ("_SUCCESS", ".part.parquet.crc", "day=2013-06-04/_temporary/0/a.parquet", "day=2013-06-04/.b.parquet"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"not parquet")
    for partition in (None, Partition("day")):
        assert numbers(open_(tmp_path, partition), DAYS) == list(range(24))


def test_a_hidden_folder_above_the_source_is_no_reason_to_skip(tmp_path: Path) -> None:
    """Only names below the source decide: a demo under `.demo/` is read."""
    by_day(tmp_path / ".demo" / "log", 2)
    assert numbers(open_(tmp_path / ".demo" / "log"), DAYS) == list(range(24))


@pytest.mark.parametrize("keep", [0, 10, -20])
def test_a_truncated_file_is_named(tmp_path: Path, keep: int) -> None:
    """A file whose end is missing is invalid, by name, with what to do."""
    path = write(tmp_path / "log" / "a.parquet", pa.array(hours(72), pa.timestamp("us", "UTC")))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(SourceInvalid, match=r"a.parquet is not a whole parquet file: .*write it again") as caught:
        open_(tmp_path / "log").chunks(DAYS)
    assert not caught.value.retryable


def test_broken_pages_are_named(tmp_path: Path) -> None:
    """A file with a sound footer and zeroed pages fails when read, by name, also on a remote file system."""
    path = write(tmp_path / "a.parquet", pa.array(hours(72), pa.timestamp("us", "UTC")))
    content = path.read_bytes()
    path.write_bytes(content[:4] + bytes(len(content) // 2) + content[4 + len(content) // 2 :])
    for filesystem in (LocalFileSystem(), PyFileSystem(FSSpecHandler(FsspecLocal()))):
        (chunk,) = ParquetRows(filesystem, str(path), timestamp="ts").chunks(None)
        with pytest.raises(SourceInvalid, match=r"a.parquet is not a whole parquet file"):
            chunk.read(["x", "ts"])


def test_a_file_that_vanishes_is_unavailable(tmp_path: Path) -> None:
    """A file removed between listing and reading (a compaction) is worth another try."""
    path = write(tmp_path / "a.parquet", pa.array(hours(72), pa.timestamp("us", "UTC")))
    (chunk,) = open_(path).chunks(DAYS)
    path.unlink()
    with pytest.raises(SourceUnavailable, match=r"a.parquet cannot be read"):
        chunk.read(["x"])


def test_a_service_that_fails_is_unavailable(tmp_path: Path) -> None:
    """An error of the file service is worth another try, whatever the file is called."""

    class Failing(Watched):
        def open_input_file(self, path: str) -> pa.NativeFile:
            raise OSError(f"reading {path}: AWS Error NETWORK_CONNECTION")

    write(tmp_path / "corrupt.parquet", pa.array(hours(1)))
    rows = ParquetRows(PyFileSystem(Failing()), str(tmp_path / "corrupt.parquet"), timestamp="ts")
    with pytest.raises(SourceUnavailable, match="NETWORK_CONNECTION"):
        rows.chunks(DAYS)


def test_a_missing_timestamp_column_is_named_with_the_likely_one(tmp_path: Path) -> None:
    """The error lists the columns found and the one that was probably meant."""
    path = write(tmp_path / "a.parquet", pa.array(hours(1)))
    rows = ParquetRows(LocalFileSystem(), str(path), timestamp="tss")
    with pytest.raises(SourceInvalid, match=r"no timestamp column 'tss'; did you mean 'ts'\? its columns are ts, x"):
        rows.chunks(DAYS)
    with pytest.raises(SourceInvalid, match="opened without a timestamp column"):
        ParquetRows(LocalFileSystem(), str(path), timestamp=None).chunks(DAYS)


def test_doubled_columns_are_refused(tmp_path: Path) -> None:
    """Two columns of one name cannot be told apart."""
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["x", "x"]), tmp_path / "a.parquet")
    with pytest.raises(SourceInvalid, match="several columns called 'x'"):
        open_(tmp_path / "a.parquet").chunks(None)


def test_columns_absent_in_some_files_are_absent_there(tmp_path: Path) -> None:
    """Only existing columns are read; a table without any still knows its rows; the schema is that of all files."""
    stamp = pa.timestamp("us", "UTC")
    write(tmp_path / "a.parquet", pa.array(hours(30), stamp))
    write(tmp_path / "b.parquet", pa.array(hours(30), stamp), y=pa.array(range(30)), x2=pa.array(["a"] * 30))
    for window, count in ((DAYS, 6), (None, 30)):
        first, second = (chunk.read(["y", "gone", "x"]) for chunk in open_(tmp_path).chunks(window))
        assert (first.column_names, second.column_names) == (["x"], ["y", "x"])
        empty = open_(tmp_path).chunks(window)[0].read(["gone"])
        assert (empty.num_columns, empty.num_rows) == (0, count)
    assert open_(tmp_path).schema().names == ["ts", "x", "y", "x2"]


def test_hostile_column_names(tmp_path: Path) -> None:
    """Dots, quotes and empty names are names like any other."""
    names = ["a", "a.b", 'we"ird; DROP TABLE x', "", "列"]
    columns = {name: pa.array([position] * 30) for position, name in enumerate(names)}
    write(tmp_path / "a.parquet", pa.array(hours(30), pa.timestamp("us", "UTC")), **columns)
    (chunk,) = open_(tmp_path).chunks(DAYS)
    for position, name in enumerate(names):
        table = chunk.read([name])
        assert table.column_names == [name]
        assert table[name].to_pylist() == [position] * 6


def test_keys_do_not_depend_on_where_the_source_lies(tmp_path: Path) -> None:
    """The sample's seeds come from names below the source: a moved copy keeps them, and no two chunks share one."""
    keys = []
    for place in ("here", "there/deeper"):
        rows = open_(by_day(tmp_path / place, 3))
        keys.append([chunk.key for chunk in rows.chunks(None)])
    assert keys[0] == keys[1]
    assert len(set(keys[0])) == 3
    assert all(0 <= key < 2**64 for key in keys[0])
    assert open_(tmp_path / "here" / "day=2013-06-03" / "part-0.parquet").chunks(None)[0].key == 4575092851618507136


def test_fingerprint_follows_the_window_s_files_alone(tmp_path: Path) -> None:
    """It changes when a file of the window does, and not when another day arrives."""
    by_day(tmp_path, 3)
    for partition in (None, Partition("day")):
        before = open_(tmp_path, partition).fingerprint(DAYS)
        assert len(before) == 16
        assert int(before, 16) >= 0
        write(
            tmp_path / f"day=2013-06-0{7 if partition else 8}" / "part-0.parquet",
            pa.array(hours(1, START + timedelta(9))),
        )
        assert open_(tmp_path, partition).fingerprint(DAYS) == before
    write(tmp_path / "day=2013-06-04" / "part-1.parquet", pa.array([START + timedelta(days=1)]))
    assert open_(tmp_path, Partition("day")).fingerprint(DAYS) != before
    assert open_(tmp_path).fingerprint(None) != open_(tmp_path).fingerprint(DAYS)


def test_many_threads_read_the_same(tmp_path: Path) -> None:
    """Chunks read from several threads at once give what one thread reads."""
    moments = pa.array(hours(2000), pa.timestamp("us", "UTC"))
    for name in "abc":
        write(tmp_path / f"{name}.parquet", moments, group=100, y=pa.array([f"{name}{i}" for i in range(2000)]))
    window = Window.parse("2013-06-04T05:30", "2013-08-01")
    alone = [chunk.read(["y", "x"]) for chunk in open_(tmp_path).chunks(window)]
    chunks = open_(tmp_path).chunks(window) * 4
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda chunk: chunk.read(["y", "x"]), chunks))
    assert together == alone * 4
    assert threading.active_count() < 20


@settings(max_examples=40, deadline=None)
@given(
    offsets=st.lists(st.integers(0, 4 * 86_400_000_000) | st.none(), min_size=1, max_size=60),
    start=st.integers(0, 4 * 86_400),
    width=st.integers(1, 86_400),
    group=st.integers(1, 20),
)
def test_the_window_s_rows_by_brute_force(
    tmp_path_factory: pytest.TempPathFactory, offsets: list[int | None], start: int, width: int, group: int
) -> None:
    """Whatever the row groups, exactly the rows with start <= ts < end come, in file order."""
    moments = [None if offset is None else START + timedelta(microseconds=offset) for offset in offsets]
    path = write(
        tmp_path_factory.mktemp("rows") / "a.parquet", pa.array(moments, pa.timestamp("us", "UTC")), group=group
    )
    window = Window(START + timedelta(seconds=start), START + timedelta(seconds=start + width))
    expected = [i for i, moment in enumerate(moments) if moment and window.start <= moment < window.end]
    assert numbers(open_(path), window) == expected
