"""What the steps keep among the artifacts for one another: tables, pages, and what must be there."""

from __future__ import annotations

import io
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_tasks.errors import SourceInvalid
from monitoring_tasks.store.artifacts import Artifacts


def required(artifacts: Artifacts, key: str) -> bytes:
    """An artifact that an earlier step wrote. Raises `SourceInvalid` when it is gone."""
    content = artifacts.read(key)
    if content is None:
        raise SourceInvalid(f"artifact {key} is gone: clear the run from its first task on, or judge the window again")
    return content


def dump_table(table: pa.Table) -> bytes:
    """A table as parquet."""
    stream = io.BytesIO()
    pq.write_table(table, stream, compression="zstd")
    return stream.getvalue()


def load_table(content: bytes) -> pa.Table:
    """Inverse of `dump_table`."""
    # Not pq.read_table, which imports pandas.
    return pq.ParquetFile(io.BytesIO(content)).read()


def script_href(key: str, name: str) -> str:
    """Address of the shared script `name` as a page under `key` names it.

    >>> script_href("runs/churn/report.html", "evidently.js")
    '../../scripts/evidently.js'
    """
    return "../" * key.count("/") + f"scripts/{name}"


def keep_script(artifacts: Artifacts, name: str, content: Callable[[], bytes]) -> None:
    """Keep the script that all pages share, unless it is there."""
    if not artifacts.exists(f"scripts/{name}"):
        artifacts.write(f"scripts/{name}", content())
