"""What a monitor's source and reference open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from monitoring_tasks.data.connections import EnvironmentConnections
from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.data.source import open_reference, open_rows
from monitoring_tasks.data.sql import SqlRows
from monitoring_tasks.errors import ConfigurationError, ReferenceInvalid, ReferenceUnavailable
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.window import Window

DAY = Window.parse("2013-06-04", "2013-06-05")


def monitor(folder: Path, **source: Any) -> Monitor:
    """A monitor with that source whose YAML lies in `folder`."""
    given = {"name": "m", "owner": "o", "task": "binary", "timestamp": "ts", "prediction": "x", "source": source}
    return Monitor.model_validate({**given, "reference": {"kind": "file", "path": "reference.parquet"}}).located(folder)


def log(path: Path) -> Path:
    """A parquet file with one row in each of three days."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"ts": ["2013-06-03", "2013-06-04T01:00Z", "2013-06-05"], "x": [0.1, 0.2, 0.3]}), path)
    return path


def test_a_relative_parquet_path_starts_at_the_yaml(tmp_path: Path) -> None:
    """A parquet source is found from the YAML's folder, with its partition declared."""
    log(tmp_path / "log" / "day=20130604" / "a.parquet")
    source = {"kind": "parquet", "path": "log", "partition": "day", "partition_format": "%Y%m%d"}
    rows = open_rows(monitor(tmp_path, **source), EnvironmentConnections({}))
    assert isinstance(rows, ParquetRows)
    assert [chunk.read(["x"])["x"].to_pylist() for chunk in rows.chunks(DAY)] == [[0.2]]
    assert rows.chunks(Window.parse("2013-06-05", "2013-06-06")) == []


@pytest.mark.parametrize("written", ["%Y-W%W", "%d", "%H", "%m-%d", "day", "%G-W%V", "%Y-%m-%d %I", "%Y %H", "%Q", "%"])
def test_a_format_that_dates_no_row_is_refused(tmp_path: Path, written: str) -> None:
    """A partition format from which no moment can be told would leave every row out; it is refused when opened."""
    source = {"kind": "parquet", "path": "log", "partition": "day", "partition_format": written}
    with pytest.raises(ConfigurationError, match=r"does not say when .* like %Y-%m-%d, %Y%m%d, %Y-%m-%dT%H or %Y-%m"):
        open_rows(monitor(tmp_path, **source), EnvironmentConnections({}))


@pytest.mark.parametrize(
    "written", ["%Y-%m-%d", "%Y%m%d", "%Y-%m-%dT%H", "%Y-%m", "%Y", "%Y-%j", "%y%m%d", "%d %b %Y %I %p", "%G-W%V-%u"]
)
def test_a_format_that_dates_rows_is_taken(tmp_path: Path, written: str) -> None:
    """Years, months, days, weeks' days and hours in any order date their rows."""
    source = {"kind": "parquet", "path": "log", "partition": "day", "partition_format": written}
    assert isinstance(open_rows(monitor(tmp_path, **source), EnvironmentConnections({})), ParquetRows)


@pytest.mark.parametrize("source", [{"table": "log"}, {"query": "SELECT * FROM log"}])
def test_a_sql_source_opens_through_its_connection(tmp_path: Path, source: dict[str, str]) -> None:
    """A SQL source reads the window from the database its connection names."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}", poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE log (ts text, x real)")
        connection.exec_driver_sql("INSERT INTO log VALUES ('2013-06-04', 0.2), ('2013-06-05', 0.3)")
    connections = EnvironmentConnections({"AIRFLOW_CONN_LOGS": f"sqlite://{tmp_path / 'a.db'}"})
    rows = open_rows(monitor(tmp_path, kind="sql", connection="logs", **source), connections)
    assert isinstance(rows, SqlRows)
    with rows.snapshot(DAY) as snapshot:
        assert snapshot.fetch(snapshot.select(sa.column("x"))) == [(0.2,)]


def test_an_unknown_connection_is_a_mistake_of_configuration(tmp_path: Path) -> None:
    """Opening a source says which variable is missing."""
    for source in ({"kind": "sql", "table": "log"}, {"kind": "parquet", "path": "s3://bucket/log"}):
        with pytest.raises(ConfigurationError, match="AIRFLOW_CONN_LOGS"):
            open_rows(monitor(tmp_path, connection="logs", **source), EnvironmentConnections({}))


def test_a_reference_is_all_its_rows(tmp_path: Path) -> None:
    """A reference needs no window and no timestamp; with one its days can be read."""
    path = str(log(tmp_path / "reference.parquet"))
    for timestamp in (None, "ts"):
        (chunk,) = open_reference(path, EnvironmentConnections({}), timestamp=timestamp).chunks(None)
        assert chunk.read(["x"]).num_rows == 3
    (chunk,) = open_reference(path, EnvironmentConnections({}), timestamp="ts").chunks(DAY)
    assert chunk.read(["x"])["x"].to_pylist() == [0.2]


def test_a_reference_may_be_a_folder(tmp_path: Path) -> None:
    """A folder's files are one reference; a file that is not parquet is named with the likely cause."""
    log(tmp_path / "folder" / "a.parquet")
    log(tmp_path / "folder" / "b.parquet")
    rows = open_reference(str(tmp_path / "folder"), EnvironmentConnections({}), timestamp="ts")
    assert sum(chunk.rows for chunk in rows.chunks(None)) == 6
    (tmp_path / "folder" / "readme.txt").write_text("hello, this is not parquet")
    with pytest.raises(ReferenceInvalid, match=r"readme.txt .*keep other files out, or start their name with _"):
        open_reference(str(tmp_path / "folder"), EnvironmentConnections({}))


def test_a_reference_that_cannot_serve_says_so(tmp_path: Path) -> None:
    """Missing is unavailable; broken, or without the timestamp column, is invalid: errors of the reference."""
    connections = EnvironmentConnections({})
    with pytest.raises(ReferenceUnavailable, match=r"reference: .*gone.parquet does not exist"):
        open_reference(str(tmp_path / "gone.parquet"), connections)
    (tmp_path / "broken.parquet").write_bytes(b"not parquet")
    with pytest.raises(ReferenceInvalid, match=r"reference: .*broken.parquet is not a whole parquet file"):
        open_reference(str(tmp_path / "broken.parquet"), connections)
    with pytest.raises(ReferenceInvalid, match="no timestamp column 'time'"):
        open_reference(str(log(tmp_path / "a.parquet")), connections, timestamp="time")
