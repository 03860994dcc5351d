"""Derived columns of a database's rows: the columns they are, and the expressions that compute them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import Connection

from monitoring_tasks.data.derived import sqlite
from monitoring_tasks.data.derived.columns import DerivedColumns
from monitoring_tasks.data.derived.kinds import KINDS
from monitoring_tasks.data.derived.postgres import among
from monitoring_tasks.data.dialects import DIALECTS, FLAGS, Expression, Family, SqlColumn
from monitoring_tasks.derivations import Input
from monitoring_tasks.derived_section import Derived
from monitoring_tasks.errors import SourceInvalid

Made = tuple[SqlColumn, Expression]
_POSTGRES = DIALECTS["postgresql"]
_RESULTS: Mapping[pa.DataType, tuple[str, Family]] = {
    pa.int64(): ("integer", "number"),
    pa.float64(): ("double precision", "number"),
    pa.bool_(): ("boolean", "boolean"),
}
_JSON_SINCE = (16,)


def derived_there(
    connection: Connection, derived: DerivedColumns, columns: Mapping[str, SqlColumn], *, place: str
) -> dict[str, Made]:
    """The derived columns whose inputs are all among these columns, with the expressions that compute them.

    Raises `SourceInvalid` when a column has the name of a derived one, and for a server that is too old.
    """
    derived.refuse_logged(columns, place)
    if connection.dialect.name == "sqlite":
        _refuse_for_sqlite(derived, columns, place)
    derive = _DERIVE[connection.dialect.name]
    try:
        return {name: derive(connection, name, derived.declared[name], columns) for name in derived.names(columns)}
    except _TooOld as error:
        raise SourceInvalid(f"{place}: {error}") from None


class _TooOld(Exception):
    """What a server cannot compute."""


def _refuse_for_sqlite(derived: DerivedColumns, columns: Iterable[str], place: str) -> None:
    """SQLite takes capitals of names for small letters, and a column called true for the value."""
    spelt: dict[str, str] = {name.lower(): name for name in columns} | {flag: flag for flag in FLAGS}
    for name in derived.declared:
        if name.lower() in spelt:
            other = spelt[name.lower()]
            raise SourceInvalid(f"{place}: SQLite cannot tell derived column {name!r} from {other!r}: rename it")
        spelt[name.lower()] = name


def _derive_postgres(
    connection: Connection, name: str, each: Derived, columns: Mapping[str, SqlColumn]
) -> tuple[SqlColumn, Expression]:
    """A derived column of PostgreSQL's; of type JSON, which has no plain values, where an input is of a wrong type."""
    version = connection.dialect.server_version_info or _JSON_SINCE
    if each.kind == "is_json" and version < _JSON_SINCE:
        raise _TooOld(f"is_json needs PostgreSQL 16 or newer, this is {version[0]}: take {name!r} out of derived")
    inputs = [_INPUTS[kind](columns[column]) for column, kind in zip(each.of, each.derivation.inputs, strict=True)]
    where = [(_POSTGRES.text(columns[column]), values) for column, values in each.where.items()]
    if any(given is None for given in [*inputs, *(text for text, _ in where)]):
        return SqlColumn(name, "json", "opaque"), sa.cast(sa.null(), sa.JSON)
    value = KINDS[each.kind].postgres(each, *inputs)
    held = [among(text, values) for text, values in where if text is not None]
    return SqlColumn(name, *_RESULTS[KINDS[each.kind].result]), sa.case((sa.and_(*held), value)) if held else value


def _text(column: SqlColumn) -> Expression | None:
    return _POSTGRES.text(column) if column.family == "text" else None


def _moment(column: SqlColumn) -> Expression | None:
    """A moment in UTC without a zone; a date's midnight."""
    value = column.expression
    if column.type == "date":
        # Dates go further than timestamps.
        return sa.case((value.is_not(None), sa.cast("2000-01-01", sa.DateTime())))
    zoned = column.type == "timestamp with time zone"
    return sa.func.timezone("UTC", value) if zoned else value if column.type == "timestamp without time zone" else None


_INPUTS: Mapping[Input, Callable[[SqlColumn], Expression | None]] = {
    "text": _text,
    "number": _POSTGRES.number,
    "moment": _moment,
    "category": _POSTGRES.text,
}
_DERIVE: Mapping[str, Callable[[Connection, str, Derived, Mapping[str, SqlColumn]], Made]] = {
    "sqlite": sqlite.derive_there,
    "postgresql": _derive_postgres,
}
