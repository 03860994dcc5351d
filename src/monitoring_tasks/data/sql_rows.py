"""Rows of a SQL source as an Arrow table, each column of one type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from monitoring_tasks.data.dialects import FLAG, Expression, SqlColumn
from monitoring_tasks.data.ids import whole_id
from monitoring_tasks.data.sql import Snapshot, SqlRows
from monitoring_tasks.window import Window

_BATCH = 20_000
_COLUMNS_AT_ONCE = 50
_INTEGERS = ("smallint", "integer", "bigint")
_TIMES: Mapping[str, pa.DataType] = {
    "timestamp with time zone": pa.timestamp("us", "UTC"),
    "timestamp without time zone": pa.timestamp("us"),
    "date": pa.date32(),
}
_FIRST, _LAST = date(1, 1, 2), date(9999, 12, 30)


@dataclass(frozen=True)
class Part:
    """One column as it is selected, its Arrow type, and how a value becomes that type's (None: as it is)."""

    name: str
    expression: Expression
    kind: Any
    read: Callable[[Any], Any] | None = None


def read_sql(rows: SqlRows, window: Window, *, columns: Callable[[str], bool], id: str) -> pa.Table:
    """The window's rows with the columns that `columns` wants, in no order, read in one snapshot.

    Whole numbers come as int64 (decimal ones too in the column `id`), other numbers as float64, moments in UTC, true
    and false, dates and texts as such, and what has no plain values (JSON, arrays) as the database's text of it. In
    SQLite, where each value has a type, a column of numbers and texts comes as text, one of nulls as null. Raises
    `SourceUnavailable` and `SourceInvalid` as `SqlRows.snapshot` does.
    """
    return pa.concat_tables(stream_sql(rows, window, columns=columns, id=id))


def stream_sql(rows: SqlRows, window: Window, *, columns: Callable[[str], bool], id: str) -> Iterator[pa.Table]:
    """The table of `read_sql` in parts, so that few rows are in memory at once; at least one."""
    with rows.snapshot(window) as snapshot:
        parts = parts_of(snapshot, columns, id=id, place=rows.place)
        # Labels of our own: two names of the source may differ in case alone.
        statement = snapshot.select(*(part.expression.label(f"c{place}") for place, part in enumerate(parts)))
        yield from tables_of(snapshot, statement, parts)


def parts_of(snapshot: Snapshot, columns: Callable[[str], bool], *, id: str, place: str) -> list[Part]:
    """The columns that `columns` wants as they are selected; the ids in `id` without rounding."""
    wanted = [column for name, column in snapshot.columns.items() if columns(name)]
    kinds = kinds_of(snapshot, wanted)
    parts = [_part(snapshot, column, kinds.get(column.name, frozenset())) for column in wanted]
    return [_exact(part, snapshot.columns[id], place) if part.name == id else part for part in parts]


def tables_of(snapshot: Snapshot, statement: sa.Select[Any], parts: Sequence[Part]) -> Iterator[pa.Table]:
    """What a statement returns, a column for each part, in tables of few rows; one table if there are none."""
    schema = pa.schema([(part.name, part.kind) for part in parts])
    empty = True
    for batch in snapshot.batches(statement, _BATCH):
        empty = False
        yield pa.Table.from_arrays(_arrays(parts, batch), schema=schema)
    if empty:
        yield schema.empty_table()


def _arrays(parts: Sequence[Part], rows: Sequence[Any]) -> list[pa.Array[Any]]:
    columns: Iterable[Sequence[Any]] = zip(*rows, strict=True)
    return [
        pa.array(values if part.read is None else [part.read(value) for value in values], part.kind)
        for part, values in zip(parts, columns, strict=True)
    ]


def kinds_of(snapshot: Snapshot, columns: Sequence[SqlColumn]) -> dict[str, frozenset[str]]:
    """The types that the values of each column have, where the column does not decide it."""
    kind, kinds = snapshot.dialect.kind, snapshot.dialect.kinds
    found: dict[str, frozenset[str]] = {}
    for first in range(0, len(columns) if kind else 0, _COLUMNS_AT_ONCE):
        some = columns[first : first + _COLUMNS_AT_ONCE]
        assert kind is not None
        flags = [sa.func.max(sa.case((kind(column) == name, 1), else_=0)) for column in some for name in kinds]
        values = iter(snapshot.fetch(snapshot.select(*flags))[0])
        found |= {column.name: frozenset(name for name in kinds if next(values)) for column in some}
    return found


def _part(snapshot: Snapshot, column: SqlColumn, kinds: frozenset[str]) -> Part:
    if column.name == snapshot.timestamp.name:
        return Part(column.name, column.expression, pa.timestamp("us", "UTC"), snapshot.dialect.moment)
    if column.family == "dynamic":
        return _dynamic(snapshot, column, kinds)
    return _typed(snapshot, column)


def _dynamic(snapshot: Snapshot, column: SqlColumn, kinds: frozenset[str]) -> Part:
    name, value, text = column.name, column.expression, snapshot.dialect.text(column)
    if column.type == FLAG and text is not None:
        return Part(name, text, pa.string())
    if len(kinds) == 1 and not kinds <= {"real"}:
        types: dict[str, pa.DataType] = {"integer": pa.int64(), "text": pa.string(), "blob": pa.binary()}
        return Part(name, value, types[next(iter(kinds))])
    number = snapshot.dialect.number(column)
    if kinds and kinds <= {"integer", "real"} and number is not None:
        return Part(name, number, pa.float64())
    return Part(name, value, pa.null()) if not kinds or text is None else Part(name, text, pa.string())


def _typed(snapshot: Snapshot, column: SqlColumn) -> Part:
    name, value, number = column.name, column.expression, snapshot.dialect.number(column)
    if column.family == "boolean":
        return Part(name, value, pa.bool_())
    if column.type in _INTEGERS:
        return Part(name, value, pa.int64())
    if number is not None:
        return Part(name, number, pa.float64())
    if column.type in _TIMES:
        # PostgreSQL's years go further than Python's.
        within = sa.case((value.between(sa.literal(_FIRST, sa.Date), sa.literal(_LAST, sa.Date)), value))
        return Part(name, within, _TIMES[column.type])
    return Part(name, sa.cast(value, sa.Text), pa.string())


def _exact(part: Part, column: SqlColumn, place: str) -> Part:
    """The column of ids without rounding."""
    if column.type != "numeric":
        return part
    read = partial(whole_id, place=f"column {part.name!r} of {place}")
    return Part(part.name, column.expression, pa.int64(), read)
