"""Stage train: means of cells."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from model import CLASSES, DELAYS, cells
from ruamel.yaml import YAML


def main() -> None:
    """Write `model.json`."""
    train = YAML(typ="safe", pure=True).load(Path("params.yaml"))["train"]
    rows = pq.read_table("prepared.parquet")
    edges = np.quantile(rows["distance"].to_numpy(), np.arange(1, train["cells"]) / train["cells"])
    model = {"edges": edges.tolist()}
    near, both = cells(model, rows)
    if train["task"] == "regression":
        gained = rows["minutes"].to_numpy() - rows["dep_delay"].to_numpy()
        model["gain"] = [float(gained[near == cell].mean()) for cell in range(train["cells"])]
    else:
        ended = rows["ended"].to_numpy(zero_copy_only=False)
        counts = np.array(
            [
                [1 + np.sum((both == cell) & (ended == name)) for name in CLASSES]
                for cell in range((len(DELAYS) + 1) * train["cells"])
            ]
        )
        model["shares"] = (counts / counts.sum(axis=1, keepdims=True)).tolist()
    Path("model.json").write_text(json.dumps(model))


if __name__ == "__main__":
    main()
