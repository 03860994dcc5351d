"""Score a parquet file of raw rows (`prediction_id` and the features) with the model of this revision.

python src/score.py INPUT OUTPUT
"""

from __future__ import annotations

import sys

import pandas as pd
from features import FEATURES
from model import load_model, predict


def main(source: str, target: str) -> None:
    """Write `prediction_id` and `prediction`, one row for each row of `source`, in its order."""
    rows = pd.read_parquet(source, columns=["prediction_id", *FEATURES])
    scores = pd.DataFrame({"prediction_id": rows["prediction_id"], "prediction": predict(load_model(), rows)})
    scores.to_parquet(target, index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
