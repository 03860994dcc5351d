"""Rows of SQL sources as Arrow: types of columns, odd values, names, and more rows than one batch."""

from __future__ import annotations

import math
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from monitoring_tasks.data import sql_rows
from monitoring_tasks.data.sql import SqlRows
from monitoring_tasks.data.sql_rows import read_sql
from monitoring_tasks.errors import SourceInvalid
from monitoring_tasks.window import Window

DAY = Window.parse("2013-06-04", "2013-06-05")
NOON = datetime(2013, 6, 4, 12, tzinfo=UTC)
TS = pa.timestamp("us", "UTC")


@pytest.fixture
def sqlite(tmp_path: Path) -> sa.Engine:
    """An empty SQLite database."""
    (tmp_path / "only.db").touch()
    return sa.create_engine(f"sqlite:///{tmp_path / 'only.db'}", poolclass=NullPool)


@pytest.fixture
def postgres(postgres_url: str) -> sa.Engine:
    """An empty PostgreSQL database."""
    return sa.create_engine(postgres_url, poolclass=NullPool)


def read(engine: sa.Engine, query: str, **options: Any) -> pa.Table:
    """The rows of a query within the day."""
    rows = SqlRows(engine, timestamp="ts", query=query)
    return read_sql(rows, DAY, **{"columns": lambda _: True, "id": "id", **options})


def one(engine: sa.Engine, *expressions: str, ts: str = "'2013-06-04 12:00:00'") -> pa.Table:
    """The columns c0, c1, ... of rows that each have the moment and one of the expressions in c0."""
    return read(engine, " UNION ALL ".join(f"SELECT {ts} AS ts, {expression} AS c0" for expression in expressions))


NOON_SQL = "timestamptz '2013-06-04 12:00Z'"


@pytest.mark.parametrize(
    ("expression", "kind", "value"),
    [
        ("1::smallint", pa.int64(), 1),
        ("7::integer", pa.int64(), 7),
        ("9223372036854775807::bigint", pa.int64(), 2**63 - 1),
        ("1.5::real", pa.float64(), 1.5),
        ("0.1::float8", pa.float64(), 0.1),
        ("12345678901234567890.5::numeric", pa.float64(), 12345678901234567890.5),
        ("1.7976931348623158e308::numeric", pa.float64(), sys.float_info.max),
        ("1e400::numeric", pa.float64(), math.inf),
        ("-1e400::numeric", pa.float64(), -math.inf),
        ("1e-400::numeric", pa.float64(), 0.0),
        ("'infinity'::float8", pa.float64(), math.inf),
        ("true", pa.bool_(), True),
        ("'東京 %s :x'::text", pa.string(), "東京 %s :x"),
        ("'ab'::varchar(5)", pa.string(), "ab"),
        ("'10000000-0000-0000-0000-000000000001'::uuid", pa.string(), "10000000-0000-0000-0000-000000000001"),
        ("'{\"a\": [1]}'::jsonb", pa.string(), '{"a": [1]}'),
        ("ARRAY[1, 2]", pa.string(), "{1,2}"),
        ("interval '1 day'", pa.string(), "1 day"),
        ("time '06:00'", pa.string(), "06:00:00"),
        ("timestamptz '2013-06-04 12:00-05'", TS, datetime(2013, 6, 4, 17, tzinfo=UTC)),
        ("timestamp '2013-06-04 12:00:00.25'", pa.timestamp("us"), datetime.fromisoformat("2013-06-04T12:00:00.25")),
        ("date '2013-06-04'", pa.date32(), date(2013, 6, 4)),
        ("timestamptz 'infinity'", TS, None),
        ("timestamp '20000-01-01'", pa.timestamp("us"), None),
        ("date '0044-03-15 BC'", pa.date32(), None),
    ],
)
def test_types_of_postgres(postgres: sa.Engine, expression: str, kind: pa.DataType, value: Any) -> None:
    """Each type has its Arrow type, also where every value is null; what Python's years cannot hold is null."""
    column = one(postgres, expression, "NULL", ts=NOON_SQL)["c0"]
    assert column.type == kind
    assert sorted(column.to_pylist(), key=lambda found: found is None) == [value, None]
    cast = one(postgres, f"nullif({expression}, {expression})", ts=NOON_SQL)["c0"] if "json" not in expression else None
    assert cast is None or (cast.type, cast.to_pylist()) == (kind, [None])


def test_nan_is_not_null_in_postgres(postgres: sa.Engine) -> None:
    """A number that is NaN stays NaN."""
    (value,) = one(postgres, "'NaN'::numeric", ts=NOON_SQL)["c0"].to_pylist()
    assert math.isnan(value)


@pytest.mark.parametrize(
    ("expressions", "kind", "values"),
    [
        (["1", "9223372036854775807", "NULL"], pa.int64(), [1, 2**63 - 1, None]),
        (["0.5", "2.0"], pa.float64(), [0.5, 2.0]),
        (["2.0", "NULL"], pa.float64(), [2.0, None]),
        (["1", "0.5"], pa.float64(), [1.0, 0.5]),
        (["9e999", "-9e999"], pa.float64(), [math.inf, -math.inf]),
        (["'a'", "''", "NULL"], pa.string(), ["a", "", None]),
        (["'a'", "1", "2.0", "0.5", "NULL"], pa.string(), ["a", "1", "2", "0.5", None]),
        (["x'00ff'", "NULL"], pa.binary(), [b"\0\xff", None]),
        (["x'00ff'", "1", "'a'"], pa.string(), [None, "1", "a"]),
        (["NULL", "NULL"], pa.null(), [None, None]),
    ],
)
def test_values_of_sqlite(sqlite: sa.Engine, expressions: list[str], kind: pa.DataType, values: list[Any]) -> None:
    """A column's type is that of its values; numbers meet as floats, numbers and texts as text."""
    column = one(sqlite, *expressions)["c0"]
    assert column.type == kind
    assert column.to_pylist() == values


def test_types_are_those_of_the_window_s_rows(sqlite: sa.Engine) -> None:
    """A text outside the window does not turn the window's numbers into text."""
    query = "SELECT '2013-06-04' AS ts, 1 AS x UNION ALL SELECT '2013-06-05', 'a'"
    assert read(sqlite, query)["x"].type == pa.int64()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_names_and_the_choice_of_columns(request: pytest.FixtureRequest, kind: str) -> None:
    """Names with quotes, dots, percent signs or capitals are only names; columns not wanted are not read."""
    names = ['we"ird; DROP TABLE x --', "a.b", "%(y)s", ":x", "列", *(f"n{place}" for place in range(120))]
    quoted = ", ".join(f'{place} AS "{name.replace(chr(34), 2 * chr(34))}"' for place, name in enumerate(names))
    moment = "'2013-06-04'" if kind == "sqlite" else NOON_SQL
    engine = request.getfixturevalue(kind)
    found = read(engine, f"SELECT {moment} AS ts, {quoted}")
    assert found.column_names == ["ts", *names]
    assert [found[name].to_pylist() for name in names] == [[place] for place in range(len(names))]
    chosen = read(engine, f"SELECT {moment} AS ts, {quoted}", columns=lambda name: name in ("ts", "a.b"))
    assert chosen.to_pylist() == [{"ts": chosen["ts"][0].as_py(), "a.b": 1}]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_rows_come_in_batches(request: pytest.FixtureRequest, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than one batch are all read, once each, and moments are in UTC."""
    monkeypatch.setattr(sql_rows, "_BATCH", 7)
    numbers = " UNION ALL ".join(f"SELECT {number} AS x" for number in range(50))
    moment = "'2013-06-04T12:00Z'" if kind == "sqlite" else NOON_SQL
    found = read(request.getfixturevalue(kind), f"SELECT {moment} AS ts, x FROM ({numbers}) AS n WHERE x < 50")
    assert sorted(found["x"].to_pylist()) == list(range(50))
    assert set(found["ts"].to_pylist()) == {NOON}
    assert found["ts"].type == TS
    assert found["x"].num_chunks == 8


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_no_rows_are_a_table(request: pytest.FixtureRequest, kind: str) -> None:
    """The columns are there."""
    moment = "'2013-06-05'" if kind == "sqlite" else "timestamptz '2013-06-05Z'"
    found = read(request.getfixturevalue(kind), f"SELECT {moment} AS ts, 1 AS x")
    assert (found.column_names, found.num_rows) == (["ts", "x"], 0)


def test_decimal_ids_are_not_rounded(postgres: sa.Engine) -> None:
    """The id alone comes as whole numbers; another decimal column is float64."""
    found = read(postgres, f"SELECT {NOON_SQL} AS ts, 9007199254740993::numeric AS id, 9007199254740993::numeric AS x")
    assert found["id"].to_pylist() == [2**53 + 1]
    assert found["x"].to_pylist() == [float(2**53)]


def test_a_day_there_is_not_is_refused(sqlite: sa.Engine) -> None:
    """SQLite takes the 31st of June for the 1st of July: the value is named."""
    rows = SqlRows(sqlite, timestamp="ts", query="SELECT '2013-06-31' AS ts")
    with pytest.raises(SourceInvalid, match="2013-06-31"):
        read_sql(rows, Window.parse("2013-06-30", "2013-07-02"), columns=lambda _: True, id="id")
