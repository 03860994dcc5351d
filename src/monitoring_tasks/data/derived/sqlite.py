"""Derived columns in SQLite: the definitions themselves, run by it as functions of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from monitoring_tasks.data.derived.definitions import Definition, moment_of
from monitoring_tasks.data.derived.identity import told_apart
from monitoring_tasks.data.derived.kinds import KINDS
from monitoring_tasks.data.dialects import DIALECTS, FLAG, FLAGS, Expression, SqlColumn
from monitoring_tasks.derivations import Input
from monitoring_tasks.derived_section import Derived

_DIALECT = DIALECTS["sqlite"]
_TYPES: Mapping[Input, Sequence[str]] = {
    "text": ("text",),
    "moment": ("text",),
    "number": ("integer", "real"),
    "category": ("integer", "real", "text"),
}


def derive_there(
    connection: Connection, name: str, each: Derived, columns: Mapping[str, SqlColumn]
) -> tuple[SqlColumn, Expression]:
    """A derived column of rows that have these columns: a blob where an input's own value is of a wrong type.

    The function that computes it is made known to the connection.
    """
    inputs = [*zip(each.of, each.derivation.inputs, strict=True), *((column, "category") for column in each.where)]
    wrong = sa.or_(*(_wrong(columns[column], _TYPES[kind]) for column, kind in inputs))
    given = [_given(columns[column], kind, each.values) for column, kind in inputs[: len(each.of)]]
    value = getattr(sa.func, _made_known(connection, each))(*given)
    held = [_DIALECT.among(_category(columns[column], values), values) for column, values in each.where.items()]
    wanted = sa.case((sa.and_(*held), value)) if held else value
    expression = sa.case((wrong, sa.literal_column("x''")), else_=wanted)
    return SqlColumn(name, FLAG if each.result == "categorical" else "dynamic", "dynamic"), expression


def _wrong(column: SqlColumn, types: Sequence[str]) -> sa.ColumnElement[bool]:
    assert _DIALECT.kind is not None
    return _DIALECT.kind(column).not_in([*types, "null"])


def _given(column: SqlColumn, kind: Input, values: Sequence[str]) -> Expression:
    """An input as the function takes it: texts as bytes, because not all of them are Unicode; numbers as floats."""
    if kind == "number":
        number = _DIALECT.number(column)
        assert number is not None
        return number
    return sa.cast(_category(column, values) if kind == "category" else column.expression, sa.LargeBinary)


def _category(column: SqlColumn, values: Sequence[str]) -> Expression:
    text = _DIALECT.text(column)
    assert text is not None
    return _DIALECT.flag(column, text) if FLAGS.issuperset(values) else text


def _made_known(connection: Connection, each: Derived) -> str:
    """Name of the function that computes a derived column, which the connection has from now on."""
    name = f"derived_{hashlib.sha256(json.dumps(told_apart({'': each})).encode()).hexdigest()[:16]}"
    known = connection.info.setdefault("derived", set())
    if name not in known:
        encoding = str(connection.exec_driver_sql("PRAGMA encoding").scalar_one())
        run = _function(KINDS[each.kind].definition(each), each.derivation.inputs, encoding)
        driver: Any = connection.connection.driver_connection
        driver.create_function(name, len(each.of), run, deterministic=True)
        known.add(name)
    return name


def _function(definition: Definition, inputs: Sequence[Input], encoding: str) -> Callable[..., object]:
    def plain(value: Any, kind: Input) -> Any:
        text = value.decode(encoding, "replace") if isinstance(value, bytes) else value
        return moment_of(text) if kind == "moment" and text is not None else text

    def run(*values: Any) -> object:
        given = [plain(value, kind) for value, kind in zip(values, inputs, strict=True)]
        found = None if None in given else definition(*given)
        return int(found) if isinstance(found, bool) else found

    return run
