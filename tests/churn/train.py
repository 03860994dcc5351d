"""Stage train: a logistic regression of churn on age and spend, by Newton's method."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from ruamel.yaml import YAML


def main() -> None:
    """Write `model.json`."""
    steps = YAML(typ="safe", pure=True).load(Path("params.yaml"))["train"]["steps"]
    rows = pq.read_table("prepared.parquet")
    inputs = np.column_stack([np.ones(rows.num_rows), rows["age"], rows["spend"]])
    scale = np.array([1.0, 40.0, 20.0])
    weights = np.zeros(3)
    for _ in range(steps):
        score = 1 / (1 + np.exp(-(inputs / scale) @ weights))
        slope = (inputs / scale).T @ (np.asarray(rows["churned"]) - score)
        curve = (inputs / scale).T @ ((inputs / scale) * (score * (1 - score))[:, None])
        weights = weights + np.linalg.solve(curve + 1e-6 * np.eye(3), slope)
    Path("model.json").write_text(json.dumps(dict(zip(["base", "age", "spend"], weights / scale, strict=True))))


if __name__ == "__main__":
    main()
