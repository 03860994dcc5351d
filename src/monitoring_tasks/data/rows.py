"""Rows that come as Arrow tables, in chunks that several threads can read at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import pyarrow as pa

from monitoring_tasks.window import Window


class Chunk(Protocol):
    """One row group of one file, cut to a window; safe to read from several threads."""

    @property
    def rows(self) -> int:
        """Upper bound on the number of rows, known without reading them."""
        ...

    @property
    def key(self) -> int:
        """Stable unsigned 64-bit key of (file name relative to the source, row group): seeds the sample."""
        ...

    def read(self, columns: Sequence[str]) -> pa.Table:
        """The window's rows in file order, with those of `columns` that exist; rows and order equal for every call.

        With no column that exists the table has no columns, and its `num_rows` is still the number of rows.
        """
        ...

    def parts(self, column: str) -> Iterator[pa.Table]:
        """The same rows of one column that is not derived, few at a time: its values may be long. None without it."""
        ...


class ArrowRows(Protocol):
    """Rows of a source that come as Arrow tables; `window=None` means all rows."""

    def chunks(self, window: Window | None) -> Sequence[Chunk]:
        """Chunks that may hold rows of the window, in an order that depends on the source alone."""
        ...

    def schema(self) -> pa.Schema:
        """Columns and types there are."""
        ...

    def together(self, columns: Iterable[str]) -> list[str]:
        """The columns in an order in which those that are cheaper to read at once are neighbours."""
        ...

    def fingerprint(self, window: Window | None) -> str:
        """Text that changes whenever the window's rows may have changed; found without reading them."""
        ...
