"""Parquet files as a source of rows: one file, a flat folder, or a hive-partitioned folder."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileInfo, FileSystem, FileType, LocalFileSystem

from monitoring_tasks.data.derived.columns import DerivedColumns
from monitoring_tasks.data.moments import inside, limits, no_such_column, require_moments, statistics_step
from monitoring_tasks.data.partition import Partition, files_of
from monitoring_tasks.data.values import Column
from monitoring_tasks.derived_section import Derived
from monitoring_tasks.errors import SourceInvalid, SourceUnavailable
from monitoring_tasks.window import Window

log = logging.getLogger(__name__)
_FOOTERS_AT_ONCE = 8
_BYTES_AT_ONCE, _ROWS_AT_ONCE = 1 << 23, 1 << 16
_BUFFER = 1 << 20
# What the reader says about broken content. Other errors of a remote file system are the service's.
_BROKEN = re.compile(r"thrift|corrupt|end of stream|decompress|compression|column metadata|flatbuffers", re.IGNORECASE)


@dataclass(frozen=True)
class RowGroup:
    """One row group of one file, cut to a window; safe to read from several threads."""

    source: ParquetRows
    file: FileInfo
    group: int
    rows: int
    window: Window | None = None
    """None where every row is wanted, because all of the source is or because all of the group lies in the window."""
    _mask: list[pa.ChunkedArray[Any]] = field(default_factory=list, repr=False, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def key(self) -> int:
        """Stable unsigned 64-bit key of (file name relative to the source, row group)."""
        name = f"{self.source.name_of(self.file)}\0{self.group}"
        return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")

    def read(self, columns: Sequence[str]) -> pa.Table:
        """The window's rows in file order, with those of `columns` that exist; rows and order equal for every call.

        With no column that exists the table has no columns, and its `num_rows` is still the number of rows. Raises
        `SourceInvalid` when the file is broken, `SourceUnavailable` when it is gone.
        """
        names = self.source.schema_of(self.file).names
        wanted = [name for name in columns if name in names]
        mask = None if self.window is None else self._masked(self.window)
        derived = [name for name in wanted if name in self.source.derived.declared]
        table = _filtered(self._read([name for name in wanted if name not in derived]), mask)
        for name, column in self._derived(derived, mask).items():
            table = table.append_column(name, column)
        return table.select(wanted)

    def parts(self, column: str) -> Iterator[pa.Table]:
        """The rows of `read` with one column of the files, some megabytes at a time; nothing where it does not exist.

        Raises what `read` raises.
        """
        if column in self.source.schema_of(self.file).names:
            yield from self._batches([column], None if self.window is None else self._masked(self.window))

    def _derived(self, names: Sequence[str], mask: pa.ChunkedArray[Any] | None) -> dict[str, Column]:
        """Derived columns, a few rows at a time: the texts they are computed from would not fit into memory."""
        derived = self.source.derived
        parts = [derived.computed(names, table) for table in self._batches(derived.inputs(names), mask)]
        return {name: derived.joined(name, [part[name] for part in parts]) for name in names}

    def _batches(self, columns: list[str], mask: pa.ChunkedArray[Any] | None) -> Iterator[pa.Table]:
        reader, done = self.source.handle(self.file), 0
        rows = _rows_at_once(self.source.footer(self.file).row_group(self.group), columns)
        with _explained(self.file.path, self.source.filesystem):
            for batch in reader.iter_batches(rows, row_groups=[self.group], columns=columns, use_threads=False):
                table = _without_views(pa.Table.from_batches([batch]).select(columns))
                yield _filtered(table, None if mask is None else mask.slice(done, len(batch)))
                done += len(batch)

    def _read(self, columns: list[str]) -> pa.Table:
        with _explained(self.file.path, self.source.filesystem):
            table = self.source.handle(self.file).read_row_group(self.group, columns, use_threads=False)
        # A column "a" also brings "a.b" when that is the name of another.
        return _without_views(table.select(columns))

    def _masked(self, window: Window) -> pa.ChunkedArray[Any]:
        with self._lock:
            if not self._mask:
                self._mask.append(self._mask_of(window))
            return self._mask[0]

    def _mask_of(self, window: Window) -> pa.ChunkedArray[Any]:
        name = self.source.timestamp_in(self.file)
        moments = self._read([name])[name]
        if moments.null_count:
            log.warning(
                "timestamp_missing file=%s row_group=%d rows=%d", self.file.path, self.group, moments.null_count
            )
        return inside(moments, window, place=f"column {name!r} of {self.file.path}")


def _filtered(table: pa.Table, mask: pa.ChunkedArray[Any] | None) -> pa.Table:
    """The rows of a table that lie in the window."""
    if mask is None:
        return table
    # A table without columns forgets its rows when filtered, hence the mask as a column of its own.
    return table.append_column("", mask).filter(mask).select(range(table.num_columns))


def _rows_at_once(group: pq.RowGroupMetaData, columns: Sequence[str]) -> int:
    """So many rows of some columns as take about `_BYTES_AT_ONCE`."""
    stored = [group.column(place) for place in range(group.num_columns)]
    size = sum(each.total_uncompressed_size for each in stored if each.path_in_schema in columns)
    return max(1, min(_ROWS_AT_ONCE, _BYTES_AT_ONCE * group.num_rows // max(size, 1)))


def _without_views(table: pa.Table) -> pa.Table:
    """The table with string views as plain text: Arrow can neither filter nor take rows of views."""
    for place, entry in enumerate(table.schema):
        if pa.types.is_string_view(entry.type):
            table = table.set_column(place, entry.name, table[entry.name].cast(pa.large_string()))
    return table


def _few_valued_texts(footer: pq.FileMetaData) -> list[str]:
    """Text columns that the file keeps as short numbers into a dictionary: read as such they cost a third.

    A text written out takes four bytes for its length alone, so less than that for each value means a dictionary.
    """
    found = []
    for place in range(footer.num_columns if footer.num_row_groups else 0):
        described, stored = footer.schema.column(place), footer.row_group(0).column(place)
        flat = described.logical_type.type == "STRING" and described.max_repetition_level == 0
        if flat and stored.total_uncompressed_size < 4 * stored.num_values:
            found.append(stored.path_in_schema)
    return found


class ParquetRows:
    """The rows of a parquet file or folder; only the files, row groups and columns asked for are read.

    `path` is a file, a folder of files, or a hive-partitioned folder (`day=2013-06-03/part-0.parquet`). Names that
    start with `_` or `.` are skipped. With a `partition`, only its folders that can overlap the window are listed; row
    groups are then left out by the statistics of the `timestamp` column, which must be a column of the files. Rows
    whose timestamp is null belong to no window; how many were met is logged. Columns that a monitor derives are read
    like those of the files, and computed of those that they name.
    """

    def __init__(
        self,
        filesystem: FileSystem,
        path: str,
        *,
        timestamp: str | None,
        partition: Partition | None = None,
        derived: Mapping[str, Derived] | None = None,
    ) -> None:
        self.filesystem = filesystem
        self.derived = DerivedColumns(derived or {})
        self.path = path.rstrip("/") or "/"
        self._timestamp = timestamp
        self._partition = partition
        self._footers: dict[str, pq.FileMetaData] = {}
        self._schemas: dict[str, pa.Schema] = {}
        self._local = threading.local()

    def chunks(self, window: Window | None) -> list[RowGroup]:
        """Row groups that may hold rows of the window (all of them when None), by file name and position.

        Raises `SourceUnavailable` when the path is missing, `SourceInvalid` when a file is broken or has no usable
        timestamp column. A folder or partition without files gives no chunks.
        """
        files = self._files(window)
        if len(files) > 1:  # the footer of one file is read below, without a thread
            with ThreadPoolExecutor(_FOOTERS_AT_ONCE) as pool:
                list(pool.map(self.footer, files))
        return [chunk for file in files for chunk in self._groups(file, window)]

    def schema(self) -> pa.Schema:
        """Columns and types of all files; where files disagree on a type, the first file's. Reads every footer once."""
        fields: dict[str, pa.Field[Any]] = {}
        for file in self._files(None):
            for entry in self.schema_of(file):
                fields.setdefault(entry.name, entry)
        return pa.schema(list(fields.values()))

    def together(self, columns: Iterable[str]) -> list[str]:
        """Derived columns first, those of the same inputs side by side: a text is decoded once for all of them."""
        inputs = {name: each.inputs for name, each in self.derived.declared.items()}
        return sorted(columns, key=lambda name: (name not in inputs, inputs.get(name, ())))

    def fingerprint(self, window: Window | None) -> str:
        """16 hex digits of (name, size, modification time) of the files that may hold rows of the window."""
        files = {chunk.file.path: chunk.file for chunk in self.chunks(window)}
        facts = [[self.name_of(file), file.size, file.mtime_ns] for file in files.values()]
        return hashlib.blake2b(json.dumps(facts).encode(), digest_size=8).hexdigest()

    def name_of(self, file: FileInfo) -> str:
        """The file's name relative to the source; its own name where the source is one file."""
        return file.path.removeprefix(self.path).lstrip("/") or file.base_name

    def footer(self, file: FileInfo) -> pq.FileMetaData:
        """The file's metadata, read once."""
        if file.path not in self._footers:
            with _explained(file.path, self.filesystem), self.filesystem.open_input_file(file.path) as opened:
                footer = pq.read_metadata(opened)
                schema = footer.schema.to_arrow_schema()
            _refuse_doubled(schema.names, file.path)
            self._schemas[file.path] = self.derived.extended(schema, file.path)
            self._footers[file.path] = footer
        return self._footers[file.path]

    def schema_of(self, file: FileInfo) -> pa.Schema:
        """The file's columns and types, derived ones last."""
        self.footer(file)
        return self._schemas[file.path]

    def handle(self, file: FileInfo) -> pq.ParquetFile:
        """An open reader of the file for the calling thread alone; a thread keeps the last one it used."""
        if getattr(self._local, "path", None) != file.path:
            opened = self.filesystem.open_input_file(file.path)
            footer = self.footer(file)
            # Reading ahead saves round trips to a remote store; locally it only costs memory, in Arrow's own threads.
            ahead = not isinstance(self.filesystem, LocalFileSystem)
            texts = _few_valued_texts(footer)
            # Texts are worth more memory than the copy costs that a buffer makes of them.
            buffer = _BUFFER if self.derived.declared and not ahead else 0
            self._local.reader = pq.ParquetFile(
                opened, metadata=footer, read_dictionary=texts, pre_buffer=ahead, buffer_size=buffer
            )
            self._local.path = file.path
        reader: pq.ParquetFile = self._local.reader
        return reader

    def timestamp_in(self, file: FileInfo) -> str:
        """Name of the timestamp column, which the file has and which holds moments. Raises `SourceInvalid`."""
        if self._timestamp is None:
            raise SourceInvalid(f"{self.path} was opened without a timestamp column: name it to read a window")
        schema = self.schema_of(file)
        if self._timestamp not in schema.names:
            raise no_such_column(self._timestamp, schema.names, place=file.path)
        require_moments(schema.field(self._timestamp).type, place=f"column {self._timestamp!r} of {file.path}")
        return self._timestamp

    def _files(self, window: Window | None) -> list[FileInfo]:
        with _explained(self.path, self.filesystem):
            root = self.filesystem.get_file_info(self.path)
            if root.type == FileType.NotFound:
                raise SourceUnavailable(f"{self.path} does not exist: check the source's path, or wait for its writer")
            if root.type == FileType.File:
                return [root]
            files = list(files_of(self.filesystem, root, window=window, partition=self._partition))
        return sorted(files, key=lambda file: file.path)

    def _groups(self, file: FileInfo, window: Window | None) -> Iterator[RowGroup]:
        footer = self.footer(file)
        for group in range(footer.num_row_groups):
            rows = footer.row_group(group).num_rows
            if window is None:
                yield RowGroup(self, file, group, rows)
            elif (overlap := self._overlap(file, group, window)) is not False:
                yield RowGroup(self, file, group, rows, None if overlap else window)

    def _overlap(self, file: FileInfo, group: int, window: Window) -> bool | None:
        """True: all rows lie in the window. False: none does. None: the statistics cannot tell."""
        name = self.timestamp_in(file)
        span = _span(self.footer(file), group, name)
        if span is None:
            return None
        least, most, unit, nulls = span
        low, high = limits(window, unit)
        if most < low or least >= high:
            return False
        return True if low <= least and most < high and nulls == 0 else None


def _span(footer: pq.FileMetaData, group: int, name: str) -> tuple[int, int, Fraction, int] | None:
    """Least and most value of a row group's timestamps as stored, their unit, nulls (-1: unknown); None: not known."""
    position = [footer.schema.column(index).path for index in range(footer.num_columns)].index(name)
    statistics = footer.row_group(group).column(position).statistics
    logical = json.loads(footer.schema.column(position).logical_type.to_json())
    unit = statistics_step(logical["Type"], logical.get("timeUnit"))
    if unit is None or statistics is None or not statistics.has_min_max:
        return None
    # The stubs misspell has_null_count. Without the count there may be nulls.
    nulls = int(statistics.null_count or 0) if statistics.has_null_count else -1  # type: ignore[attr-defined]
    return int(statistics.min_raw or 0), int(statistics.max_raw or 0), unit, nulls


def _refuse_doubled(names: Sequence[str], path: str) -> None:
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise SourceInvalid(f"{path} has several columns called {doubled[0]!r}: write each column once")


@contextmanager
def _explained(path: str, filesystem: FileSystem) -> Iterator[None]:
    """Tell a broken file, which no retry mends, from a service that did not answer.

    A file whose end is missing counts as broken although it may still be being written: a window is closed when it is
    read, and writers that publish a file whole (rename, object store) or under a name with _ or . never show half of
    one. Retrying would only delay the news.
    """
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError) as error:
        raise _broken(path, error) from error
    except OSError as error:
        local = isinstance(filesystem, LocalFileSystem)
        if error.errno is None and (local or _BROKEN.search(str(error).replace(path, ""))):
            raise _broken(path, error) from error
        raise SourceUnavailable(f"{path} cannot be read: {error}: check that it exists and may be read") from error


def _broken(path: str, error: Exception) -> SourceInvalid:
    return SourceInvalid(
        f"{path} is not a whole parquet file: {str(error).splitlines()[0]}: write it again; "
        "if it was still being written, run the window again, and let its writer rename it into place when done; "
        "if it holds no rows, keep other files out, or start their name with _"
    )
