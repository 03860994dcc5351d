"""Stage train: the model, how good it is on customers it has not seen, and the reference of the monitor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
from evaluate import cross_validate, measure
from features import FEATURES, with_derived
from model import fit, save_model
from params import read_params


def main() -> None:
    """Write `model.skops`, `metrics.json`, `importances.json` and `reference.parquet`."""
    params, logged = read_params(), pd.read_parquet("payments.parquet")
    payments = with_derived(logged)
    save_model(fit(payments, params["train"]))
    scores, losses = cross_validate(payments, params)
    write_json("metrics.json", measure(logged["label"], scores, params["alert_rate"]))
    write_json("importances.json", dict(sorted(zip(FEATURES, losses.tolist(), strict=True), key=lambda pair: -pair[1])))
    # Without the derived columns: the monitor computes them of the reference as of production.
    logged.assign(score=scores).to_parquet("reference.parquet", index=False)


def write_json(path: str, value: dict[str, Any]) -> None:
    """Write rounded figures: digits beyond the sixth are not worth a difference in git."""
    rounded = {key: round(number, 6) for key, number in value.items()}
    Path(path).write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
