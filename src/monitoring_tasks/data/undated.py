"""Rows without a timestamp: they belong to no window, so that losing them must be seen another way."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow.fs import FileInfo

from monitoring_tasks.data.parquet import ParquetRows, RowGroup
from monitoring_tasks.data.rest import RestRows
from monitoring_tasks.data.sql import SqlRows
from monitoring_tasks.window import Window


def undated_rows(rows: ParquetRows | SqlRows, window: Window) -> int | None:
    """How many rows without a timestamp lie among the row groups that may hold the window's; by footers alone.

    None where it cannot be known: a table does not say when its undated rows came, and a footer may lack the count.
    """
    if isinstance(rows, SqlRows):
        return None
    counts = [_nulls(rows, chunk.file, chunk.group) for chunk in rows.chunks(window)]
    return None if any(count is None for count in counts) else sum(count or 0 for count in counts)


def _nulls(rows: ParquetRows, file: FileInfo, group: int) -> int | None:
    footer, name = rows.footer(file), rows.timestamp_in(file)
    paths = [footer.schema.column(index).path for index in range(footer.num_columns)]
    statistics = footer.row_group(group).column(paths.index(name)).statistics
    # The stubs misspell has_null_count.
    return statistics.null_count if statistics and statistics.has_null_count else None  # type: ignore[attr-defined]


def undated_marks(rows: RestRows, window: Window) -> Counter[str]:
    """Rows without a timestamp in an endpoint's answer about a window: marks of their content, and how often each came.

    Some endpoints give the same ones with every answer. By their marks they are one row each in two answers together.
    """
    groups = [each for each in rows.chunks(window) if _nulls(rows, each.file, each.group)]
    return Counter(_mark(row) for group in groups for row in _undated(rows, group))


def _undated(rows: RestRows, group: RowGroup) -> list[dict[str, Any]]:
    with rows.filesystem.open_input_file(group.file.path) as stream, pq.ParquetFile(stream) as file:
        table = file.read_row_group(group.group)
    found: list[dict[str, Any]] = table.filter(pc.is_null(table[rows.timestamp_in(group.file)])).to_pylist()
    return found


def _mark(row: Mapping[str, Any]) -> str:
    """16 hex digits of what a row says.

    A number is whole in one answer and a float in the next, as the rows beside it have it; the row is the same.

    >>> _mark({"id": 1, "ts": None}) == _mark({"id": 1.0}) != _mark({"id": 2})
    True
    """
    said = {name: float(value) if isinstance(value, int) else value for name, value in row.items() if value is not None}
    return hashlib.blake2b(json.dumps(said, sort_keys=True, default=str).encode(), digest_size=8).hexdigest()
