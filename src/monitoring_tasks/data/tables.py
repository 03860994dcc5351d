"""The rows of a window as one Arrow table of plain types, equal for equal rows whatever keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from monitoring_tasks.data.ids import Column, plain_ids
from monitoring_tasks.data.moments import instants, no_such_column
from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.data.sql import SqlRows
from monitoring_tasks.data.sql_rows import stream_sql
from monitoring_tasks.errors import SourceInvalid
from monitoring_tasks.window import Window


@dataclass(frozen=True)
class Roles:
    """The columns that a reader needs by name, `others` with their roles; `label` is None if rows bear no outcome."""

    id: str
    timestamp: str
    label: str | None = None
    others: Mapping[str, str] = field(default_factory=dict)

    @property
    def named(self) -> dict[str, str]:
        """Role of each column that must be there."""
        return {self.id: "id", **({} if self.label is None else {self.label: "label"}), **self.others}


def read_table(
    rows: ParquetRows | SqlRows, window: Window, roles: Roles, *, other: Callable[[str], bool] = lambda _: False
) -> pa.Table:
    """The window's rows, in no order: the columns of `roles`, and those others that `other` wants.

    Whole numbers are int64, other numbers float64, the timestamp and zoned moments are in UTC, texts are strings, ids
    int64 or string. Other types stay as they are. Columns are ordered by name. A column that some files lack is null
    there; one whose type differs between files is float64 where all are numbers, else text. Raises `SourceInvalid` when
    a column of `roles` is missing from all, and what the source raises.
    """
    tables = list(stream_tables(rows, window, roles, other=other))
    if not tables:
        return _empty(roles)
    names = sorted({name for table in tables for name in table.column_names})
    return pa.Table.from_arrays([_joined(tables, name, roles, place_of(rows)) for name in names], names=names)


def stream_tables(
    rows: ParquetRows | SqlRows, window: Window, roles: Roles, *, other: Callable[[str], bool] = lambda _: False
) -> Iterator[pa.Table]:
    """The rows that `read_table` returns, table by table: each has types of its own and the columns its file has."""
    wanted = {roles.timestamp, *roles.named}

    def chosen(name: str) -> bool:
        return name in wanted or other(name)

    return _sql(rows, window, roles, chosen) if isinstance(rows, SqlRows) else _parquet(rows, window, roles, chosen)


def most_rows(rows: ParquetRows | SqlRows, window: Window) -> int:
    """No fewer rows than there are in the window, where that is known without reading them; else 0."""
    return 0 if isinstance(rows, SqlRows) else sum(chunk.rows for chunk in rows.chunks(window))


def place_of(rows: ParquetRows | SqlRows) -> str:
    """What errors call the rows."""
    return rows.place if isinstance(rows, SqlRows) else rows.path


def _empty(roles: Roles) -> pa.Table:
    kinds: dict[str, pa.DataType] = {
        **dict.fromkeys(roles.named, pa.null()),
        roles.timestamp: pa.timestamp("us", "UTC"),
    }
    return pa.schema(sorted(kinds.items())).empty_table()


def _sql(rows: SqlRows, window: Window, roles: Roles, chosen: Callable[[str], bool]) -> Iterator[pa.Table]:
    require(roles, list(rows.columns()), rows.place)
    for table in stream_sql(rows, window, columns=chosen, id=roles.id):
        yield plain(table, roles, rows.place)


def _parquet(rows: ParquetRows, window: Window, roles: Roles, chosen: Callable[[str], bool]) -> Iterator[pa.Table]:
    chunks = rows.chunks(window)
    columns = [rows.schema_of(chunk.file).names for chunk in chunks]
    if chunks:
        require(roles, list(dict.fromkeys(name for names in columns for name in names)), rows.path)
    wanted = [list(filter(chosen, names)) for names in columns]
    with ThreadPoolExecutor(1) as pool:
        # While a table is worked on, the next one is read.
        ahead = pool.submit(chunks[0].read, wanted[0]) if chunks else None
        for place, chunk in enumerate(chunks):
            assert ahead is not None
            table = ahead.result()
            if place + 1 < len(chunks):
                ahead = pool.submit(chunks[place + 1].read, wanted[place + 1])
            yield plain(table, roles, chunk.file.path)


def require(roles: Roles, columns: Sequence[str], place: str) -> None:
    """Raise `SourceInvalid` when a column of a role is not among those there are."""
    for name, role in roles.named.items():
        if name not in columns:
            raise no_such_column(name, columns, place=place, role=role)


def plain(table: pa.Table, roles: Roles, place: str) -> pa.Table:
    """Rows as a source has them, in the plain types of `read_table`."""
    special = {roles.id: plain_ids, roles.timestamp: instants}
    columns = []
    for name in table.column_names:
        column = _decoded(table[name])
        made = special[name](column, place=f"column {name!r} of {place}") if name in special else None
        columns.append(column.cast(_plain_type(column.type)) if made is None else made)
    return pa.Table.from_arrays(columns, names=table.column_names)


def _decoded(column: Column) -> Column:
    if isinstance(column.type, pa.BaseExtensionType):
        column = column.cast(column.type.storage_type)
    if isinstance(column.type, pa.DictionaryType):
        column = column.cast(column.type.value_type)
    return column.cast(pa.string()) if pa.types.is_large_string(column.type) else column


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
        return pa.int64()
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return pa.float64()
    if pa.types.is_timestamp(kind) and kind.tz:
        return pa.timestamp(kind.unit, "UTC")
    return kind


def _joined(tables: Sequence[pa.Table], name: str, roles: Roles, place: str) -> Column:
    present = [table[name] if name in table.column_names else pa.nulls(table.num_rows) for table in tables]
    kinds = sorted({str(column.type) for column in present if not pa.types.is_null(column.type)})
    kind: Any = _common([column.type for column in present])
    if kind is None and name == roles.id:
        raise unlike_types(name, place, kinds)
    try:
        cast = [column.cast(kind or pa.string()) for column in present]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise SourceInvalid(
            f"column {name!r} of {place} has types that cannot be joined: {', '.join(kinds)}: write it alike in every "
            "file"
        ) from None
    joined: Column = pa.chunked_array([chunk for column in cast for chunk in _chunks(column)], kind or pa.string())
    return joined


def unlike_types(id: str, place: str, kinds: Sequence[str]) -> SourceInvalid:
    """The error that a source's own files write their ids in unlike types."""
    return SourceInvalid(
        f"column {id!r} of {place} has type {' here and '.join(kinds)} there: write every id alike, or convert it in "
        "the source"
    )


def _chunks(column: pa.Array[Any] | Column) -> list[pa.Array[Any]]:
    return column.chunks if isinstance(column, pa.ChunkedArray) else [column]


def _common(kinds: Sequence[pa.DataType]) -> pa.DataType | None:
    """The type that holds the values of all; None where there is none but text."""
    try:
        schemas = [pa.schema([("", kind)]) for kind in kinds]
        kind: pa.DataType = pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None
    return kind
