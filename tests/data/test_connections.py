"""Connections of the environment: Airflow's two forms, databases, file systems, and secrets that stay secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow.fs import LocalFileSystem, S3FileSystem
from sqlalchemy import text

from monitoring_tasks.data.connections import EnvironmentConnections
from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.errors import ConfigurationError

SECRET = "p@ss/w:rd"


def connections(**values: str) -> EnvironmentConnections:
    """Connections of an environment with these ids."""
    return EnvironmentConnections({f"AIRFLOW_CONN_{name.upper()}": value for name, value in values.items()})


def url(value: str) -> str:
    """SQLAlchemy URL of a connection's value, password shown."""
    return connections(logs=value).database("logs").url.render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("postgres://reader:p%40ss%2Fw%3Ard@Db.Example:5433/logs", "reader:p%40ss%2Fw%3Ard@Db.Example:5433/logs"),
        ("postgresql://reader@db/logs", "reader@db/logs"),
        ("postgres://reader@db/logs?sslmode=require&unknown=1", "reader@db/logs?sslmode=require"),
        (
            json.dumps(
                {"conn_type": "postgres", "host": "db", "login": "reader", "password": SECRET, "schema": "logs"}
                | {"port": "5433", "extra": {"sslmode": "require"}}
            ),
            "reader:p%40ss%2Fw%3Ard@db:5433/logs?sslmode=require",
        ),
        ('{"conn_type": "postgresql", "host": "db", "extra": "{\\"connect_timeout\\": 3}"}', "db?connect_timeout=3"),
        ("postgres://?__extra__=%7B%22host%22%3A%20%22%2Frun%2Fpg%22%7D", "?host=%2Frun%2Fpg"),
    ],
)
def test_postgres_in_both_forms(value: str, expected: str) -> None:
    """A URI and Airflow's JSON give the same engine, special characters decoded, options passed to the driver."""
    assert url(value) == f"postgresql+psycopg2://{expected}"


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("sqlite://%2Fvar%2Flib%2FLog.db", "/var/lib/Log.db"),
        ('{"conn_type": "sqlite", "host": "/var/lib/Log.db"}', "/var/lib/Log.db"),
        ("sqlite:////var/lib/Log.db", "/var/lib/Log.db"),
        ("sqlite:///var/lib/Log.db", "/var/lib/Log.db"),
    ],
)
def test_sqlite_keeps_its_path_where_airflow_does(value: str, path: str) -> None:
    """The file's path stands in the host, in capitals where it has them; type:///path starts at the root."""
    assert connections(logs=value).database("logs").url.database == path


def test_sqlite_agrees_with_airflow_s_own_hook(tmp_path: Path) -> None:
    """Airflow's SqliteHook opens the same file for the same variable."""
    values = {
        "A": f"sqlite://{str(tmp_path / 'One.db').replace('/', '%2F')}",
        "B": json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "Two.db")}),
        "C": f"sqlite://{tmp_path / 'Three.db'}",
    }
    environment = {f"AIRFLOW_CONN_{name}": value for name, value in values.items()}
    script = (
        "from airflow.providers.sqlite.hooks.sqlite import SqliteHook\n"
        "from sqlalchemy import make_url\n"
        "for name in 'ABC': print('database', make_url(SqliteHook(sqlite_conn_id=name).get_uri()).database)"
    )
    output = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment, "AIRFLOW_HOME": str(tmp_path / "airflow")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    theirs = [line.removeprefix("database ") for line in output.splitlines() if line.startswith("database ")]
    ours = [EnvironmentConnections(environment).database(name).url.database for name in "ABC"]
    assert theirs == ours


def test_a_sqlite_connection_opens(tmp_path: Path) -> None:
    """The engine really reads the file."""
    engine = connections(logs=f"sqlite://{str(tmp_path / 'a.db').replace('/', '%2F')}").database("logs")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    engine.dispose()
    assert (tmp_path / "a.db").exists()


def test_postgres_opens_through_the_environment(postgres_url: str) -> None:
    """A connection variable with a socket folder in it reaches a real server."""
    engine = connections(logs=postgres_url.replace("+psycopg2", "")).database("logs")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    engine.dispose()


def test_other_databases_take_sqlalchemy_s_url() -> None:
    """A type without a row of its own is SQLAlchemy's to open; dots and dashes of an id stay, as in Airflow."""
    environment = {"AIRFLOW_CONN_MY-LOGS.EU": "sqlite+pysqlite:////tmp/x.db"}
    assert EnvironmentConnections(environment).database("my-logs.eu").url.drivername == "sqlite+pysqlite"


@pytest.mark.parametrize(
    "value",
    [
        f"nosuchdb://reader:{SECRET}@db/logs",
        f"nosuch+driver://reader:{SECRET}@db:notaport/logs",
        f"reader:{SECRET}@db",
        json.dumps({"host": "db", "password": SECRET}),
        '{"conn_type": "postgres", "password": "p@ss/w:rd"',
        json.dumps({"conn_type": "slack", "password": SECRET}),
        json.dumps({"conn_type": "postgres", "password": SECRET, "extra": [1]}),
    ],
)
def test_a_wrong_value_is_named_without_its_secret(value: str) -> None:
    """The error names the variable and never shows what it holds, in its causes neither."""
    with pytest.raises(ConfigurationError, match="AIRFLOW_CONN_LOGS") as caught:
        connections(logs=value).database("logs")
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("values", [{}, {"logs": " "}])
def test_an_unknown_id_names_the_variable_to_set(values: dict[str, str]) -> None:
    """A connection that is not set says which variable to set."""
    with pytest.raises(ConfigurationError, match="no connection 'logs': set the variable AIRFLOW_CONN_LOGS"):
        connections(**values).database("logs")


def test_reprs_hold_no_secret() -> None:
    """Neither the connections nor an engine shows a password."""
    known = connections(logs=f"postgres://reader:{'hunter2'}@db/logs")
    assert "hunter2" not in repr(known) + repr(known.database("logs")) + repr(known.account("logs"))
    assert "AIRFLOW_CONN_LOGS" in repr(known)


def test_the_process_s_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a mapping the variables of the process are read, when a connection is opened."""
    known = EnvironmentConnections()
    monkeypatch.setenv("AIRFLOW_CONN_LATER", "postgres://db/logs")
    assert known.database("later").url.host == "db"


def test_local_paths_and_file_uris_are_arrow_s_own(tmp_path: Path) -> None:
    """A path and a file:// URI are read by Arrow's local file system."""
    for path in (str(tmp_path / "a b"), (tmp_path / "a b").as_uri()):
        filesystem, inside = connections().filesystem(path, None)
        assert isinstance(filesystem, LocalFileSystem)
        assert inside == str(tmp_path / "a b")


@pytest.mark.parametrize("connection", [None, "shared"])
def test_other_uris_go_through_fsspec(connection: str | None) -> None:
    """A scheme Arrow does not know is opened by fsspec, with a connection's options; rows come out of it."""
    table = pa.table({"ts": ["2013-06-03T00:00:00"], "x": [1]})
    with fsspec.open("memory://bucket/log/a.parquet", "wb") as file:
        pq.write_table(table, file)
    filesystem, path = connections(shared='{"conn_type": "generic"}').filesystem("memory://bucket/log", connection)
    (chunk,) = ParquetRows(filesystem, path, timestamp="ts").chunks(None)
    assert chunk.read(["x"])["x"].to_pylist() == [1]
    assert ParquetRows(filesystem, path, timestamp="ts").name_of(chunk.file) == "a.parquet"


def test_s3_takes_airflow_s_aws_connection() -> None:
    """Keys, region and endpoint of an aws connection reach Arrow's S3, also when its id stands in the URI."""
    value = json.dumps(
        {"conn_type": "aws", "login": "key", "password": SECRET}
        | {"extra": {"region_name": "eu-west-1", "endpoint_url": "http://127.0.0.1:1"}}
    )
    expected = S3FileSystem(
        access_key="key", secret_key=SECRET, region="eu-west-1", endpoint_override="http://127.0.0.1:1"
    )
    for uri, connection in (("s3://bucket/log", "lake"), ("s3://lake@bucket/log", None)):
        filesystem, path = connections(lake=value).filesystem(uri, connection)
        assert filesystem == expected
        assert path == "bucket/log"


def test_a_scheme_nobody_knows_is_refused_without_secrets() -> None:
    """An unknown scheme is a mistake in the configuration; options of the connection do not leak."""
    for connection in (None, "lake"):
        with pytest.raises(ConfigurationError, match="nosuch://bucket/log cannot be opened") as caught:
            connections(lake=json.dumps({"conn_type": "x", "extra": {"token": SECRET}})).filesystem(
                "nosuch://bucket/log", connection
            )
        assert SECRET not in str(caught.value)
