"""Score a parquet file of raw rows (the logged columns) with the model of this revision.

python src/score.py INPUT OUTPUT
"""

from __future__ import annotations

import sys

import pandas as pd
from features import CATEGORIES, NUMBERS, with_derived
from model import load_model, predict


def main(source: str, target: str) -> None:
    """Write `payment_id` and `prediction`, one row for each row of `source`, in its order."""
    rows = with_derived(pd.read_parquet(source, columns=["payment_id", "at", *CATEGORIES, *NUMBERS]))
    scores = pd.DataFrame({"payment_id": rows["payment_id"], "prediction": predict(load_model(), rows)})
    scores.to_parquet(target, index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
