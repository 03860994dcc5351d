"""SQL sources on SQLite and PostgreSQL: windows, types of time, snapshots, hostile names, failures without secrets."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.pool import NullPool

from monitoring_tasks.data.sql import SqlRows
from monitoring_tasks.errors import ConfigurationError, SourceInvalid, SourceUnavailable
from monitoring_tasks.window import Window

START = datetime(2013, 6, 3, tzinfo=UTC)
DAY = Window.parse("2013-06-04", "2013-06-05")
HOSTILE = 'we"ird; DROP TABLE log --'


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> sa.Engine:
    """An empty database of each kind."""
    if request.param == "postgresql":
        return sa.create_engine(request.getfixturevalue("postgres_url"), poolclass=NullPool)
    return sa.create_engine(f"sqlite:///{tmp_path / 'rows.db'}", poolclass=NullPool)


@pytest.fixture
def sqlite(tmp_path: Path) -> sa.Engine:
    """An empty SQLite database."""
    return sa.create_engine(f"sqlite:///{tmp_path / 'only.db'}", poolclass=NullPool)


@pytest.fixture
def postgres(postgres_url: str) -> sa.Engine:
    """An empty PostgreSQL database."""
    return sa.create_engine(postgres_url, poolclass=NullPool)


class Spelt(sa.types.UserDefinedType[Any]):
    """A column type written as the database spells it."""

    cache_ok = True

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def get_col_spec(self, **_: object) -> str:
        """The type in CREATE TABLE."""
        return self.kind


def create(engine: sa.Engine, kind: str, moments: list[Any], table: str = "log", column: str = "ts") -> None:
    """A table of moments and a running number x."""
    rows = sa.Table(table, sa.MetaData(), sa.Column(column, Spelt(kind)), sa.Column("x", sa.Integer))
    rows.create(engine)
    with engine.begin() as connection:
        if moments:
            connection.execute(sa.insert(rows), [{column: moment, "x": x} for x, moment in enumerate(moments)])


def hours(engine: sa.Engine, count: int) -> tuple[str, list[Any]]:
    """The usual type of time of a database, and `count` moments one hour apart in it."""
    moments = [START + timedelta(hours=hour) for hour in range(count)]
    if engine.dialect.name == "postgresql":
        return "timestamptz", moments
    return "text", [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in moments]


def numbers(rows: SqlRows, window: Window | None) -> list[int]:
    """The running numbers of the window's rows."""
    with rows.snapshot(window) as snapshot:
        return sorted(x for (x,) in snapshot.fetch(snapshot.select(sa.column("x"))))


@pytest.mark.parametrize(
    "end", ["; -- all rows", ";", " ;\n/* one; two */ ;\n-- three;\n", " -- no end", "; -- it's all", ";/* a */--"]
)
def test_a_querys_end(tmp_path: Path, end: str) -> None:
    """Semicolons and comments after a query are left out; those within its texts are not."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}", poolclass=sa.NullPool)
    query = f"SELECT '2013-06-04' AS ts, '; -- ''no''; /*' AS note, 7 - -2/1 AS \"a; --\" -- first\n{end}"
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE log (ts text)")
    with SqlRows(engine, timestamp="ts", query=query).snapshot(None) as snapshot:
        columns = [column.expression for column in snapshot.columns.values()]
        assert snapshot.fetch(snapshot.select(*columns)) == [("2013-06-04", "; -- 'no'; /*", 9)]


def test_window_and_everything(engine: sa.Engine) -> None:
    """A window holds the rows from its start up to its end, and None all of them, of a table and of a query."""
    create(engine, *hours(engine, 72))
    for source in ({"table": "log"}, {"query": "SELECT *, ' :a' AS note FROM log WHERE x <> 30 ;"}):
        rows = SqlRows(engine, timestamp="ts", **source)
        gone = {30} if "query" in source else set()
        assert set(numbers(rows, DAY)) == set(range(24, 48)) - gone
        assert set(numbers(rows, None)) == set(range(72)) - gone


def test_a_query_may_end_in_a_comment_and_hold_percent_signs(engine: sa.Engine) -> None:
    """Nothing in a query is taken for a parameter, and a last comment swallows nothing."""
    create(engine, *hours(engine, 48))
    query = "SELECT ts, x, '%s %(x)s :y 12:30' AS \"a%sb\" FROM log WHERE x % 2 = 0 -- even"
    rows = SqlRows(engine, timestamp="ts", query=query)
    assert numbers(rows, DAY) == list(range(24, 48, 2))
    with rows.snapshot(DAY) as snapshot:
        assert list(snapshot.columns) == ["ts", "x", "a%sb"]
        assert snapshot.fetch(snapshot.select(snapshot.columns["a%sb"].expression))[0] == ("%s %(x)s :y 12:30",)


def test_hostile_names(engine: sa.Engine) -> None:
    """Quotes, semicolons, dots and percent signs in names of tables and columns are only names."""
    create(engine, *hours(engine, 1))
    for column in (HOSTILE, "a.b", "%(y)s", "Select", "列", ":x"):
        create(engine, *hours(engine, 48), table=HOSTILE + column, column=column)
        quoted = '"' + (HOSTILE + column).replace('"', '""') + '"'
        rows = SqlRows(engine, timestamp=column, table=quoted)
        assert list(rows.columns()) == [column, "x"]
        assert numbers(rows, DAY) == list(range(24, 48))
        assert len(rows.fingerprint(DAY)) == 16
    assert numbers(SqlRows(engine, timestamp="ts", table="log"), None) == [0]


def test_schemas(postgres: sa.Engine, sqlite: sa.Engine) -> None:
    """A table may be named with its schema, each part in quotes when it needs them."""
    with postgres.begin() as connection:
        connection.exec_driver_sql('CREATE SCHEMA "My.logs"; CREATE TABLE "My.logs".log (ts timestamptz)')
    assert numbers_of_columns(SqlRows(postgres, timestamp="ts", table='"My.logs".log')) == ["ts"]
    create(sqlite, "text", [])
    assert numbers_of_columns(SqlRows(sqlite, timestamp="ts", table="main.log")) == ["ts", "x"]


def numbers_of_columns(rows: SqlRows) -> list[str]:
    """Names of the columns."""
    return list(rows.columns())


@pytest.mark.parametrize(
    "form",
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%f+00:00", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S.5"],
)
def test_forms_of_text_in_sqlite(sqlite: sa.Engine, form: str) -> None:
    """Every form of ISO text in UTC gives the same rows."""
    create(sqlite, "timestamp", [(START + timedelta(hours=hour)).strftime(form) for hour in range(72)])
    assert numbers(SqlRows(sqlite, timestamp="ts", table="log"), DAY) == list(range(24, 48))


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 3 * 86_400_000_000),
            st.sampled_from(["%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%d", "%Y-%m-%dT%H:%M+00:00"]),
        ),
        max_size=30,
    ),
    start=st.integers(0, 2 * 86_400),
    width=st.integers(1, 86_400),
)
def test_mixed_forms_in_sqlite_by_brute_force(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str]], start: int, width: int
) -> None:
    """Texts of several forms in one column compare as moments, to the microsecond."""
    engine = sa.create_engine(f"sqlite:///{tmp_path_factory.mktemp('mixed') / 'a.db'}", poolclass=NullPool)
    texts = [(START + timedelta(microseconds=offset)).strftime(form) for offset, form in rows]
    window = Window(START + timedelta(seconds=start), START + timedelta(seconds=start + width))
    moments = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in texts]
    create(engine, "text", texts)
    expected = [x for x, moment in enumerate(moments) if window.start <= moment < window.end]
    assert numbers(SqlRows(engine, timestamp="ts", table="log"), window) == expected


@pytest.mark.parametrize(
    "values",
    [
        [1370304000],
        [1370304000.5],
        [b"2013-06-04"],
        ["yesterday"],
        [""],
        ["2013-06-04T00:00:00-05:00"],
        ["2013-06-04 00:00:00", "2013-06-04 0:30:00"],
        ["2013-06-04 00:00:00", "2013-06-04 00:30:00.1234567-05", "2013-06-05"],
        ["2013-06-03", "2013-06-04t00:00", "2013-06-05"],
        ["2013-06-03", "2013-06-04 0", "2013-06-05"],
        ["2013-06-03", "2013-06-04 25:00", "2013-06-05"],
        ["2013"],
    ],
)
def test_what_is_no_moment_in_sqlite_is_refused(sqlite: sa.Engine, values: list[Any]) -> None:
    """Numbers, other zones and words are refused by value, rather than compared as text."""
    create(sqlite, "blob", values)
    with pytest.raises(SourceInvalid, match=r"column 'ts' of table log .*holds .*text in UTC"):
        numbers(SqlRows(sqlite, timestamp="ts", table="log"), DAY)


def test_types_of_time_in_postgres(postgres: sa.Engine) -> None:
    """Moments with a zone, without one (UTC), and dates (midnight UTC), whatever zone the server is in."""
    with postgres.begin() as connection:
        connection.exec_driver_sql("ALTER ROLE CURRENT_USER SET TimeZone = 'America/New_York'")
    moments = [START + timedelta(hours=hour) for hour in range(72)]
    create(postgres, "timestamptz", moments, table="zoned")
    create(postgres, "timestamp", [moment.replace(tzinfo=None) for moment in moments], table="naive")
    create(postgres, "date", [date(2013, 6, 3), date(2013, 6, 4), date(2013, 6, 5)], table="dates")
    assert numbers(SqlRows(postgres, timestamp="ts", table="zoned"), DAY) == list(range(24, 48))
    assert numbers(SqlRows(postgres, timestamp="ts", table="naive"), DAY) == list(range(24, 48))
    assert numbers(SqlRows(postgres, timestamp="ts", table="dates"), DAY) == [1]
    later = Window.parse("2013-06-04T00:01", "2013-06-05T00:01")
    assert numbers(SqlRows(postgres, timestamp="ts", table="dates"), later) == [2]
    with postgres.begin() as connection:
        connection.exec_driver_sql("ALTER ROLE CURRENT_USER RESET TimeZone")


@pytest.mark.parametrize("kind", ["bigint", "text", "time", "jsonb"])
def test_other_types_of_time_in_postgres_are_refused(postgres: sa.Engine, kind: str) -> None:
    """The error names the column's type and those allowed."""
    create(postgres, kind, [])
    with pytest.raises(SourceInvalid, match=r"column 'ts' of table log .* has type .*timestamp with time zone.*query"):
        numbers(SqlRows(postgres, timestamp="ts", table="log"), DAY)


def test_null_timestamps_are_in_no_window_and_logged(engine: sa.Engine, caplog: pytest.LogCaptureFixture) -> None:
    """Rows without a timestamp are counted in the log and in the whole alone."""
    kind, moments = hours(engine, 48)
    create(engine, kind, [*moments, None, None])
    rows = SqlRows(engine, timestamp="ts", table="log")
    with caplog.at_level(logging.WARNING):
        assert len(numbers(rows, DAY)) == 24
    assert [record.getMessage() for record in caplog.records] == [f"timestamp_missing source={rows.place} rows=2"]
    assert len(numbers(rows, None)) == 50


def test_an_empty_table_has_no_rows(engine: sa.Engine) -> None:
    """No rows is an answer."""
    create(engine, hours(engine, 0)[0], [])
    rows = SqlRows(engine, timestamp="ts", table="log")
    assert numbers(rows, DAY) == numbers(rows, None) == []
    assert rows.fingerprint(DAY) == rows.fingerprint(None)


def test_all_statements_see_one_snapshot(engine: sa.Engine) -> None:
    """Rows written while a window is read are not seen half-way."""
    kind, moments = hours(engine, 48)
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL").close()  # else the writer would wait for the reader
    create(engine, kind, moments)
    rows = SqlRows(engine, timestamp="ts", table="log")
    with rows.snapshot(DAY) as snapshot:
        before = snapshot.fetch(snapshot.select(sa.func.count()))
        with engine.begin() as connection:
            connection.execute(sa.insert(sa.table("log", sa.column("ts"))), [{"ts": moments[30]}])
        assert snapshot.fetch(snapshot.select(sa.func.count())) == before
    assert numbers_count(rows) == 25


def numbers_count(rows: SqlRows) -> int:
    """Number of the window's rows."""
    with rows.snapshot(DAY) as snapshot:
        return int(snapshot.fetch(snapshot.select(sa.func.count()))[0][0])


def test_a_source_cannot_be_written(postgres: sa.Engine) -> None:
    """A query that would write is refused by the database: the transaction reads only."""
    create(postgres, *hours(postgres, 1))
    with postgres.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION wipe() RETURNS timestamptz LANGUAGE sql AS 'DELETE FROM log RETURNING ts'"
        )
    with pytest.raises(SourceInvalid, match="read-only transaction"):
        SqlRows(postgres, timestamp="ts", query="SELECT wipe() AS ts").fingerprint(DAY)


def test_fingerprint_follows_the_window_s_rows(engine: sa.Engine) -> None:
    """It changes when a row of the window arrives, and not for rows of another day."""
    kind, moments = hours(engine, 72)
    create(engine, kind, moments)
    rows = SqlRows(engine, timestamp="ts", table="log")
    log = sa.table("log", sa.column("ts"))
    before = rows.fingerprint(DAY)
    assert rows.fingerprint(DAY) == before
    with engine.begin() as connection:
        connection.execute(sa.insert(log), [{"ts": moments[0]}])
    assert rows.fingerprint(DAY) == before
    with engine.begin() as connection:
        connection.execute(sa.insert(log), [{"ts": moments[30]}])
    assert rows.fingerprint(DAY) != before


def test_missing_tables_and_columns_are_invalid(engine: sa.Engine) -> None:
    """A missing table and a wrong query say so with the database's words; a missing column with the likely one."""
    create(engine, *hours(engine, 1))
    for source in ({"table": "nowhere"}, {"query": "SELECT * FROM nowhere"}, {"query": "SELECT FROM"}):
        with pytest.raises(SourceInvalid, match=r"cannot be read: .*(nowhere|syntax).*source\.query") as caught:
            SqlRows(engine, timestamp="ts", **source).fingerprint(DAY)
        assert not caught.value.retryable
    with pytest.raises(SourceInvalid, match=r"no timestamp column 'tss'; did you mean 'ts'\? its columns are ts, x"):
        SqlRows(engine, timestamp="tss", table="log").fingerprint(DAY)


def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    """A refused connection and a missing file are worth another try; no password is shown, and no file created."""
    gone = sa.create_engine("postgresql+psycopg2://reader:hunter2@127.0.0.1:1/logs?options=-csecret%3Dhunter3")
    with pytest.raises(SourceUnavailable, match=r"table log in postgresql 127.0.0.1/logs does not answer") as caught:
        SqlRows(gone, timestamp="ts", table="log").fingerprint(DAY)
    assert "hunter" not in str(caught.value)
    assert caught.value.__suppress_context__
    path = tmp_path / "gone.db"
    with pytest.raises(SourceUnavailable, match=r"gone.db: the file does not exist"):
        SqlRows(sa.create_engine(f"sqlite:///{path}"), timestamp="ts", table="log").fingerprint(DAY)
    assert not path.exists()


def test_a_wrong_password_is_not_shown(postgres_url: str) -> None:
    """What the driver quotes from the address is blanked out."""
    url = sa.make_url(postgres_url).set(database="no_hunter2_here", password="hunter2")
    with pytest.raises(SourceUnavailable, match=r"does not answer: .*\*\*\*") as caught:
        SqlRows(sa.create_engine(url, poolclass=NullPool), timestamp="ts", query="SELECT 1").fingerprint(DAY)
    assert 'database "no_hunter2_here"' not in str(caught.value)


def test_a_file_that_is_no_database_is_invalid(tmp_path: Path) -> None:
    """Another file under the connection's path is not worth another try."""
    (tmp_path / "a.db").write_text("not a database, only a long enough text" * 100)
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}", poolclass=NullPool)
    with pytest.raises(SourceInvalid, match="file is not a database"):
        SqlRows(engine, timestamp="ts", table="log").fingerprint(DAY)


def test_a_locked_database_is_unavailable(sqlite: sa.Engine) -> None:
    """A writer that holds SQLite's lock is worth another try."""
    create(sqlite, *hours(sqlite, 1))
    reader = sa.create_engine(sqlite.url, poolclass=NullPool, connect_args={"timeout": 0})
    with sqlite.connect() as writer:
        writer.exec_driver_sql("BEGIN EXCLUSIVE")
        with pytest.raises(SourceUnavailable, match="stopped answering: database is locked"):
            SqlRows(reader, timestamp="ts", table="log").fingerprint(DAY)


def test_a_connection_that_breaks_is_unavailable(postgres: sa.Engine) -> None:
    """A server that ends the session half-way is worth another try."""
    create(postgres, *hours(postgres, 1))
    rows = SqlRows(postgres, timestamp="ts", table="log")

    def read() -> None:
        with rows.snapshot(DAY) as snapshot:
            pid = snapshot.connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            with postgres.begin() as other:
                other.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 5000)")
            snapshot.fetch(snapshot.select(sa.func.count()))

    with pytest.raises(SourceUnavailable, match="stopped answering"):
        read()


def test_unknown_databases_and_empty_sources_are_refused() -> None:
    """A database without a row of its own, and a source without rows, are mistakes in the configuration."""
    with pytest.raises(ConfigurationError, match="a mssql database cannot be monitored: use one of sqlite, postgresql"):
        SqlRows(sa.create_mock_engine("mssql+pymssql://", lambda *_: None), timestamp="ts", table="log")  # type: ignore[arg-type]
    for name in ("", "."):
        with pytest.raises(ConfigurationError, match="needs a table or a query"):
            SqlRows(sa.create_engine("sqlite://"), timestamp="ts", table=name)
