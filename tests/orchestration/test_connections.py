"""Airflow's connections, opened for the steps."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.orchestration.connections import AirflowConnections, database_url, defined

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.usefixtures("airflow_database")]


@pytest.mark.parametrize("as_json", [False, True])
def test_a_sqlite_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_json: bool) -> None:
    """Both forms in which Airflow keeps a connection open the same file."""
    path = tmp_path / "Production.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE served AS SELECT 7 AS score")
    value = json.dumps({"conn_type": "sqlite", "host": str(path)}) if as_json else f"sqlite:///{path}"
    monkeypatch.setenv("AIRFLOW_CONN_SERVED", value)
    engine = AirflowConnections().database("served")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT score FROM served")) == 7
    engine.dispose()


def test_postgresql(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PostgreSQL connection of Airflow opens with the driver this package depends on."""
    url = make_url(postgres_url)
    parts = {"conn_type": "postgres", "login": url.username, "schema": url.database, "extra": dict(url.query)}
    monkeypatch.setenv("AIRFLOW_CONN_SERVED", json.dumps(parts))
    engine = AirflowConnections().database("served")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 7")) == 7
    engine.dispose()


def test_no_such_connection() -> None:
    """The error says where to create it; asking whether it exists is no error."""
    with pytest.raises(ConfigurationError, match="no connection 'nowhere': create it in Airflow"):
        AirflowConnections().database("nowhere")
    assert defined("nowhere") is None
    assert database_url("nowhere") is None


def test_a_connection_that_is_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Slack connection named as a source is refused in words."""
    monkeypatch.setenv("AIRFLOW_CONN_PAGER", '{"conn_type": "slack", "password": "xoxb"}')
    with pytest.raises(ConfigurationError, match="has type 'slack', which is no SQL database"):
        AirflowConnections().database("pager")


def test_files(tmp_path: Path) -> None:
    """A path and a URI without a connection lead to the same file."""
    (tmp_path / "a.txt").write_text("seven")
    for place in (str(tmp_path / "a.txt"), f"file://{tmp_path}/a.txt"):
        filesystem, inside = AirflowConnections().filesystem(place, None)
        with filesystem.open_input_file(inside) as stream:
            assert stream.read() == b"seven"


def test_files_through_a_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URI with a connection is opened by Airflow's own object storage."""
    (tmp_path / "a.txt").write_text("seven")
    monkeypatch.setenv("AIRFLOW_CONN_DISK", '{"conn_type": "file"}')
    filesystem, inside = AirflowConnections().filesystem(f"file://{tmp_path}/a.txt", "disk")
    with filesystem.open_input_file(inside) as stream:
        assert stream.read() == b"seven"


def test_a_store_that_nobody_can_open() -> None:
    """A URI of a kind that is not installed is refused in words."""
    with pytest.raises(ConfigurationError, match="s9://bucket/log cannot be opened"):
        AirflowConnections().filesystem("s9://bucket/log", "disk")
