"""Stage prepare: the flights of the training window that arrived, from the folder that FLIGHTS_DATA names."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from ruamel.yaml import YAML


def main() -> None:
    """Write `prepared.parquet`; days without a file have no rows."""
    window = YAML(typ="safe", pure=True).load(Path("params.yaml"))["data"]
    start, end = (date.fromisoformat(window[key][:10]) for key in ("start", "end"))
    days = (start + timedelta(days=number) for number in range((end - start).days))
    files = [Path(os.environ["FLIGHTS_DATA"]) / f"day={day:%Y-%m-%d}" / "part-0.parquet" for day in days]
    rows = pa.concat_tables([pq.ParquetFile(file).read() for file in files if file.is_file()])
    pq.write_table(rows.filter(pc.is_valid(rows["minutes"])), "prepared.parquet")


if __name__ == "__main__":
    main()
