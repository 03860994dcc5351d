"""Score a parquet file of raw rows with the model of this revision: python score.py INPUT OUTPUT."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def predict(rows: pa.Table) -> np.ndarray:
    """Probability of churn of each row."""
    model = json.loads(Path("model.json").read_text())
    return 1 / (
        1 + np.exp(-(model["base"] + model["age"] * rows["age"].to_numpy() + model["spend"] * rows["spend"].to_numpy()))
    )


def main(source: str, target: str) -> None:
    """Write the columns id and prediction, one row for each row of `source`."""
    rows = pq.ParquetFile(source).read()
    pq.write_table(pa.table({"id": rows["id"], "prediction": predict(rows)}), target)


if __name__ == "__main__":
    main(*sys.argv[1:])
