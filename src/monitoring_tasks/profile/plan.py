"""What a scan is asked for and what it gives back; shared by the Arrow kernel and the generated SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_tasks.profile.binning import Binning
from monitoring_tasks.profile.kernel import arrow_array
from monitoring_tasks.profile.profile import Profile
from monitoring_tasks.profile.segments import Division

Hashes = NDArray[np.uint64]

HASH = "__hash"
"""Hidden `uint64` column of every sample: rows with the smallest values stay when samples are joined."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What one scan reads: the binning's columns, the id for duplicates, and how many rows the sample may hold.

    `id` and `timestamp` are None where the rows have no such column; both go into the sample as well. The rows of each
    value of `segments` are profiled by themselves as well.
    """

    binning: Binning
    id: str | None = None
    timestamp: str | None = None
    sample_rows: int = 5000
    segments: tuple[Division, ...] = ()

    @property
    def sample_columns(self) -> list[str]:
        """Columns of the sample, in order: id, timestamp, then the monitored ones."""
        roles = [name for name in (self.id, self.timestamp) if name is not None]
        return [*roles, *(name for name in self.binning.columns if name not in roles)]


@dataclass(frozen=True, eq=False)
class Scan:
    """What one scan found: the profile of all rows, and a bounded deterministic sample of them.

    `sample` has at most `Plan.sample_rows` rows: the columns of `Plan.sample_columns` that the rows have, in that
    order, and `HASH`, by which its rows are sorted. `segments` has a profile of every segment of the plan, by its words
    and whether or not it has rows; none of them counts duplicates.
    """

    profile: Profile
    sample: pa.Table
    segments: Mapping[str, Profile] = field(default_factory=dict)


def join_samples(samples: Sequence[pa.Table], sample_rows: int) -> pa.Table:
    """One sample of at most `sample_rows` rows from the samples of a window's pieces; their order does not matter.

    The rows with the smallest hashes stay, so the result is what one scan over all pieces would have sampled. A
    column that some pieces lack is null there; one whose types or values do not fit together becomes text. Without
    samples the table has no rows and no column but `HASH`.
    """
    tables = [_plain(table) for table in samples]
    if not tables:
        return pa.table({HASH: pa.array([], pa.uint64())})
    if any(table.schema != tables[0].schema for table in tables):
        tables = _alike(tables)
    return smallest(pa.concat_tables(tables), sample_rows)


def smallest(sample: pa.Table, rows: int) -> pa.Table:
    """The `rows` rows of smallest hash, sorted by it."""
    order = np.argsort(np.from_dlpack(sample[HASH].combine_chunks()), kind="stable")[:rows]
    return sample.take(arrow_array(order)).combine_chunks()


def _plain(table: pa.Table) -> pa.Table:
    """The table with dictionaries decoded and without columns that hold no plain values (nested, binary)."""
    plain = zip(table.column_names, map(_decoded, table.columns), strict=True)
    kept = {name: array for name, array in plain if not _opaque(array.type)}
    return pa.Table.from_arrays(list(kept.values()), names=list(kept))


def _decoded(array: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    return array.cast(array.type.value_type) if pa.types.is_dictionary(array.type) else array


def _opaque(kind: pa.DataType) -> bool:
    checks = (pa.types.is_nested, pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return any(check(kind) for check in checks)


def _alike(tables: Sequence[pa.Table]) -> list[pa.Table]:
    """The tables with the same columns of the same types."""
    names = list(dict.fromkeys(name for table in tables for name in table.column_names))
    columns = [_joinable([_column(table, name) for table in tables]) for name in names]
    return [pa.Table.from_arrays(list(parts), names=names) for parts in zip(*columns, strict=True)]


def _column(table: pa.Table, name: str) -> pa.ChunkedArray[Any]:
    return table[name] if name in table.column_names else pa.chunked_array([pa.nulls(table.num_rows)])


def _joinable(columns: Sequence[pa.ChunkedArray[Any]]) -> list[pa.ChunkedArray[Any]]:
    """The columns in their common type; as text where they have none, or where it cannot hold all their values."""
    schemas = [pa.schema([("column", column.type)]) for column in columns]
    try:
        common = pa.unify_schemas(schemas, promote_options="permissive").field("column").type
        return [column.cast(common) for column in columns]
    except pa.ArrowException:
        return [_text(column) for column in columns]


def _text(column: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    # Arrow takes the 16 bytes of a UUID for text, if they happen to be some.
    if isinstance(column.type, pa.BaseExtensionType):
        return pa.chunked_array([pa.array(map(_said, column.to_pylist()), pa.string())])
    try:
        return column.cast(pa.string())
    except pa.ArrowException:
        return pa.chunked_array([pa.array(map(_said, column.to_pylist()), pa.string())])


def _said(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return None if value is None else str(value)
