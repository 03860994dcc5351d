"""Reading alone: every value of the window decoded into Arrow's memory, and dropped."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from bench.data import COLUMNS, Data

THREADS = 2
"""As many as ours uses."""


def scan(data: Data) -> Iterator[str]:
    """One row group after the other, its columns decoded by Arrow's own threads: the cheapest way found."""
    pa.set_cpu_count(THREADS)
    rows = 0
    for path in data.files()[1:]:
        file = pq.ParquetFile(path)
        rows += sum(file.read_row_group(group, COLUMNS).num_rows for group in range(file.num_row_groups))
    _require(rows, data)
    yield "scan"


def scan_dataset(data: Data) -> Iterator[str]:
    """The scanner of a dataset as it comes, which reads ahead."""
    pa.set_cpu_count(THREADS)
    _require(sum(batch.num_rows for batch in ds.dataset(data.window).to_batches(columns=COLUMNS)), data)
    yield "scan"


def _require(rows: int, data: Data) -> None:
    if rows != data.rows:
        raise RuntimeError(f"{rows} rows scanned, {data.rows} expected")
