"""What client tests share: reading a log back as a monitor reads it, and running a server in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pyarrow.fs import LocalFileSystem

from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.data.partition import Partition

COUNTED = "SELECT id, count(*) FROM predictions GROUP BY id"


def rows_in(folder: Path, timestamp: str = "timestamp") -> list[dict[str, Any]]:
    """All rows of a folder, read as a monitor with `partition: day` reads them."""
    if not folder.exists():
        return []
    rows = ParquetRows(LocalFileSystem(), str(folder), timestamp=timestamp, partition=Partition("day"))
    names = rows.schema().names
    return [row for chunk in rows.chunks(None) for row in chunk.read(names).to_pylist()]


def ids_in(place: Path | str) -> list[Any]:
    """Ids of all logged predictions, in order."""
    if isinstance(place, Path):
        return sorted(row["id"] for row in rows_in(place))
    return sorted(row["id"] for row in table(place, "SELECT id FROM predictions"))


def table(url: str, query: str) -> list[Mapping[str, Any]]:
    """Rows of a database."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return [dict(row) for row in connection.exec_driver_sql(query).mappings()]


def start(code: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    """A process that runs code and talks by lines."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
