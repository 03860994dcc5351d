"""Rows of a JSON endpoint as a source: a window is asked for once, and kept in a file for as long as it is read."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow.fs import FileInfo, LocalFileSystem

from monitoring_tasks.data.connections import Endpoint
from monitoring_tasks.data.json_pages import JsonPages
from monitoring_tasks.data.moments import inside, instants, no_such_column
from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.derived_section import Derived
from monitoring_tasks.errors import SourceInvalid
from monitoring_tasks.sections import RestSource
from monitoring_tasks.window import Window

log = logging.getLogger(__name__)
_ROWS = 50_000
_CHARACTERS = 1 << 24
_MOST_COLUMNS = 5000
_WHOLE = range(-(2**63), 2**63)


class RestRows(ParquetRows):
    """The rows of a JSON endpoint, by window: what it answered lies in a parquet file until this object is gone.

    A column of whole numbers is int64, of other numbers float64, of true and false boolean; whatever else, or mixed,
    is text (objects and lists as their JSON), as are whole numbers beyond 64 bits, which would lose digits. Half of a
    surrogate pair is read as U+FFFD. The timestamp is ISO 8601 text. Rows outside the window are left out and
    their number is logged; rows without a timestamp are kept, as in files. All rows cannot be asked for: a window of
    None is `SourceInvalid`.
    """

    def __init__(
        self, source: RestSource, endpoint: Endpoint, *, timestamp: str, derived: Mapping[str, Derived] | None = None
    ) -> None:
        self._pages = JsonPages(source, endpoint)
        self._folder = Path(tempfile.mkdtemp(prefix="monitoring-rest-"))
        self._gone = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        super().__init__(LocalFileSystem(), str(self._folder), timestamp=timestamp, derived=derived)
        self._column = timestamp
        self._kept: dict[Window, tuple[str, list[FileInfo]]] = {}
        self._asking = threading.Lock()

    def fingerprint(self, window: Window | None) -> str:
        """16 hex digits of the content of all rows of the window, which are asked for if they were not before."""
        return self._asked(window)[0]

    def schema(self) -> pa.Schema:
        """Columns and types of the windows read so far. Raises `SourceInvalid` before the first."""
        if not self._kept:
            raise self._unbounded()
        files = [file for _, files in self._kept.values() for file in files]
        fields: dict[str, pa.Field[Any]] = {}
        for entry in (entry for file in files for entry in self.schema_of(file)):
            fields.setdefault(entry.name, entry)
        return pa.schema(list(fields.values()))

    def _files(self, window: Window | None) -> list[FileInfo]:
        return self._asked(window)[1]

    def _asked(self, window: Window | None) -> tuple[str, list[FileInfo]]:
        if window is None:
            raise self._unbounded()
        with self._asking:
            if window not in self._kept:
                self._kept[window] = self._ask(window)
            return self._kept[window]

    def _unbounded(self) -> SourceInvalid:
        return SourceInvalid(f"{self._pages.place} is read by window: a REST source has no list of all its rows")

    def _ask(self, window: Window) -> tuple[str, list[FileInfo]]:
        name = f"{window.start:%Y%m%dT%H%M%S%f}-{window.end:%Y%m%dT%H%M%S%f}"
        lines, path = self._folder / f"_{name}.json", self._folder / f"{name}.parquet"
        spool = _Spool(lines)
        try:
            for page in self._pages.pages(window):
                spool.add(page)
            outside = self._write(spool, path, window)
        except RecursionError:
            raise SourceInvalid(f"{self._pages.place} sent brackets within brackets, hundreds deep") from None
        lines.unlink(missing_ok=True)
        log.info("rest.read source=%s window=%s rows=%d outside=%d", self._pages.place, window, spool.rows, outside)
        if outside:
            log.warning("rest.rows_outside source=%s window=%s rows=%d", self._pages.place, window, outside)
        files = [self.filesystem.get_file_info(str(path))] if path.exists() else []
        return spool.digest, files

    def _write(self, spool: _Spool, path: Path, window: Window) -> int:
        """Write the window's rows; how many lie outside of it."""
        if not spool.rows:
            return 0
        self._require_columns(spool.columns)
        tables = map(self._dated, spool.tables())
        first = next(tables)
        with pq.ParquetWriter(path, first.schema) as writer:
            return sum(self._put(writer, table, window) for table in chain([first], tables))

    def _require_columns(self, names: list[str]) -> None:
        if len(names) > _MOST_COLUMNS:
            raise SourceInvalid(
                f"{self._pages.place} sent rows of more than {_MOST_COLUMNS} columns: keys that differ from row to row "
                "belong into values"
            )
        broken = [name for name in names if name != _whole(name)]
        if broken:
            raise SourceInvalid(f"{self._pages.place} sent the key {broken[0]!r}, which is no Unicode: rename it")

    def _dated(self, table: pa.Table) -> pa.Table:
        if self._column not in table.column_names:
            raise no_such_column(self._column, table.column_names, place=self._pages.place)
        place = table.column_names.index(self._column)
        moments = instants(_texts(table[self._column]), place=f"column {self._column!r} of {self._pages.place}")
        return table.set_column(place, self._column, moments)

    def _put(self, writer: pq.ParquetWriter, table: pa.Table, window: Window) -> int:
        moments = table[self._column]
        kept = table.filter(pc.or_(inside(moments, window, place=self._column), pc.is_null(moments)))
        writer.write_table(kept)
        return table.num_rows - kept.num_rows


class _Spool:
    """Rows of all pages, line by line in a file, and what their columns hold."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kinds: dict[str, set[type]] = {}
        self._hash = hashlib.blake2b(digest_size=8)
        self.rows = 0

    @property
    def digest(self) -> str:
        """16 hex digits of all rows in their order, whatever the order of their columns."""
        return self._hash.hexdigest()

    @property
    def columns(self) -> list[str]:
        """Names of all columns, in order."""
        return sorted(self._kinds)

    def add(self, page: Iterable[Mapping[str, Any]]) -> None:
        """Keep the rows of a page."""
        with self._path.open("a", encoding="utf-8") as file:
            for row in page:
                line = json.dumps(row, sort_keys=True) + "\n"
                self._hash.update(line.encode())
                file.write(line)
                self.rows += 1
                for name, value in row.items():
                    self._kinds.setdefault(name, set()).add(_kind(value))

    def tables(self) -> Iterator[pa.Table]:
        """The rows in tables of one schema; columns by name."""
        kinds = {name: _arrow(found) for name, found in sorted(self._kinds.items())}
        with self._path.open(encoding="utf-8") as file:
            while lines := list(_some(file)):
                rows = [json.loads(line) for line in lines]
                arrays = [_array([row.get(name) for row in rows], kind) for name, kind in kinds.items()]
                yield pa.Table.from_arrays(arrays, names=list(kinds))


def _some(file: Iterable[str]) -> Iterator[str]:
    """So many lines as take little memory."""
    size = 0
    for line in islice(file, _ROWS):
        yield line
        size += len(line)
        if size > _CHARACTERS:
            return


class _Beyond:
    """The kind of a whole number that 64 bits do not hold."""


def _kind(value: Any) -> type:
    return _Beyond if type(value) is int and value not in _WHOLE else type(value)


def _arrow(kinds: set[type]) -> Any:
    """The type of a column that holds values of these."""
    kinds = kinds - {type(None)}
    if not kinds:
        return pa.null()
    if kinds == {bool}:
        return pa.bool_()
    if kinds == {int}:
        return pa.int64()
    # Beside others such a number may have lost digits already; alone it may be an id, of which each digit counts.
    return pa.float64() if float in kinds and kinds <= {int, float, _Beyond} else pa.string()


def _array(values: Sequence[Any], kind: Any) -> pa.Array[Any]:
    written = [_value(value, kind) for value in values]
    try:
        found: pa.Array[Any] = pa.array(written, kind)
    except UnicodeEncodeError:
        found = pa.array([None if text is None else _whole(text) for text in written], kind)
    return found


def _whole(text: str) -> str:
    """The text, with U+FFFD for each half of a surrogate pair."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _value(value: Any, kind: Any) -> Any:
    if value is None:
        return None
    if pa.types.is_floating(kind):
        return _float(value)
    return value if not pa.types.is_string(kind) or isinstance(value, str) else json.dumps(value, sort_keys=True)


def _float(value: float) -> float:
    """As a float, infinite where it is as large as that."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _texts(column: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    """A column of nulls alone as text, in which a moment may be missing."""
    return column.cast(pa.string()) if pa.types.is_null(column.type) else column
