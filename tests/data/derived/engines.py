"""The same rows in a file, in SQLite and in PostgreSQL, with derived columns of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from pyarrow.fs import LocalFileSystem

from monitoring_tasks.data.derived.kinds import KINDS
from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.data.sql import SqlRows
from monitoring_tasks.derived_section import Derived
from monitoring_tasks.window import Window

DAY = Window.parse("2013-06-04", "2013-06-05")
TYPES: Mapping[str, tuple[pa.DataType, str]] = {
    "text": (pa.string(), "text"),
    "number": (pa.float64(), "double precision"),
    "whole": (pa.int64(), "bigint"),
    "flag": (pa.bool_(), "boolean"),
    "moment": (pa.timestamp("us", "UTC"), "timestamptz"),
    "naive": (pa.timestamp("us"), "timestamp"),
    "date": (pa.date32(), "date"),
}
"""Kinds of columns: the type in files, and that in PostgreSQL; SQLite takes the latter as words."""
Columns = Mapping[str, tuple[str, Sequence[Any]]]
"""Kind and values of each column."""


def declared(**columns: Mapping[str, Any]) -> dict[str, Derived]:
    """The section `derived` of a monitor."""
    return {name: Derived.model_validate(column) for name, column in columns.items()}


def moments(rows: int) -> list[datetime]:
    """A moment in the day for each row, in order."""
    return [DAY.start + timedelta(seconds=row) for row in range(rows)]


def _rows(columns: Columns) -> int:
    return len(next(iter(columns.values()))[1])


def in_file(path: Path, columns: Columns, derived: Mapping[str, Derived], **writing: Any) -> ParquetRows:
    """The rows in a parquet file."""
    arrays = {name: pa.array(values, TYPES[kind][0]) for name, (kind, values) in columns.items()}
    stamps = pa.array(moments(_rows(columns)), TYPES["moment"][0])
    pq.write_table(pa.table({"ts": stamps, **arrays}), path, **writing)
    return ParquetRows(LocalFileSystem(), str(path), timestamp="ts", derived=derived)


@contextmanager
def in_database(engine: sa.Engine, columns: Columns, derived: Mapping[str, Derived]) -> Iterator[SqlRows]:
    """The rows in a table, dropped again in the end."""
    quoted = engine.dialect.identifier_preparer.quote_identifier
    sqlite = engine.dialect.name == "sqlite"
    kinds = {"ts": "text" if sqlite else "timestamptz"}
    kinds |= {name: "" if sqlite else TYPES[kind][1] for name, (kind, _) in columns.items()}
    spelt = ", ".join(f"{quoted(name)} {kind}" for name, kind in kinds.items())
    values = [moments(_rows(columns)), *(values for _, values in columns.values())]
    table = sa.table("log", *(sa.column(name) for name in kinds))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE log ({spelt})")
        for row in zip(*values, strict=True):
            plain = [_plain(value) if sqlite else value for value in row]
            connection.execute(sa.insert(table).values(dict(zip(kinds, plain, strict=True))))
    try:
        yield SqlRows(engine, timestamp="ts", table="log", derived=derived)
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE log")


def _plain(value: Any) -> Any:
    return str(value).replace("+00:00", "") if hasattr(value, "isoformat") else value


def values_of(rows: ParquetRows | SqlRows, names: Sequence[str], window: Window | None = None) -> list[dict[str, Any]]:
    """The derived columns of each row, in order of time."""
    if isinstance(rows, SqlRows):
        with rows.snapshot(window) as snapshot:
            expressions = [snapshot.columns[name].expression for name in names]
            found = snapshot.fetch(snapshot.select(*expressions, sa.column("ts")).order_by(sa.column("ts")))
        return [dict(zip(names, row, strict=False)) for row in found]
    return [row for chunk in rows.chunks(window) for row in chunk.read(names).to_pylist()]


def defined(columns: Columns, derived: Mapping[str, Derived]) -> list[dict[str, Any]]:
    """The derived columns of each row by the definitions, given texts, numbers and moments as Python has them."""
    rows = [
        dict(zip(columns, row, strict=True)) for row in zip(*(values for _, values in columns.values()), strict=True)
    ]
    return [{name: _value(each, row) for name, each in derived.items()} for row in rows]


def _value(each: Derived, row: Mapping[str, Any]) -> Any:
    given = [row[name] for name in each.of]
    if None in given or any(row[name] not in values for name, values in each.where.items()):
        return None
    return KINDS[each.kind].definition(each)(*given)
