"""A folder of parquet files by day, to which many processes add at once; no reader ever sees half a file."""

from __future__ import annotations

import os
import re
import secrets
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from fsspec import get_filesystem_class  # type: ignore[import-untyped]  # it ships no types
from fsspec.core import url_to_fs  # type: ignore[import-untyped]

from monitoring_tasks.client.arrays import ARROW, arrow_array
from monitoring_tasks.client.columns import Columns, Row
from monitoring_tasks.client.writer import Write
from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.redaction import redact

_SLICE = 1000
# Where an object is there as a whole or not at all, so that it needs no other name first.
_WHOLE = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "memory"}


class Folder:
    """A folder, local or behind fsspec, in which the rows of a UTC day lie in files below `day=YYYY-MM-DD`.

    A file is written under a name that readers skip (`.part-....parquet.writing`), brought to the disk, and renamed to
    one that no other process, thread or time makes. Raises `ConfigurationError` for a scheme that is not known.
    """

    def __init__(self, place: str, *, columns: Columns, moment: str) -> None:
        path = place.removeprefix("file://")
        self.columns = columns
        self._moment = moment
        self._scheme = path.partition("://")[0] if "://" in path else None
        # A server may change its folder later.
        self._path = path.rstrip("/") if self._scheme else str(Path(path).absolute())
        if self._scheme is not None:
            _require(self._scheme, self.place)

    @property
    def place(self) -> str:
        """The path or URI, without secrets."""
        return redact(self._path)

    def renew(self) -> None:
        """Take a name of this process's own."""
        host = re.sub(r"[^A-Za-z0-9-]+", "-", socket.gethostname())[:40]
        self._writer = f"{host}-{os.getpid()}-{secrets.token_hex(4)}"
        self._files = 0
        self._remote: Any = None

    def close(self) -> None:
        """Nothing is kept open."""

    def writes(self, rows: Sequence[Row]) -> list[Write]:
        """One file for each day of the rows."""
        days: dict[date, list[Row]] = {}
        for row in rows:
            days.setdefault(row[self._moment].date(), []).append(row)
        return [partial(self._put, f"day={day}", self._name(), self._bytes(some)) for day, some in days.items()]

    def _name(self) -> str:
        self._files += 1
        return f"part-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{self._writer}-{self._files}.parquet"

    def _bytes(self, rows: Sequence[Row]) -> pa.Buffer:
        tables = [self._table(rows[first : first + _SLICE]) for first in range(0, len(rows), _SLICE)]
        fields = {entry.name: entry for table in tables for entry in table.schema}
        schema = pa.schema(list(fields.values()))
        whole = pa.concat_tables([_filled(table, schema) for table in tables])
        sink = pa.BufferOutputStream()
        pq.write_table(whole, sink, compression="zstd")
        return sink.getvalue()

    def _table(self, rows: Sequence[Row]) -> pa.Table:
        arrays = {}
        for name, values in self.columns.values(rows).items():
            arrays[str(name)] = arrow_array(values, self.columns.kinds[name])
            # The server's threads need not wait for a whole batch.
            time.sleep(0)
        return pa.Table.from_arrays(list(arrays.values()), names=list(arrays))

    def _put(self, folder: str, name: str, content: pa.Buffer) -> None:
        if self._scheme is None:
            _put_local(Path(self._path) / folder, name, content)
        else:
            self._put_remote(f"{folder}/{name}", content)

    def _put_remote(self, name: str, content: pa.Buffer) -> None:
        if self._remote is None:
            self._remote = url_to_fs(self._path)
        remote, root = self._remote
        if self._scheme in _WHOLE:
            remote.pipe_file(f"{root}/{name}", content.to_pybytes())
            return
        folder, _, file = f"{root}/{name}".rpartition("/")
        remote.makedirs(folder, exist_ok=True)
        remote.pipe_file(f"{folder}/.{file}.writing", content.to_pybytes())
        remote.mv(f"{folder}/.{file}.writing", f"{folder}/{file}")


def _filled(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with every column of a schema; a slice may have had no value of one."""
    columns = [
        table[entry.name] if entry.name in table.column_names else _nulls(entry.type, table.num_rows)
        for entry in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _nulls(kind: pa.DataType, rows: int) -> pa.Array[Any]:
    named = next(name for name, arrow in ARROW.items() if arrow == kind)
    return arrow_array([None] * rows, named)


def _put_local(folder: Path, name: str, content: pa.Buffer) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    waiting = folder / f".{name}.writing"
    try:
        with waiting.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        waiting.rename(folder / name)
    except OSError:
        with suppress(OSError):
            waiting.unlink()
        raise
    _keep(folder)


def _keep(folder: Path) -> None:
    """Bring a folder's new names to the disk, where the system can."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _require(scheme: str, place: str) -> None:
    try:
        get_filesystem_class(scheme)
    except (ImportError, ValueError) as error:
        raise ConfigurationError(
            f"{place}: nothing installed writes to {scheme}:// ({redact(str(error))}): give a path, a URI that fsspec "
            "knows, or sqlite:// or postgresql://"
        ) from None
