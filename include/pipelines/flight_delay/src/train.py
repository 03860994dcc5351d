"""Stage train: the model, fitted on every prepared flight."""

from __future__ import annotations

import pandas as pd
from features import FEATURES
from model import build_model, save_model
from params import read_params


def main() -> None:
    """Write `model.skops`."""
    flights = pd.read_parquet("flights.parquet")
    save_model(build_model(read_params()["train"]).fit(flights[FEATURES], flights["label"]))


if __name__ == "__main__":
    main()
