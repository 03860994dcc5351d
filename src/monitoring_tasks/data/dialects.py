"""What differs between the databases rows are read from; one row of `DIALECTS` for each."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection, FromClause

from monitoring_tasks.errors import SourceInvalid
from monitoring_tasks.window import Window

Family = Literal["number", "boolean", "text", "time", "dynamic", "opaque"]
Expression = ColumnElement[Any]
FLAG = "boolean"
"""Type of a column of true and false; SQLite keeps it as numbers, and knows it only of columns that are derived."""
FLAGS = frozenset({"false", "true"})
"""The texts of both."""


@dataclass(frozen=True)
class SqlColumn:
    """One column of a source: its name, its type in the database's words, and what can be done with it.

    `dynamic` is SQLite's way: each value has a type of its own. `opaque` columns hold no plain values (arrays, JSON).
    """

    name: str
    type: str
    family: Family

    @property
    def expression(self) -> Expression:
        """The column in a statement; SQLAlchemy quotes its name."""
        return sa.column(self.name)


@dataclass(frozen=True)
class Dialect:
    """What differs from one database to the next."""

    begin: Callable[[Connection], None]
    """Start a read transaction in which all statements see one snapshot and sums have one order."""
    columns: Callable[[Connection, FromClause], list[SqlColumn]]
    within: Callable[[SqlColumn, Window, str], ColumnElement[bool]]
    """Whether a row's moment lies in the window. Raises `SourceInvalid` for a type that holds no moments."""
    check: Callable[[Connection, FromClause, SqlColumn, Window, str], None]
    """Raise `SourceInvalid` when values of the timestamp column cannot be compared with a window."""
    moment: Callable[[Any], datetime | None]
    """A timestamp as the driver returns it, in UTC."""
    number: Callable[[SqlColumn], Expression | None]
    """A value in double precision, null where it is none; None for a column that holds no numbers at all."""
    text: Callable[[SqlColumn], Expression | None]
    """A value as text ordered by code points, null where it is none; None for a column of another kind of value."""
    missing: Callable[[SqlColumn, Expression], ColumnElement[bool]]
    """Whether a category is missing, given its text; a value without text is wrong, not missing."""
    opening: Callable[[SqlColumn, int], Expression | None]
    """The first characters of a text, or its bytes up to where they surely end; null where it is none, None for a
    column that holds no texts."""
    among: Callable[[Expression, Sequence[str]], ColumnElement[bool]]
    """Whether a text is one of many, given as one parameter: databases limit how many a statement may have."""
    order: Callable[[SqlColumn], Expression] = lambda column: column.expression
    """A moment as a value whose order is that of time."""
    plain: str = "C"
    """The collation in which texts are equal where their characters are."""
    flag: Callable[[SqlColumn, Expression], Expression] = lambda _, text: text
    """The text of a column of true and false, given its text: some databases keep those as numbers."""
    kind: Callable[[SqlColumn], Expression] | None = None
    """A value's own type, one of `kinds`, where the column does not decide it."""
    kinds: Sequence[str] = ()
    encoding: Callable[[Connection], str] = lambda _: "utf-8"
    """How the bytes of a text are to be read."""


def _begin_sqlite(connection: Connection) -> None:
    # The driver starts transactions before writes only; without one every statement sees a newer state.
    connection.exec_driver_sql("BEGIN")


def _begin_postgres(connection: Connection) -> None:
    connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    # Workers, and scans that join another scan half-way, add floats in an order of their own: other last digits.
    connection.exec_driver_sql("SET LOCAL max_parallel_workers_per_gather = 0")
    connection.exec_driver_sql("SET LOCAL synchronize_seqscans = off")
    connection.exec_driver_sql("SET LOCAL TimeZone = 'UTC'")


def _describe(connection: Connection, rows: FromClause) -> list[tuple[str, Any]]:
    # Otherwise SQLite's results lose the part of a name before a dot.
    raw = connection.execution_options(sqlite_raw_colnames=True)
    with raw.execute(sa.select(sa.text("*")).select_from(rows).limit(0)) as result:
        cursor: Any = result.cursor
        return [(entry[0], entry[1]) for entry in cursor.description]


def _columns_sqlite(connection: Connection, rows: FromClause) -> list[SqlColumn]:
    return [SqlColumn(name, "dynamic", "dynamic") for name, _ in _describe(connection, rows)]


def _columns_postgres(connection: Connection, rows: FromClause) -> list[SqlColumn]:
    described = _describe(connection, rows)
    types = sa.table("pg_type", sa.column("oid"), sa.column("typcategory"), schema="pg_catalog")
    statement = sa.select(types.c.oid, sa.func.format_type(types.c.oid, sa.null()), types.c.typcategory)
    chosen = statement.where(types.c.oid.in_({oid for _, oid in described}))
    facts = {oid: (name, category) for oid, name, category in connection.execute(chosen)}
    return [SqlColumn(name, facts[oid][0], _family(*facts[oid])) for name, oid in described]


def _family(name: str, category: str) -> Family:
    if name in ("money", "interval", "json", "jsonb", "xml"):
        return "opaque"
    if name == "uuid":
        return "text"
    families: dict[str, Family] = {"N": "number", "B": "boolean", "S": "text", "E": "text", "D": "time"}
    return families.get(category, "opaque")


def _within_postgres(column: SqlColumn, window: Window, place: str) -> ColumnElement[bool]:
    if column.type not in _POSTGRES_TIMES:
        raise SourceInvalid(
            f"{place} has type {column.type}: a timestamp column may be {', '.join(_POSTGRES_TIMES)}; "
            "convert it in source.query"
        )
    kind, value = _POSTGRES_TIMES[column.type]
    low, high = (sa.literal(value(moment), kind) for moment in (window.start, window.end))
    return sa.and_(column.expression >= low, column.expression < high)


def _naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)


def _first_date(moment: datetime) -> date:
    """The first date whose midnight is not before the moment."""
    return moment.date() if moment == datetime.combine(moment.date(), datetime.min.time(), UTC) else _next(moment)


def _next(moment: datetime) -> date:
    return moment.date() + timedelta(days=1)


_POSTGRES_TIMES: Mapping[str, tuple[sa.types.TypeEngine[Any], Callable[[datetime], date]]] = {
    "timestamp with time zone": (sa.DateTime(timezone=True), lambda moment: moment),
    "timestamp without time zone": (sa.DateTime(), _naive),
    "date": (sa.Date(), _first_date),
}


def _moment_postgres(value: Any) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


# SQLite keeps moments as text. "2013-06-04", "2013-06-04T06:00Z" and "2013-06-04 06:00:00.5" are filled up to one
# width, in which the order of texts is the order of time.
_FULL = "0000-00-00 00:00:00.000000"
_LENGTHS = (10, 13, 16, 19)
_PATTERN = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]"


def _bare(column: SqlColumn) -> Expression:
    spaced = sa.func.replace(column.expression, "T", " ")
    return sa.func.replace(sa.func.replace(spaced, "Z", ""), "+00:00", "")


def _filled(column: SqlColumn) -> Expression:
    bare = _bare(column)
    return sa.func.substr(bare.concat(sa.func.substr(_FULL, sa.func.length(bare) + 1)), 1, len(_FULL))


def _near(column: SqlColumn, window: Window) -> ColumnElement[bool]:
    """A superset of the window that an index on the column can serve."""
    low, high = window.start.date().isoformat(), _next(window.end).isoformat()
    return sa.and_(column.expression >= low, column.expression < high)


def _within_sqlite(column: SqlColumn, window: Window, _place: str) -> ColumnElement[bool]:
    low, high = (f"{moment:%Y-%m-%d %H:%M:%S.%f}" for moment in (window.start, window.end))
    return sa.and_(_near(column, window), _filled(column) >= low, _filled(column) < high)


def _check_sqlite(connection: Connection, rows: FromClause, column: SqlColumn, window: Window, place: str) -> None:
    value = column.expression
    length, tail = sa.func.length(_bare(column)), sa.func.substr(_bare(column), len(_FULL) + 1)
    wrong = sa.or_(
        _typeof(column) != "text",
        sa.and_(length <= 20, length.not_in(_LENGTHS)),
        sa.not_(_filled(column).op("GLOB")(_PATTERN)),
        sa.func.julianday(_filled(column)).is_(None),
        tail.op("GLOB")("*[^0-9]*"),
    )
    # Numbers sort before all texts, words and blobs after all years: an index finds these without a scan.
    ends = [sa.select(end).select_from(rows).scalar_subquery() for end in (sa.func.min(value), sa.func.max(value))]
    suspect = sa.or_(_near(column, window), value.in_(ends))
    for found in connection.execute(sa.select(value).select_from(rows).where(suspect, wrong).limit(1)).scalars():
        raise SourceInvalid(
            f"{place} holds {repr(found)[:40]}: in SQLite a timestamp is text in UTC, like 2013-06-04 06:00:00 or "
            "2013-06-04T06:00:00.5Z; convert it in source.query"
        )


def _moment_sqlite(value: Any) -> datetime | None:
    try:
        return None if value is None else datetime.fromisoformat(value).replace(tzinfo=UTC)
    except ValueError:
        # SQLite takes the 31st of June for the 1st of July.
        raise SourceInvalid(f"a timestamp is {value[:40]!r}, a day there is not: correct it") from None


def _typeof(column: SqlColumn) -> Expression:
    return sa.func.typeof(column.expression)


def _number_sqlite(column: SqlColumn) -> Expression:
    return sa.case((_typeof(column).in_(("integer", "real")), sa.cast(column.expression, sa.Double)))


def _number_postgres(column: SqlColumn) -> Expression | None:
    if column.family not in ("number", "boolean"):
        return None
    if column.type == "numeric":
        return _double(column.expression)
    value = column.expression
    return sa.cast(sa.cast(value, sa.Integer) if column.family == "boolean" else value, sa.Double)


# Numerics of a greater magnitude are no float but infinity, and those between 0 and the least are 0: a cast, of which
# every language makes these, ends the statement here.
_BEYOND: Expression = sa.literal_column("1.797693134862315807e308::numeric", sa.Numeric)
_LEAST: Expression = sa.literal_column("4.94e-324::numeric", sa.Numeric)


def _double(value: Expression) -> Expression:
    """A numeric as the double nearest to it."""
    usual, infinity = sa.cast(value, sa.Double), sa.literal(math.inf, sa.Double)
    size = sa.func.abs(value)
    return sa.case(
        (size.between(_LEAST, _BEYOND), usual),
        # It is greater than every number.
        (value == sa.literal_column("'NaN'::numeric"), usual),
        (value > _BEYOND, infinity),
        (value < -_BEYOND, -infinity),
        (value.is_not(None), sa.literal(0.0, sa.Double)),
    )


def _text_sqlite(column: SqlColumn) -> Expression:
    value = column.expression
    # A whole number kept as a float is written without its point, as in files.
    whole = sa.and_(_typeof(column) == "real", sa.func.abs(value) < 1e15, value == sa.cast(value, sa.BigInteger))
    text = sa.case(
        (whole, sa.cast(sa.cast(value, sa.BigInteger), sa.Text)),
        (_typeof(column) != "blob", sa.cast(value, sa.Text)),
    )
    return _flag_sqlite(column, text) if column.type == FLAG else text


def _flag_sqlite(column: SqlColumn, text: Expression) -> Expression:
    whole = _typeof(column) == "integer"
    zero, one = (sa.and_(whole, column.expression == number) for number in (0, 1))
    return sa.case((zero, "false"), (one, "true"), else_=text)


def _text_postgres(column: SqlColumn) -> Expression | None:
    if column.family not in ("number", "boolean", "text"):
        return None
    exact = column.type.startswith("numeric")
    value = sa.func.trim_scale(column.expression) if exact else column.expression
    # Only under this collation is the order the same on every server. NaN is no category.
    text = sa.cast(value, sa.Text).collate("C")
    return sa.func.nullif(text, "NaN") if column.family == "number" else text


def _opening_sqlite(column: SqlColumn, characters: int) -> Expression:
    # Bytes: SQLite's own functions end a text at NUL, and its driver fails on what is not UTF-8.
    raw = sa.cast(column.expression, sa.LargeBinary)
    start = sa.type_coerce(sa.func.substr(raw, 1, _WIDEST * characters), sa.LargeBinary)
    # A part of no bytes is null.
    return sa.case((_typeof(column) != "text", sa.null()), (sa.func.length(raw) == 0, raw), else_=start)


_WIDEST = 4
"""So many bytes a character has at most."""


def _encoding_sqlite(connection: Connection) -> str:
    return str(connection.exec_driver_sql("PRAGMA encoding").scalar_one())


def _opening_postgres(column: SqlColumn, characters: int) -> Expression | None:
    # Only under this collation is the order the same on every server.
    text = sa.cast(column.expression, sa.Text)
    return sa.func.left(text, characters).collate("C") if column.family == "text" else None


def _among_sqlite(text: Expression, values: Sequence[str]) -> ColumnElement[bool]:
    listed = sa.func.json_each(json.dumps(values)).table_valued("value")
    return text.in_(sa.select(listed.c.value))


def _among_postgres(text: Expression, values: Sequence[str]) -> ColumnElement[bool]:
    # No text of PostgreSQL holds NUL, and none may be sent.
    allowed = json.dumps([value for value in values if "\0" not in value])
    return text.in_(
        sa.select(sa.func.json_array_elements_text(sa.cast(sa.literal(allowed, sa.Text), sa.JSON)).column_valued())
    )


def _unchecked(*_: object) -> None:
    """The column's type says it all."""


DIALECTS: Mapping[str, Dialect] = {
    "sqlite": Dialect(
        begin=_begin_sqlite,
        columns=_columns_sqlite,
        within=_within_sqlite,
        check=_check_sqlite,
        moment=_moment_sqlite,
        number=_number_sqlite,
        text=_text_sqlite,
        order=_filled,
        plain="BINARY",
        flag=_flag_sqlite,
        opening=_opening_sqlite,
        encoding=_encoding_sqlite,
        among=_among_sqlite,
        missing=lambda column, _: column.expression.is_(None),
        kind=_typeof,
        kinds=("blob", "integer", "real", "text"),
    ),
    "postgresql": Dialect(
        begin=_begin_postgres,
        columns=_columns_postgres,
        within=_within_postgres,
        check=_unchecked,
        moment=_moment_postgres,
        number=_number_postgres,
        text=_text_postgres,
        opening=_opening_postgres,
        missing=lambda _, text: text.is_(None),
        among=_among_postgres,
    ),
}
