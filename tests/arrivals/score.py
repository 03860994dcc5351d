"""Score a parquet file of raw rows with the model of this revision: python score.py INPUT OUTPUT."""

from __future__ import annotations

import sys

import pyarrow as pa
import pyarrow.parquet as pq
from model import predict


def main(source: str, target: str) -> None:
    """Write the columns id and prediction, one row for each row of `source`."""
    rows = pq.ParquetFile(source).read()
    pq.write_table(pa.table({"id": rows["id"], "prediction": pa.array(predict(rows)["predicted"])}), target)


if __name__ == "__main__":
    main(*sys.argv[1:])
