"""Rows that are in memory already, as a source that a scan can read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from monitoring_tasks.window import Window


@dataclass(frozen=True, eq=False)
class TableChunk:
    """A whole table as one chunk."""

    table: pa.Table
    key: int = 0

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return self.table.num_rows

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Those of `columns` that the table has."""
        return self.table.select([name for name in columns if name in self.table.column_names])

    def parts(self, column: str) -> Iterator[pa.Table]:
        """The column at once, where the table has it."""
        if column in self.table.column_names:
            yield self.table.select([column])


@dataclass(frozen=True, eq=False)
class TableRows:
    """A table as a source; all of its rows are of whatever window is asked for."""

    table: pa.Table

    def chunks(self, _window: Window | None) -> Sequence[TableChunk]:
        """The table as one chunk."""
        return [TableChunk(self.table)]

    def schema(self) -> pa.Schema:
        """Columns and types of the table."""
        return self.table.schema

    def together(self, columns: Iterable[str]) -> list[str]:
        """The columns as they are given."""
        return list(columns)

    def fingerprint(self, _window: Window | None) -> str:
        """Not known: a table in memory is read once, and never kept."""
        return ""
