"""Stage train: the model, fitted on the prepared payments."""

from __future__ import annotations

import pandas as pd
from features import with_derived
from model import fit, save_model
from params import read_params


def main() -> None:
    """Write `model.skops`."""
    save_model(fit(with_derived(pd.read_parquet("payments.parquet")), read_params()["train"]))


if __name__ == "__main__":
    main()
