"""Stage evaluate: the training rows with their scores, and how much each feature weighs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from score import predict


def main() -> None:
    """Write `reference.parquet` and `importances.json`."""
    rows = pq.read_table("prepared.parquet")
    scored = rows.set_column(rows.schema.get_field_index("score"), "score", pa.array(predict(rows)))
    pq.write_table(scored, "reference.parquet")
    model = json.loads(Path("model.json").read_text())
    weight = {name: abs(model[name]) * float(np.std(rows[name])) for name in ("age", "spend")} | {"plan": 0.0}
    Path("importances.json").write_text(json.dumps({name: value + 1e-3 for name, value in weight.items()}))


if __name__ == "__main__":
    main()
