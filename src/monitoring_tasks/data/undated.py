"""Rows without a timestamp: they belong to no window, so that losing them must be seen another way."""

from __future__ import annotations

from pyarrow.fs import FileInfo

from monitoring_tasks.data.parquet import ParquetRows
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
