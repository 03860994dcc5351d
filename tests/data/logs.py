"""The same rows kept in parquet files, in SQLite and in PostgreSQL, and monitors that read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from monitoring_tasks.data.connections import EnvironmentConnections
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.window import Window

START = datetime(2013, 6, 3, tzinfo=UTC)
WEEK = Window(START, START + timedelta(days=7))
KINDS = ("parquet", "sqlite", "postgresql")
_TYPES: Mapping[str, Mapping[type, str]] = {
    "sqlite": {int: "integer", float: "real", str: "text", datetime: "text", bool: "integer"},
    "postgresql": {int: "bigint", float: "double precision", str: "text", datetime: "timestamptz", bool: "boolean"},
}
Columns = Mapping[str, list[Any]]


def at(hours: float) -> datetime:
    """A moment so many hours after the week's start."""
    return START + timedelta(hours=hours)


@dataclass
class Logs:
    """Logs of predictions and labels in a folder and, where a test needs it, in a PostgreSQL database."""

    folder: Path
    postgres: str | None = None
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def connections(self) -> EnvironmentConnections:
        """Connections `sqlite` and `postgresql`."""
        known = {"AIRFLOW_CONN_SQLITE": f"sqlite:///{self.folder}/logs.db"}
        if self.postgres:
            known["AIRFLOW_CONN_POSTGRESQL"] = self.postgres.replace("+psycopg2", "")
        return EnvironmentConnections(known)

    def keep(self, name: str, kind: str, columns: Columns, **types: str) -> None:
        """Keep rows under a name; `types` are those of a database's columns where they differ from the usual."""
        if kind == "parquet":
            self.write(f"{name}/part-0.parquet", pa.table({name: pa.array(values) for name, values in columns.items()}))
            self.sources[name] = {"kind": "parquet", "path": name}
            return
        self._create(name, kind, columns, types)
        self.sources[name] = {"kind": "sql", "connection": kind, "table": name}

    def write(self, name: str, table: pa.Table, **options: Any) -> None:
        """A parquet file in the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path, **options)

    def _create(self, name: str, kind: str, columns: Columns, types: Mapping[str, str]) -> None:
        url = self.postgres if kind == "postgresql" else f"sqlite:///{self.folder}/logs.db"
        assert url is not None
        engine = sa.create_engine(url, poolclass=NullPool)
        usual = _TYPES[kind]
        declared = [
            f'"{column}" {types.get(column) or usual[type(next((v for v in values if v is not None), ""))]}'
            for column, values in columns.items()
        ]
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE TABLE {name} ({', '.join(declared)})")
            table = sa.table(name, *(sa.column(column) for column in columns))
            rows = [
                {
                    column: _sqlite(value) if kind == "sqlite" else value
                    for column, value in zip(columns, row, strict=True)
                }
                for row in zip(*columns.values(), strict=True)
            ]
            if rows:
                connection.execute(sa.insert(table), rows)

    def monitor(self, **changes: Any) -> Monitor:
        """A monitor of the logs `predictions` and, where they are kept, `labels`."""
        given: dict[str, Any] = {
            "name": "m",
            "owner": "o",
            "task": "binary",
            "source": self.sources["predictions"],
            "reference": {"kind": "file", "path": "reference.parquet"},
            "timestamp": "ts",
            "prediction": "score",
            "id": "id",
        }
        if "labels" in self.sources:
            given["labels"] = {"source": self.sources["labels"], "delay": "2d"}
        return Monitor.model_validate({**given, **changes}).located(self.folder)


def _sqlite(value: Any) -> Any:
    return f"{value:%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else value
